import { expect, test } from '@jest/globals';
import { closedGitEnvironment } from '../../core/git-environment.ts';
import { type GitProcess, runGit } from '../../core/git-process.ts';

/** Runs a shell script in the place of git; the arguments of git follow its own. */
function run(script: string, options: Partial<GitProcess> = {}) {
  const program = ['/bin/sh', '-c', script, 'git'] as const;
  return runGit(['--no-pager', 'status'], { environment: closedGitEnvironment({}, ''), program, ...options });
}

test('git gets its arguments and its input, and answers with bytes, standard error and an expected exit code', async () => {
  const script = 'printf "%s " "$@"; cat; echo careful >&2; exit 1';
  const input = Buffer.from([0xff, 0, 0x0a]);
  expect(await run(script, { input, exitCodes: [0, 1] })).toEqual({
    exitCode: 1,
    stdout: Buffer.concat([Buffer.from('--no-pager status '), input]),
    stderr: 'careful\n',
  });
});

test('input that git does not read is not an error', async () => {
  const input = Buffer.alloc(4 * 1024 * 1024);
  expect(await run('exit 0', { input })).toMatchObject({ exitCode: 0 });
});

test('another exit code names the command, the code and the standard error', async () => {
  await expect(run('echo fatal: no such thing >&2; exit 128')).rejects.toMatchObject({
    name: 'GitFailedError',
    message: 'git status ended with 128: fatal: no such thing',
    exitCode: 128,
    stderr: 'fatal: no such thing\n',
  });
});

test('a signal from outside is a failure without an exit code', async () => {
  await expect(run('kill -9 $$')).rejects.toMatchObject({
    name: 'GitFailedError',
    message: 'git status ended with SIGKILL: nothing on its standard error',
    exitCode: null,
  });
});

test('output past its bound ends git, and what came before is kept', async () => {
  const script = 'printf 12345; sleep 0.2; while :; do echo 1234567890; done';
  await expect(run(script, { maxBytes: 8 })).rejects.toMatchObject({
    name: 'GitBoundExceededError',
    message: 'git status wrote more than 8 bytes',
    output: Buffer.from('12345'),
  });
});

test('a reader that has enough ends git', async () => {
  const read: Buffer[] = [];
  const options = { read: (chunk: Buffer) => read.push(chunk) < 2 };
  await expect(run('while :; do echo a; done', options)).rejects.toMatchObject({
    name: 'GitBoundExceededError',
  });
  expect(read).toHaveLength(2);
});

test('a git that takes too long is ended', async () => {
  await expect(run('exec sleep 600', { timeoutMs: 50 })).rejects.toMatchObject({
    name: 'GitBoundExceededError',
    message: 'git status took more than 0.05 s',
  });
});

test('an aborted signal ends git, and its reason is thrown', async () => {
  const reason = new Error('told to stop');
  const controller = new AbortController();
  const running = run('echo started; exec sleep 600', {
    signal: controller.signal,
    read: () => {
      controller.abort(reason);
      return true;
    },
  });
  await expect(running).rejects.toBe(reason);
  await expect(run('exit 0', { signal: controller.signal })).rejects.toBe(reason);
});

test('a standard error of any length takes bounded memory, and its end is kept', async () => {
  const script = 'head -c 5000000 /dev/zero | tr "\\0" x >&2; echo the end >&2; exit 1';
  const error = await run(script).catch((cause: { stderr: string }) => cause);
  expect(error.stderr.length).toBeLessThan(2_000_000);
  expect(error.stderr).toMatch(/xthe end\n$/);
});

test('a missing git is named, with what to do', async () => {
  await expect(run('', { program: ['/nowhere/git'] })).rejects.toMatchObject({
    name: 'GitNotStartedError',
    message: 'git did not start (spawn /nowhere/git ENOENT): put git 2.38 or newer on PATH.',
  });
});
