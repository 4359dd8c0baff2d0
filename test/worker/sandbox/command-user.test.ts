import { execFileSync } from 'node:child_process';
import { chmodSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ToolExchange, toolExchanges } from '../../../local/model/conversation.ts';
import { workerCommand } from '../../../worker/bundle.ts';
import { processes } from '../../support/process-tree.ts';
import type { Script } from '../../support/scripted-model.ts';
import { until } from '../../support/until.ts';
import { copyWorkerBundle } from '../../support/worker-bundle.ts';
import { call, calls, Stack, submit } from '../../support/worker-stack.ts';

// User ids that are not in use on this machine, so that the test cannot end another user's processes.
const WORKER = 700_000_000 + process.pid;
const COMMANDS = 800_000_000 + process.pid;

/** The capabilities of a container in Docker and Fargate. */
const CONTAINER_CAPABILITIES =
  '-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap';

// Only root can change users as a container's runtime does.
const suite = process.platform === 'linux' && process.getuid?.() === 0 ? describe : describe.skip;

suite('in a container, where commands run as another user', () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start();
    const bin = path.join(stack.folder, 'bin');
    const bundle = path.join(stack.folder, 'bundle');
    const worker = workerCommand(await copyWorkerBundle(bundle));
    // As in the image: a setpriv that may change users, which only the worker may run.
    execFileSync('install', ['-d', bin]);
    execFileSync('install', ['-o', '0', '-g', String(WORKER), '-m', '4750', '/usr/bin/setpriv', bin]);
    for (const folder of ['artifacts', 'tmp', 'compile-cache'])
      await mkdir(path.join(stack.folder, folder), { recursive: true });
    chmodSync(stack.folder, 0o711);
    stack.environment.PATH = `${bin}:${process.env.PATH}`;
    stack.environment.COMMAND_USER = `${COMMANDS}:${COMMANDS}`;
    stack.environment.HOME = path.join(stack.folder, 'home');
    stack.workerCommand = [
      '/usr/bin/setpriv',
      `--reuid=${WORKER}`,
      `--regid=${WORKER}`,
      '--clear-groups',
      `--bounding-set=${CONTAINER_CAPABILITIES}`,
      '--',
      ...worker,
    ];
  });
  afterAll(() => stack?.close());

  const files = {
    'a.txt': 'one\n',
    'run.sh': 'echo ran\n',
    'folder/b.txt': 'b\n',
    link: { link: '/etc/passwd' },
  };

  async function work(name: string, script: Script, settings: object = {}, environment = {}) {
    await stack.createRepository(name, files);
    const jobId = await stack.createJob([name], { settings: { shell: true, ...settings } });
    // Gives the files that the test wrote as root to the worker.
    for (const folder of ['artifacts', 'tmp', 'compile-cache'])
      execFileSync('chown', ['-R', `${WORKER}:${WORKER}`, path.join(stack.folder, folder)]);
    chmodSync(path.join(stack.folder, 'artifacts'), 0o700);
    const finished = await stack.work([jobId, name], script, environment);
    const outcome = await stack.outcome(jobId, name);
    const last = finished.model.requests.at(-1);
    return { ...finished, jobId, outcome, exchanges: last ? toolExchanges(last.body) : [] };
  }

  const shell = (...lines: string[]) => call('shell', { command: lines.join('\n') });
  const resultsOf = (exchanges: ToolExchange[]) => exchanges.map(({ result }) => result).join('\n');

  test("a command has no privileges and cannot gain any, and cannot read the worker's environment or files", async () => {
    const { exchanges, outcome, log } = await work('acme/secrets', [
      calls(
        shell('id -u; id -G; grep -E "^(Cap|NoNewPrivs)" /proc/self/status; cat /proc/self/oom_score_adj'),
        shell(
          'cat /proc/$PPID/environ',
          'ls /proc/$PPID/fd',
          'ls ..',
          'ls ../private',
          'cat ../private/git/config',
        ),
        shell('cat /proc/[0-9]*/environ 2> /dev/null | base64 -w 0 | tail -c 3000'),
        shell(
          `ls ${stack.folder}/artifacts`,
          `cat ${stack.folder}/artifacts/jobs/*/repositories/acme/secrets/1/checkpoint/*`,
        ),
        shell(`${stack.folder}/bin/setpriv --reuid=${WORKER} id`, 'kill -9 $PPID', 'env'),
        shell('cp /bin/sh sh && chmod 6755 sh && ./sh -c "id -u"'),
      ),
      calls(shell('rm sh'), call('edit_file', { path: 'a.txt', oldText: 'one', newText: 'two' })),
      submit,
    ]);
    expect(outcome).toMatchObject({ outcome: 'changed', changes: [{ file: 'a.txt' }] });
    const [who, worker, everyone, thread, ways] = exchanges;
    expect(who!.result).toContain(`${COMMANDS}\n${COMMANDS}\n`);
    expect(who!.result!.match(/^Cap\w+:\s+0+$/gm)).toHaveLength(5);
    expect(who!.result).toMatch(/NoNewPrivs:\s+1\n1000$/m);
    expect(worker!.result!.match(/Permission denied/g)).toHaveLength(5);
    expect(Buffer.from(everyone!.result!.split('\n').at(-1)!, 'base64').toString()).not.toMatch(/KEY|TOKEN/);
    expect(thread!.result!.match(/Permission denied/g)).toHaveLength(2);
    expect(ways!.result).toMatch(/setpriv: Permission denied[\s\S]*not permitted/);
    for (const secret of [stack.environment.CLAUDE_API_KEY!, stack.environment.GITHUB_TOKEN!])
      expect(resultsOf(exchanges) + log).not.toContain(secret);
    expect(resultsOf(exchanges)).not.toContain('[redacted]');
  });

  test('the tree belongs to the command while it runs and to the worker after it, with any modes that it leaves', async () => {
    const { exchanges, outcome, jobId } = await work('acme/tree', [
      calls(
        shell('chmod +x run.sh && touch -d 2001-01-01 a.txt && ./run.sh && echo more >> folder/b.txt'),
        shell(
          'umask 077; mkdir -p closed/in && echo x > closed/in/f && echo private > private.txt',
          'cp /bin/true suid && chmod 6711 suid && chmod 000 closed/in/f closed/in closed',
          'mkfifo .gitignore; ln a.txt hard; ln -s /etc/shadow out; mkdir ../tree/own; echo $HOME > own/home',
        ),
        call('edit_file', { path: 'private.txt', oldText: 'private', newText: 'public' }),
        call('edit_file', { path: 'closed/in/f', oldText: 'x', newText: 'y' }),
        call('write_file', { path: 'closed/in/new.sh', content: 'echo new\n' }),
        shell('chmod +x closed/in/new.sh && ./closed/in/new.sh && cat private.txt && rm hard suid out'),
        call('delete_file', { path: 'own/home' }),
      ),
      calls(
        shell(
          'git status --porcelain > status && stat -c %u .git .git/index .git/objects/pack/*.pack',
          'git log --format=%s && git stash -q && git stash pop -q && cat status && rm status',
        ),
      ),
      submit,
    ]);
    expect(exchanges.filter(({ isError }) => isError)).toEqual([]);
    expect(exchanges[5]!.result).toContain('new\npublic\n');
    expect(exchanges[7]!.result).toMatch(
      new RegExp(
        `\n(?:${COMMANDS}\n){3}first\n M folder/b.txt\n M run.sh\n\\?\\? closed/\n\\?\\? private.txt\n`,
      ),
    );
    const changed = outcome!.changes.map(({ file, status }) => `${status} ${file}`);
    expect(changed).toEqual([
      'added closed/in/f',
      'added closed/in/new.sh',
      'modified folder/b.txt',
      'added private.txt',
      'modified run.sh',
    ]);
    const diff = (await stack.artifacts.read(outcome!.artifacts.diff!))!.toString();
    expect(diff).toMatch(/closed\/in\/new\.sh\nnew file mode 100755/);
    expect(diff).toMatch(/run\.sh\nold mode 100644\nnew mode 100755/);
    expect(await stack.leftovers()).toEqual([]);
    expect(jobId).toBeDefined();
  });

  test('no process that a command started outlives it, even in a new session or with an empty environment', async () => {
    const { exchanges, outcome } = await work(
      'acme/processes',
      [
        calls(
          shell('setsid sleep 600 & env -i setsid nohup sleep 601 > /dev/null 2>&1 &', 'echo started'),
          shell('f() { sleep 0.02 & sleep 0.02; f; }; f & sleep 0.3; echo forked'),
          call('edit_file', { path: 'a.txt', oldText: 'one', newText: 'two' }),
        ),
        submit,
      ],
      { verify: ['env -i setsid sleep 602 & exit 0'] },
    );
    expect(exchanges.map(({ result }) => result).join()).toMatch(/started[\s\S]*forked/);
    expect(outcome).toMatchObject({ outcome: 'changed', verification: [{ exitCode: 0 }] });
    expect(processesOf(COMMANDS)).toEqual([]);
  });

  test('a worker that gets SIGTERM during a command leaves no process and no folder of either user', async () => {
    await stack.createRepository('acme/stopped', files);
    const jobId = await stack.createJob(['acme/stopped'], { settings: { shell: true } });
    for (const folder of ['artifacts', 'tmp', 'compile-cache'])
      execFileSync('chown', ['-R', `${WORKER}:${WORKER}`, path.join(stack.folder, folder)]);
    const command = 'mkdir -p closed/in; chmod 000 closed; setsid sleep 600 & sleep 600';
    const { child, finished } = await stack.startWorker([jobId, 'acme/stopped'], [calls(shell(command))]);
    const ended = finished.then(({ log }) => Promise.reject(new Error(`The worker ended early: ${log}`)));
    await Promise.race([ended, until('the command runs', () => processesOf(COMMANDS).length >= 2)]);
    ended.catch(() => {});
    child.kill('SIGTERM');
    expect((await finished).exitCode).toBe(143);
    expect(processesOf(COMMANDS)).toEqual([]);
    expect(await stack.leftovers()).toEqual([]);
  });

  test('a worker that cannot change users fails with the reason instead of running commands as itself', async () => {
    const { exitCode, log, model } = await work('acme/unable', [], {}, { PATH: process.env.PATH! });
    expect({ exitCode, asked: model.requests.length }).toEqual({ exitCode: 1, asked: 0 });
    expect(log).toMatch(/SettingsError: COMMAND_USER is set, but this worker may not change users/);
  });
});

function processesOf(uid: number): string[] {
  return processes()
    .filter(({ pid }) => {
      try {
        return readFileSync(`/proc/${pid}/status`, 'latin1').includes(`\nUid:\t${uid}\t`);
      } catch {
        return false;
      }
    })
    .map(({ command }) => command);
}
