import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SYNTHESIS_MS, type Synthesized, synthesize } from '../support/synthesized.ts';

/** Where the program is that `npm run test:moto` installed beside moto. */
const PROGRAM = process.env.CFN_LINT ?? 'cfn-lint';
/** CDK writes DependsOn beside references that say the same; nothing comes of it. */
const IGNORED = ['--ignore-checks', 'W3005'];

let dev: Synthesized;
let prod: Synthesized;
beforeAll(async () => {
  [dev, prod] = await Promise.all([synthesize(), synthesize({ environment: 'prod' })]);
}, SYNTHESIS_MS);
afterAll(() => Promise.all([dev, prod].map((one) => one?.remove())));

/** What it finds, warnings included, as `E3002 …`. */
async function faultsOf(template: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)(PROGRAM, [
    ...IGNORED,
    '--format',
    'json',
    '-t',
    template,
  ]).catch((error: { code: unknown; stdout: string }) => {
    // 2, 4, 6 and so on say what was found; anything else is not a verdict.
    if (typeof error.code !== 'number' || error.code < 2) throw error;
    return error;
  });
  const found = JSON.parse(stdout) as { Rule: { Id: string }; Message: string }[];
  return found.map(({ Rule, Message }) => `${Rule.Id} ${Message}`);
}

const templateOf = ({ folder }: Synthesized, environment: string) =>
  path.join(folder, `cody-batch-${environment}.template.json`);

test('cfn-lint accepts the template of each environment', async () => {
  expect(await faultsOf(templateOf(dev, 'dev'))).toEqual([]);
  expect(await faultsOf(templateOf(prod, 'prod'))).toEqual([]);
});

test('cfn-lint also checks the state machine: a state of an unknown type is found', async () => {
  const template = JSON.parse(await readFile(templateOf(dev, 'dev'), 'utf8'));
  const machines = Object.entries<{ Type: string }>(template.Resources).filter(
    ([, { Type }]) => Type === 'AWS::StepFunctions::StateMachine',
  );
  // The machines alone: the whole template takes as long as the other test.
  const text = JSON.stringify({ ...template, Resources: Object.fromEntries(machines) });
  const broken = path.join(dev.folder, 'broken.template.json');
  await writeFile(broken, text.replace('\\"Type\\": \\"Choice\\"', '\\"Type\\": \\"Chooce\\"'));
  expect((await faultsOf(broken)).join('\n')).toMatch(/^E3601 .*Chooce/m);
});
