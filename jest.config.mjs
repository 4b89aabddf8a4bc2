/** Real Node modules (no CommonJS), swc strips the types; one mongod for the whole run, a database per test file. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic' } },
          target: 'es2024',
        },
        module: { type: 'es6' },
      },
    ],
  },
  testMatch: ['**/*.test.ts', '**/*.test.tsx'],
  globalSetup: '<rootDir>/test/set-up/start-mongod.ts',
  globalTeardown: '<rootDir>/test/set-up/stop-mongod.ts',
  maxWorkers: 2,
  testTimeout: 30_000,
  verbose: false,
}
