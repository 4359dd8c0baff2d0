import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { call, calls, filesBelow, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

/** Commands see no key; a model may have it from elsewhere, and a printed form is written into the command here. */
const PLANT: Record<string, (key: string) => string> = {
  'leak.bin': (key) => `printf '\\000\\000bin%s' '${key}' > leak.bin`,
  'base64.bin': (key) => `printf '\\000%s' '${Buffer.from(`ab${key}`).toString('base64')}' > base64.bin`,
  'wide.txt': (key) => `printf '%s' '${key}' | sed 's/./&\\x00/g' > wide.txt`,
  'undiffed.txt': (key) => `echo '*.txt -diff' > .gitattributes; printf '%s' '${key}' > undiffed.txt`,
};

test('a secret in a file that git takes for binary is refused by name, and no artifact has it, compressed or not', async () => {
  const key = stack.environment.CLAUDE_API_KEY!;
  const [first, ...others] = Object.values(PLANT).map((command) => call('shell', { command: command(key) }));
  let saved = '';
  const { outcome, jobId, name, model } = await stack.analyze(
    { 'a.txt': 'a\n' },
    [
      calls(first!),
      // What another worker would go on from, were this one lost now: of a change that is one binary file.
      () => {
        saved = filesBelow(path.join(stack.folder, 'artifacts'));
        return calls(...others);
      },
      submit,
      submit,
      submit,
    ],
    { settings: { shell: true } },
  );
  expect(saved).toContain('"savedAt"');
  expect(saved).toContain("'[redacted]' > leak.bin");
  expect(saved).not.toContain(key);
  expect(saved).not.toContain('GIT binary patch');
  const said = JSON.stringify(model.requests.at(-1)!.body.messages);
  for (const file of Object.keys(PLANT)) expect(said).toContain(file);
  expect(said).toContain('The change contains a credential, in ');
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'gaveUp' });
  // git would give the file back from its compressed form.
  expect(outcome.artifacts.diff).toBeUndefined();
  expect(await stack.artifacts.read(artifactKeys.diff(jobId, name))).toBeUndefined();
  expect(await stack.artifacts.read(artifactKeys.changeSet(jobId, name))).toBeUndefined();
  const below = filesBelow(path.join(stack.folder, 'artifacts', artifactKeys.repository(jobId, name)));
  expect(below).not.toContain(key);
  expect(below).not.toContain('GIT binary patch');
});
