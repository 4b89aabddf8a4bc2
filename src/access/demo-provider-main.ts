import { createServer } from 'node:http'
import express from 'express'
import { Provider } from 'oidc-provider'
import { type DemoProviderSettings, providerConfiguration } from './demo-provider-configuration.ts'
import { interactionRoutes } from './demo-sign-in.ts'

/**
 * The demo identity provider's own process. Its settings come as the first message from the parent (secrets never stand in the
 * environment or on the command line); it answers `{port}` once it listens, and ends with its parent.
 */
if (process.env['FLSDB_PROFILE'] === 'production') {
  process.stderr.write('The demo identity provider does not run in the production profile.\n')
  process.exit(1)
}
process.once('message', message => void start(message as DemoProviderSettings))
process.once('disconnect', () => process.exit(0))
process.on('SIGINT', () => {})

async function start(settings: DemoProviderSettings): Promise<void> {
  // oidc-provider prints set-up advice meant for production on stderr; this process is for the demo only.
  console.warn = () => {}
  console.info = () => {}
  const provider = new Provider(settings.issuer, providerConfiguration(settings))
  provider.proxy = true
  const app = express()
  app.disable('x-powered-by')
  app.use('/idp', interactionRoutes(provider, settings.identities.users))
  app.use('/idp', provider.callback())
  const server = createServer(app)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  process.send?.({ port: typeof address === 'object' && address ? address.port : 0 })
}
