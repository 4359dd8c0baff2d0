import { beforeAll, expect, test } from '@jest/globals';
import { onlyPart, type PARTS, type Template } from '../../../lib/commands/only.ts';
import { SYNTHESIS_MS, synthesize } from '../../support/synthesized.ts';

let deployed: Template;
/** What a later commit would synthesize: everything differs. */
let next: Template;
beforeAll(async () => {
  deployed = (await synthesize({ environment: 'dev' })).template;
  next = changed(structuredClone(deployed));
}, SYNTHESIS_MS);

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
  expect(differences(deployed, next).length).toBeGreaterThan(4);
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
