/** Two tiers: `*.test.ts` is the everyday one (`npm test`), `*.full.test.ts` the rest (`npm run test:full`). */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2024' }, module: { type: 'es6' } },
    ],
  },
  testMatch: [
    process.env.TEST_TIER === 'full'
      ? '<rootDir>/test/**/*.full.test.ts'
      : '<rootDir>/test/**/!(*.full).test.ts',
  ],
  testTimeout: 60_000,
  // The longer tests kill and count: beside each other they would measure the machine.
  maxWorkers: process.env.TEST_TIER === 'full' ? 1 : 2,
};
