/**
 * Four tiers: `*.test.ts` is the everyday one (`npm test`), `*.full.test.ts` what takes longer (`npm run test:full`),
 * `*.campaign.test.ts` what takes many minutes and is not in CI (`npm run test:campaign`), and by `npm run test:moto` whatever `test/support/stores.ts` opens runs again on moto's DynamoDB and S3, with `*.moto.test.ts`, which
 * need what that command installs.
 */
const TIERS = {
  everyday: ['<rootDir>/test/**/!(*.full|*.moto|*.campaign).test.ts'],
  full: ['<rootDir>/test/**/*.full.test.ts'],
  campaign: ['<rootDir>/test/**/*.campaign.test.ts'],
  moto: [
    '<rootDir>/test/**/*.moto.test.ts',
    '<rootDir>/test/core/store/{artifacts,idempotency-keys,job-control,job-table,late-cancel,rate-slots,repository-index,repository-table,tables}.test.ts',
    '<rootDir>/test/statemachine/updates.test.ts',
  ],
};

export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript' },
          target: 'es2024',
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
  setupFilesAfterEnv: ['<rootDir>/test/support/check-answers.ts'],
  globalSetup: '<rootDir>/test/support/run-folder.ts',
  globalTeardown: '<rootDir>/test/support/remove-run-folder.ts',
  testSequencer: '<rootDir>/test/support/longest-first.js',
  testMatch: TIERS[process.env.TEST_TIER ?? 'everyday'],
  // A bound for what hangs, not for what is slow: a busy machine takes many times what a quiet one does.
  testTimeout: 900_000,
  // Everyday tests wait a third of their time: three of them keep two cores busy. Long ones wait more.
  maxWorkers: process.env.TEST_TIER === 'full' ? 4 : 3,
};
