import { expect } from '@jest/globals';
import { call, calls, submit } from '../worker-stack.ts';
import { editTarget, type HostileRepository } from './repository.ts';

const MIB = 1024 * 1024;

const lingering: HostileRepository = {
  has: 'a check that leaves processes behind, also in other sessions',
  content: {
    'linger.sh': [
      'sleep 600 & nohup sleep 601 > /dev/null 2>&1 &',
      'setsid sh -c "trap \'\' TERM HUP; sleep 602; sleep 603" &',
      "setsid sh -c 'sleep 604 & exit' < /dev/null > /dev/null 2>&1",
      'sleep 0.5',
      '',
    ].join('\n'),
  },
  settings: { verify: ['sh linger.sh'] },
  script: [calls(editTarget, call('run_check', { command: 'sh linger.sh' })), submit],
  expects: ({ outcome, observed }) => {
    expect([...observed.commandLines].join('\n')).toContain('sleep 602');
    expect(outcome.verification).toMatchObject([{ exitCode: 0 }]);
    // Less than the ten minutes of the sleeping processes.
    expect(outcome.verification[0]!.seconds).toBeLessThan(300);
  },
};

/** A check that prints one line of `bytes` bytes between the lines `first` and `last`. */
export function printing(bytes: number): HostileRepository {
  const command = `echo first; head -c ${bytes} /dev/zero | tr "\\0" x; echo; echo last; exit 1`;
  return {
    has: `a check that prints ${bytes / MIB} MiB`,
    content: {},
    settings: { verify: [command], verifyBaseline: false },
    script: [calls(editTarget, call('run_check', { command })), submit, submit, submit],
    ends: { outcome: 'gaveUp', end: 'gaveUp' },
    expects: ({ outcome, exchanges }) => {
      expect(exchanges[1]!.result).toMatch(
        /exit code 1[\s\S]*first\nx+\n… \d+ characters left out …\nx+\nlast/,
      );
      expect(exchanges[1]!.result!.length).toBeLessThan(10_200);
      expect(outcome.summary).toContain('last');
    },
  };
}

const sparse: HostileRepository = {
  has: 'a setup that makes a sparse file of 2 GiB',
  content: {},
  settings: { setup: ['truncate -s 2G huge.bin'] },
  script: [
    calls(
      call('read_file', { path: 'huge.bin' }),
      call('search_code', { pattern: 'old' }),
      call('edit_file', { path: 'huge.bin', oldText: 'a', newText: 'b' }),
      editTarget,
    ),
    submit,
    calls(call('delete_file', { path: 'huge.bin' })),
    submit,
  ],
  expects: ({ exchanges }) => {
    const [read, search, edit, , submission] = exchanges;
    expect([read!.isError, edit!.isError]).toEqual([true, true]);
    expect(search!.result).toMatch(/^target\.txt:1: old\n\(Not searched.*huge\.bin/);
    expect(submission).toMatchObject({
      isError: true,
      result: expect.stringContaining('huge.bin has 2147483648 bytes'),
    });
  },
};

const undeleted: HostileRepository = {
  has: 'a setup that makes a sparse file of 2 GiB, which the model never deletes',
  content: {},
  settings: { setup: ['truncate -s 2G huge.bin'] },
  script: [calls(editTarget), submit, submit, submit],
  ends: { outcome: 'gaveUp', end: 'gaveUp', changes: [{ file: 'target.txt' }] },
  expects: ({ outcome }) => expect(outcome.summary).toContain('huge.bin'),
};

const closed: HostileRepository = {
  has: 'a check that leaves files and folders without permissions, and pipes in place of git settings',
  content: { '.gitignore': 'ignored\n', 'folder/file': 'x\n' },
  settings: { shell: true },
  script: [
    calls(
      call('shell', {
        command: [
          'mkdir -p a/b/c made && echo x > a/b/c/f && rm .gitignore && mkfifo .gitignore .gitattributes folder/pipe',
          'git init -q nested && rm nested/.git/HEAD && mkfifo nested/.git/HEAD',
          'rm folder/file && mkfifo folder/file && touch made/f && chmod 000 made/f a/b/c/f a/b/c a',
        ].join(' && '),
      }),
      call('search_code', { pattern: 'old' }),
      call('list_files', {}),
      editTarget,
    ),
    calls(
      call('shell', {
        command: 'chmod -R u+rwX a && rm -rf a made nested; echo ignored > .gitignore; echo x > folder/file',
      }),
    ),
    submit,
  ],
  expects: ({ exchanges }) =>
    expect(exchanges.slice(1, 4).map(({ isError }) => isError)).toEqual([false, false, false]),
};

const linked: HostileRepository = {
  has: 'a check that replaces a folder by a link out of the tree',
  content: { 'folder/file': 'x\n' },
  settings: { shell: true },
  script: [
    calls(
      editTarget,
      call('shell', { command: 'rm -rf folder && ln -s /tmp folder' }),
      call('write_file', { path: 'folder/file', content: 'y\n' }),
      call('list_files', { path: 'folder' }),
    ),
    submit,
    calls(call('shell', { command: 'rm folder && mkdir folder && echo x > folder/file' })),
    submit,
  ],
  expects: ({ exchanges }) => {
    const [, , write, list, submission] = exchanges;
    expect([write!.isError, list!.isError]).toEqual([true, true]);
    expect(submission).toMatchObject({
      isError: true,
      result: expect.stringContaining('leads out of the repository'),
    });
  },
};

export const tooMuch: HostileRepository = {
  has: 'a check that writes more than the largest patch',
  content: {},
  settings: { shell: true, maxPatchKiB: 16_384 },
  script: [
    calls(
      editTarget,
      call('shell', {
        command: 'for i in 1 2 3 4; do head -c 6000000 /dev/urandom | base64 > noise-$i; done',
      }),
    ),
    submit,
    submit,
    submit,
  ],
  ends: { outcome: 'gaveUp', end: 'gaveUp' },
  expects: ({ outcome }) => {
    expect(outcome.summary).toContain('more than 16384 KiB');
    expect(outcome.artifacts.diff).toBeUndefined();
  },
};

export const commands: HostileRepository[] = [
  lingering,
  printing(20 * MIB),
  sparse,
  undeleted,
  closed,
  linked,
];
