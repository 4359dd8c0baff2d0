import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { DescribeStateMachineCommand, ListStateMachinesCommand, SFNClient } from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { getLanguageService } from 'amazon-states-language-service';
import aslValidator from 'asl-validator';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { jobDefinition, jobDefinitionText } from '../../statemachine/job.ts';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { type ServedStack, startStackProcess } from '../support/stack.ts';

let stack: ServedStack;
let printed: string;

beforeAll(async () => {
  stack = await startStackProcess();
  const { stdout } = await promisify(execFile)('npm', ['run', '--silent', 'asl'], { maxBuffer: 1e7 });
  printed = stdout;
});
afterAll(() => stack.close());

test('the local engine runs the bytes that npm run asl prints, with all names substituted', async () => {
  const client = new SFNClient({
    ...LOCAL_AWS,
    endpoint: stack.awsVariables.AWS_ENDPOINT_URL_SFN!,
  });
  const { stateMachines } = await client.send(new ListStateMachinesCommand({}));
  const { definition } = await client.send(
    new DescribeStateMachineCommand({ stateMachineArn: stateMachines![0]!.stateMachineArn! }),
  );
  client.destroy();

  // The text between the names is compared byte for byte; substitution may change only the names.
  const parts = printed.split(/\$\{\w+\}/);
  const names = [...printed.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!);
  let rest = definition!;
  const filled = new Map<string, string>();
  for (const [i, part] of parts.entries()) {
    const at = i === 0 ? 0 : rest.indexOf(part);
    if (i > 0) filled.set(names[i - 1]!, rest.slice(0, at));
    expect(rest.slice(at, at + part.length)).toBe(part);
    rest = rest.slice(at + part.length);
  }
  expect(rest).toBe('');
  expect(filled.get('JobsTable')).toBe('cody-batch-local-jobs');
  for (const value of filled.values()) expect(value).toMatch(/^[\w-]+$/);
});

test('the deployed definition is the printed one', () => {
  expect(jobDefinitionText()).toBe(printed);
});

test('asl-validator finds no error in the definition', () => {
  const { isValid, errorsText } = aslValidator(jobDefinition());
  expect(errorsText('\n')).toBe('');
  expect(isValid).toBe(true);
});

test('the language service of the AWS Toolkit finds no error in the definition', async () => {
  expect(await languageServiceFaults(printed)).toEqual([]);
});

test('both validators find a transition that leads nowhere', async () => {
  const broken = jobDefinition();
  (broken.States.StartJob as { Next: string }).Next = 'Nowhere';
  expect(aslValidator(broken).isValid).toBe(false);
  expect(await languageServiceFaults(JSON.stringify(broken, null, 2))).not.toEqual([]);
});

async function languageServiceFaults(text: string): Promise<string[]> {
  const service = getLanguageService({});
  const document = TextDocument.create('file:///job.asl.json', 'asl', 1, text);
  const faults = await service.doValidation(document, service.parseJSONDocument(document));
  return faults.map(({ message, range }) => `${range.start.line + 1}: ${message}`);
}
