import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { withTables } from '../../bin/runbook.ts';

test("the runbook's tables of errors are those of the error classes and the API's problems: npm run runbook", () => {
  const runbook = readFileSync('docs/runbook.md', 'utf8');
  expect(withTables(runbook)).toBe(runbook);
  for (const name of ['WorkerLostError', 'BatchThrottledError', 'JobStopped', 'not-signed-in'])
    expect(runbook).toContain(`\`${name}\``);
});
