import { expect } from '@jest/globals';
import { call, calls, submit } from '../worker-stack.ts';
import { pushRaw, type RawEntry, type RawRepository } from './raw-commit.ts';
import { CANARIES, editTarget, type HostileRepository, type Met } from './repository.ts';

const LINKS = {
  out: '/etc',
  passwd: '/etc/passwd',
  up: '..',
  'git-folder': '../private/git',
  'git-config': '../private/git/config',
  'dot-git': '.git',
  self: 'self',
};

const links: HostileRepository = {
  has: 'symbolic links out of the tree, into the git directory and to themselves',
  content: Object.fromEntries(Object.entries(LINKS).map(([name, link]) => [name, { link }])),
  script: [
    calls(
      ...Object.keys(LINKS).flatMap((name) =>
        ['', '/hosts', '/config', '/own/git/config'].flatMap((below) => [
          call('read_file', { path: name + below }),
          call('write_file', { path: name + below, content: 'planted' }),
          call('edit_file', { path: name + below, oldText: 'a', newText: 'b' }),
          call('search_code', { path: name + below, pattern: 'root' }),
          call('list_files', { path: name + below }),
        ]),
      ),
      editTarget,
    ),
    submit,
  ],
  expects: ({ exchanges }) => {
    const attempts = exchanges.filter(({ input }) => (input as { path?: string }).path !== 'target.txt');
    const succeeded = attempts.filter(({ name, isError }) => name !== 'task_complete' && !isError);
    expect(succeeded.map(({ name, input }) => `${name} ${JSON.stringify(input)}`)).toEqual([]);
  },
};

const unavailable = {
  outcome: 'failed',
  turns: 0,
  costUsd: 0,
  error: { name: 'RepositoryUnavailableError', message: expect.stringContaining('cannot be checked out') },
};

/** A tree with target.txt and one entry that git refuses to write to disk. */
function refused(has: string, entry: (repository: RawRepository) => RawEntry): HostileRepository {
  return {
    has,
    content: (stack, name) =>
      pushRaw(stack, name, (repository) => repository.tree(entry(repository), target(repository))),
    script: [],
    ends: unavailable,
  };
}

function target(repository: RawRepository): RawEntry {
  return { mode: '100644', name: 'target.txt', id: repository.blob('old\n') };
}

function folder(repository: RawRepository, name: string, file: string): RawEntry {
  const id = repository.tree({ mode: '100644', name: file, id: repository.blob('planted\n') });
  return { mode: '40000', name, id };
}

/** Nested folders, the innermost with a file. */
function nested(repository: RawRepository, depth: number, name: string): RawEntry {
  let id = repository.tree({ mode: '100644', name: 'file', id: repository.blob('old\n') });
  for (let i = 1; i < depth; i++) id = repository.tree({ mode: '40000', name, id });
  return { mode: '40000', name, id };
}

const deep: HostileRepository = {
  has: '300 nested folders, and a setup that makes a deeper path than the system allows',
  content: (stack, name) =>
    pushRaw(stack, name, (repository) => repository.tree(nested(repository, 300, 'd'), target(repository))),
  settings: {
    setup: [
      'i=0; while [ $i -lt 300 ]; do mkdir long-name-of-a-folder && cd long-name-of-a-folder; i=$((i+1)); done',
    ],
  },
  script: [
    calls(
      call('list_files', { pattern: '**/d/**/d/**/d/**/d/**/no-such-file' }),
      call('list_files', {}),
      call('search_code', { pattern: 'old', filesOnly: true }),
      call('write_file', { path: 'n'.repeat(300), content: 'x' }),
      call('read_file', { path: 'd/'.repeat(3000) }),
      editTarget,
    ),
    submit,
  ],
  expects: ({ exchanges }) => {
    expect(exchanges[1]!.result).toContain('d/d/d/d/d/');
    expect(exchanges.map(({ isError }) => isError)).toEqual([false, false, false, true, true, false]);
  },
};

const collisions: HostileRepository = {
  has: 'names that differ only in case',
  content: { readme: 'a\n', README: 'b\n', 'Readme/file': 'c\n', 'TARGET.TXT': 'old\n' },
};

