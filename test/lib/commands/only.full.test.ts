import { cp, readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { keepOnly, onlyPart, type PARTS, type Template } from '../../../lib/commands/only.ts';
import { startAccount } from '../../support/aws-account.ts';
import { SYNTHESIS_MS, synthesizeWatched } from '../../support/synthesized.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const STACK = 'cody-batch-dev';
const FILES = [`${STACK}.template.json`, `${STACK}.assets.json`, 'manifest.json'];

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let deployed: Template;
/** What a later commit would synthesize: everything differs. */
let next: Template;
beforeAll(async () => {
  folder = await temporaryFolder();
  const made = await synthesizeWatched();
  deployed = made.template;
  for (const name of FILES) await cp(path.join(made.folder, name), path.join(folder.path, name));
  next = changed(structuredClone(deployed));
}, SYNTHESIS_MS);
afterAll(() => folder.remove());

function changed(template: Template): Template {
  for (const { Type, Properties } of Object.values(template.Resources)) {
    if (!Properties) continue;
    if (Type === 'AWS::Lambda::Function') {
      Properties.Code = { S3Bucket: 'assets', S3Key: 'next.zip' };
      Properties.Timeout = 1;
    }
    if (Type === 'AWS::Batch::JobDefinition') {
      (Properties.ContainerProperties as Record<string, unknown>).Image = 'next';
      Properties.Timeout = { AttemptDurationSeconds: 60 };
    }
    if (Type === 'Custom::CDKBucketDeployment') Properties.SourceObjectKeys = ['next.zip'];
    if (Type === 'AWS::DynamoDB::Table') Properties.TableName = 'next';
  }
  return template;
}

/** The paths of all values in which two templates differ, by the type of the resource. */
function differences(a: Template, b: Template): string[] {
  const found = Object.entries(a.Resources).flatMap(([id, { Type, Properties = {} }]) =>
    Object.keys(Properties).flatMap((name) =>
      JSON.stringify(Properties[name]) === JSON.stringify(b.Resources[id]!.Properties?.[name])
        ? []
        : [`${Type}.${name}`],
    ),
  );
  return [...new Set(found)].sort();
}

test('a deployment of one part changes that part alone', () => {
  const changes = (part: (typeof PARTS)[number]) => differences(deployed, onlyPart(deployed, next, part));
  expect(changes('functions')).toEqual(['AWS::Lambda::Function.Code']);
  expect(changes('worker')).toEqual(['AWS::Batch::JobDefinition.ContainerProperties']);
  expect(changes('page')).toEqual(['Custom::CDKBucketDeployment.SourceObjectKeys']);
  expect(differences(deployed, next).length).toBeGreaterThan(4);
});

test('the cloud assembly then has the deployed template, under a name that CDK has not uploaded yet', async () => {
  const read = (name: string) => readFile(path.join(folder.path, name), 'utf8');
  const account = await startAccount();
  Object.assign(process.env, account.variables);
  account.template = changed(structuredClone(deployed));
  const before = await read('manifest.json');
  try {
    const at = { region: 'eu-west-1', profile: undefined };
    await keepOnly('functions', { folder: folder.path, stack: STACK, account: at });
  } finally {
    await account.close();
  }
  const written: Template = JSON.parse(await read(`${STACK}.template.json`));
  // The functions are those of the synthesis, and the rest is as deployed.
  expect(differences(deployed, written)).toContain('AWS::DynamoDB::Table.TableName');
  const codes = Object.values(written.Resources).flatMap(({ Type, Properties }) =>
    Type === 'AWS::Lambda::Function' && Properties!.FunctionName ? [JSON.stringify(Properties!.Code)] : [],
  );
  expect(codes.filter((code) => code.includes('next.zip'))).toEqual([]);
  const digestIn = (manifest: string) => /\/([0-9a-f]{64})\.json"/.exec(manifest)![1]!;
  const digest = digestIn(await read('manifest.json'));
  expect(digest).not.toBe(digestIn(before));
  expect(await read(`${STACK}.assets.json`)).toContain(digest);
});

test("CDK's own functions stay as they are deployed", () => {
  const { Resources } = onlyPart(deployed, next, 'functions');
  const codes = Object.values(Resources).flatMap(({ Type, Properties }) =>
    Type === 'AWS::Lambda::Function' ? [[Properties!.FunctionName !== undefined, Properties!.Code]] : [],
  );
  for (const [isOurs, code] of codes) expect(JSON.stringify(code).includes('next.zip')).toBe(isOurs);
});

test('a function that the deployed stack does not have needs a whole deployment', () => {
  const more = structuredClone(next);
  more.Resources.Another = {
    Type: 'AWS::Lambda::Function',
    Properties: { FunctionName: 'cody-batch-dev-another', Code: {} },
  };
  expect(() => onlyPart(deployed, more, 'functions')).toThrow(
    /Another is only in one.*Deploy without --only/,
  );
  expect(() => onlyPart({ Resources: {} }, { Resources: {} }, 'page')).toThrow(/none to deploy/);
});
