FROM node:24.21.0-bookworm-slim
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund
COPY bin bin
COPY src src
COPY mappings mappings
COPY terminology terminology
COPY models models
COPY profiles profiles
COPY synthetic synthetic
COPY docs docs
COPY README.md GLOSSARY.md ./
RUN mkdir -p /data /keys && chown node:node /data /keys
USER node
EXPOSE 3000 2575
CMD ["node", "--disable-warning=ExperimentalWarning", "src/start.ts"]
