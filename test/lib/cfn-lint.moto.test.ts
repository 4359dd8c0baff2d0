import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from '@jest/globals';
import { SYNTHESIS_MS, synthesize } from '../support/synthesized.ts';

/** Where the program is that `npm run test:moto` installed beside moto. */
const PROGRAM = process.env.CFN_LINT ?? 'cfn-lint';
/** CDK writes DependsOn beside references that say the same; nothing comes of it. */
const IGNORED = ['--ignore-checks', 'W3005'];

/** Returns cfn-lint's findings for each template, such as `E3002 …`. Warnings are included. */
let faults: Record<'dev' | 'prod' | 'broken', string[]>;
beforeAll(async () => {
  const [dev, prod] = await Promise.all([synthesize(), synthesize({ environment: 'prod' })]);
  const files = {
    dev: path.join(dev.folder, 'cody-batch-dev.template.json'),
    prod: path.join(prod.folder, 'cody-batch-prod.template.json'),
    broken: path.join(process.env.TEST_RUN_FOLDER!, 'broken.template.json'),
  };
  const template = JSON.parse(await readFile(files.dev, 'utf8'));
  const machines = Object.entries<{ Type: string }>(template.Resources).filter(
    ([, { Type }]) => Type === 'AWS::StepFunctions::StateMachine',
  );
  // The machines alone: the whole template takes as long as the others.
  const text = JSON.stringify({ ...template, Resources: Object.fromEntries(machines) });
  await writeFile(files.broken, text.replace('\\"Type\\": \\"Choice\\"', '\\"Type\\": \\"Chooce\\"'));
  faults = await faultsOf(files);
}, SYNTHESIS_MS);

/** One process for all of them: most of its time is its start. */
async function faultsOf<Name extends string>(files: Record<Name, string>): Promise<Record<Name, string[]>> {
  const templates = Object.values<string>(files).flatMap((file) => ['-t', file]);
  const { stdout } = await promisify(execFile)(PROGRAM, [...IGNORED, '--format', 'json', ...templates], {
    maxBuffer: 2 ** 26,
  }).catch((error: { code: unknown; stdout: string }) => {
    // 2, 4, 6 and so on say what was found; anything else is not a verdict.
    if (typeof error.code !== 'number' || error.code < 2) throw error;
    return error;
  });
  const found = JSON.parse(stdout) as { Filename: string; Rule: { Id: string }; Message: string }[];
  const of = (file: string) =>
    found.filter(({ Filename }) => Filename === file).map(({ Rule, Message }) => `${Rule.Id} ${Message}`);
  const entries = Object.entries<string>(files).map(([name, file]) => [name, of(file)]);
  return Object.fromEntries(entries) as Record<Name, string[]>;
}

test('cfn-lint accepts the template of each environment', () => {
  expect(faults.dev).toEqual([]);
  expect(faults.prod).toEqual([]);
});

test('cfn-lint also checks the state machine: a state of an unknown type is found', () => {
  expect(faults.broken.join('\n')).toMatch(/^E3601 .*Chooce/m);
});
