import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { call, calls, filesBelow, Stack, submit } from '../../support/worker-stack.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start();
});
afterAll(() => stack.close());

/** Commands cannot read the key, so it is written into them, as if the model had it from elsewhere. */
const PLANT: Record<string, (key: string) => string> = {
  'leak.bin': (key) => `printf '\\000\\000bin%s' '${key}' > leak.bin`,
  'base64.bin': (key) => `printf '\\000%s' '${Buffer.from(`ab${key}`).toString('base64')}' > base64.bin`,
  'wide.txt': (key) => `printf '%s' '${key}' | sed 's/./&\\x00/g' > wide.txt`,
  'undiffed.txt': (key) => `echo '*.txt -diff' > .gitattributes; printf '%s' '${key}' > undiffed.txt`,
};

test('a file with a secret that git treats as binary is refused by name, and no artifact has the secret, compressed or not', async () => {
  const key = stack.environment.CLAUDE_API_KEY!;
  const [first, ...others] = Object.values(PLANT).map((command) => call('shell', { command: command(key) }));
  let saved = '';
  const { outcome, jobId, name, model } = await stack.analyze(
    { 'a.txt': 'a\n' },
    [
      calls(first!),
      // Reads the checkpoint, whose change is one binary file.
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
  const messages = JSON.stringify(model.requests.at(-1)!.body.messages);
  for (const file of Object.keys(PLANT)) expect(messages).toContain(file);
  expect(messages).toContain('The change contains a credential, in ');
  expect(outcome).toMatchObject({ outcome: 'gaveUp', end: 'gaveUp' });
  // A patch would hold the file compressed.
  expect(outcome.artifacts.diff).toBeUndefined();
  expect(
    await stack.artifacts.read(runArtifactKeys({ jobId, repositoryName: name, run: 1 }).diff),
  ).toBeUndefined();
  expect(
    await stack.artifacts.read(runArtifactKeys({ jobId, repositoryName: name, run: 1 }).changeSet),
  ).toBeUndefined();
  const below = filesBelow(
    path.join(stack.folder, 'artifacts', runArtifactKeys({ jobId, repositoryName: name, run: 1 }).folder),
  );
  expect(below).not.toContain(key);
  expect(below).not.toContain('GIT binary patch');
});