const invalidUtf8: HostileRepository = {
  has: 'names and contents that are not UTF-8',
  content: (stack, name) =>
    pushRaw(stack, name, (repository) => {
      const id = repository.blob(Buffer.from('old caf\xe9 \xff\xfe\n', 'latin1'));
      const bad = ['\xe9.txt', '\xff\xfe'].map((file): RawEntry => {
        return { mode: '100644', name: Buffer.from(file, 'latin1'), id };
      });
      return repository.tree({ mode: '100644', name: 'latin1.txt', id }, target(repository), ...bad);
    }),
  settings: { shell: true },
  script: [
    calls(
      call('list_files', {}),
      call('search_code', { pattern: 'old' }),
      call('read_file', { path: '\uFFFD.txt' }),
      call('edit_file', { path: 'latin1.txt', oldText: 'old', newText: 'new' }),
      editTarget,
      call('shell', { command: 'for f in *.txt; do echo more >> "$f"; done' }),
    ),
    submit,
    calls(call('shell', { command: 'for f in ?.txt; do head -n 1 "$f" > x && mv x "$f"; done' })),
    submit,
  ],
  ends: { outcome: 'changed', changes: [{ file: 'latin1.txt' }, { file: 'target.txt' }] },
  expects: ({ exchanges }: Met) => {
    expect(exchanges.filter(({ isError }) => isError).map(({ result }) => result)).toEqual([
      expect.stringContaining('no \uFFFD.txt'),
      expect.stringContaining('not UTF-8'),
    ]);
  },
};

const SUBMODULE = 'a'.repeat(40);

const submodules: HostileRepository = {
  has: 'submodules by file:// and ext::, with an update command, and a repository at the path of a gitlink',
  content: (stack, name) =>
    pushRaw(stack, name, (repository) => {
      const section = (module: string, url: string) =>
        `[submodule "${module}"]\n\tpath = ${module}\n\turl = ${url}\n\tupdate = !touch ${CANARIES}/update\n`;
      const modules = [
        section('ext', `ext::sh -c touch% ${CANARIES}/ext`),
        section('file', 'file:///etc'),
        section('../../private/git/hooks', '-u./payload'),
      ].join('');
      const links = ['ext', 'file'].map(
        (module): RawEntry => ({ mode: '160000', name: module, id: SUBMODULE }),
      );
      const entry: RawEntry = { mode: '100644', name: '.gitmodules', id: repository.blob(modules) };
      return repository.tree(entry, ...links, target(repository));
    }),
  settings: {
    setup: [
      `cd file && git init -q && git -c user.name=a -c user.email=a commit -q --allow-empty -m x && git config core.fsmonitor "touch ${CANARIES}/gitlink"`,
    ],
  },
  expects: ({ observed }) =>
    expect([...observed.commandLines].filter((line) => /git[ -]submodule/.test(line))).toEqual([]),
};

const lfs: HostileRepository = {
  has: 'files of Git LFS, with its own server',
  content: {
    '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
    '.lfsconfig': '[lfs]\n\turl = http://127.0.0.1:9/lfs\n',
    'model.bin': `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12345\n`,
  },
  script: [calls(call('read_file', { path: 'model.bin' }), editTarget), submit],
  expects: ({ exchanges, observed }) => {
    expect(exchanges[0]!.result).toContain('git-lfs.github.com');
    expect([...observed.commandLines].filter((line) => line.includes('lfs'))).toEqual([]);
  },
};

const encodings = [
  'working-tree-encoding',
  'working-tree-encoding=UTF-16',
  'working-tree-encoding=nonsense',
].map(
  (attribute): HostileRepository => ({
    has: `attributes that ask for ${attribute}`,
    content: (stack, name) =>
      pushRaw(stack, name, (repository) => {
        const id = repository.blob(`* ${attribute}\n`);
        return repository.tree({ mode: '100644', name: '.gitattributes', id }, target(repository));
      }),
  }),
);

/** Those that lead out of the tree in three different ways: links, a nested repository, names that are not text. */
export const everydayPaths: HostileRepository[] = [links, invalidUtf8, submodules];

export const paths: HostileRepository[] = [
  refused('a folder named ..', (repository) => folder(repository, '..', 'planted')),
  refused('a folder named .git', (repository) => folder(repository, '.git', 'config')),
  refused('a folder that is .git on another system', (repository) => folder(repository, 'git~1', 'config')),
  refused('a path longer than any system allows', (repository) =>
    nested(repository, 300, 'name-of-a-long-folder'),
  ),
  deep,
  collisions,
  lfs,
  ...encodings,
];
