import { expect } from '@jest/globals';
import { call, calls, submit } from '../worker-stack.ts';
import { printing, tooMuch } from './commands.ts';
import { pushImport, pushRaw, type RawEntry } from './raw-commit.ts';
import { editTarget, type HostileRepository } from './repository.ts';

const MIB = 1024 * 1024;

const look = [
  call('list_files', {}),
  call('list_files', { pattern: '**/*{1,2,3}.txt' }),
  call('search_code', { pattern: 'old' }),
];

/** A multiple of ten. */
const many = (files: number): HostileRepository => ({
  has: `${files.toLocaleString('en')} files`,
  content: (stack, name) =>
    pushImport(stack, name, function* () {
      yield { path: 'target.txt', content: 'old\n' };
      for (let i = 0; i < files; i++) yield { path: `${i % 317}/${i}.txt`, content: `file ${i}\n` };
    }),
  settings: { verify: ['true'] },
  script: [
    calls(...look, call('search_code', { pattern: `file ${files / 10 - 1}`, filesOnly: true }), editTarget),
    submit,
  ],
  expects: ({ exchanges }) => {
    expect(exchanges[0]!.result).toContain(`… ${files + 1 - 500} more files`);
    expect(exchanges[3]!.result).toMatch(/^11 files match\./);
  },
});

const longLine: HostileRepository = {
  has: 'a line of 200 MB',
  content: (stack, name) =>
    pushImport(stack, name, function* () {
      yield { path: 'target.txt', content: 'old\n' };
      yield { path: 'long.txt', content: 'old '.repeat(50_000_000) };
    }),
  settings: { shell: true },
  script: [
    calls(...look, call('read_file', { path: 'long.txt' }), editTarget),
    calls(call('shell', { command: 'echo more >> long.txt' })),
    submit,
    calls(call('shell', { command: 'rm long.txt' })),
    submit,
    submit,
  ],
  ends: { outcome: 'gaveUp', end: 'gaveUp', changes: [{ file: 'target.txt' }] },
  expects: ({ exchanges }) => {
    expect(exchanges[2]!.result).toMatch(/^target\.txt:1: old\n\(Not searched.*long\.txt/);
    expect(exchanges[3]).toMatchObject({ isError: true, result: expect.stringContaining('200000000 bytes') });
  },
};

const newFiles: HostileRepository = {
  has: 'a setup that makes 21,000 files',
  content: {},
  settings: { setup: ['i=0; while [ $i -lt 21000 ]; do : > new-$i; i=$((i+1)); done'] },
  script: [calls(...look, editTarget), submit, submit, submit],
  ends: { outcome: 'gaveUp', end: 'gaveUp', changes: [] },
  expects: ({ outcome }) => expect(outcome.summary).toContain('21001 files differ'),
};

/** Ten levels of ten identical folders: 10,000,000,000 files in a few objects. */
const bomb: HostileRepository = {
  has: 'a tree of ten billion files in a pack of a few kilobytes',
  content: (stack, name) =>
    pushRaw(stack, name, (repository) => {
      const names = [...'0123456789'];
      let id = repository.tree(
        ...names.map((file): RawEntry => ({ mode: '100644', name: file, id: repository.blob('x') })),
      );
      for (let depth = 0; depth < 9; depth++)
        id = repository.tree(...names.map((folder): RawEntry => ({ mode: '40000', name: folder, id })));
      return id;
    }),
  script: [],
  ends: { outcome: 'failed', error: { message: expect.stringContaining('more than 500000 files') } },
};

/** git uses many times their bytes in memory: 1 GiB for these, from a pack of some hundred kilobytes. */
const rules: HostileRepository = {
  has: 'two nested .gitignore files of 20 MB',
  content: (stack, name) =>
    pushImport(stack, name, function* () {
      yield { path: 'target.txt', content: 'old\n' };
      for (const folder of ['', 'a/']) yield { path: `${folder}.gitignore`, content: 'z\n'.repeat(10 * MIB) };
    }),
  settings: { shell: true },
  script: [
    calls(call('list_files', {}), editTarget),
    calls(call('shell', { command: 'touch a/new' })),
    calls(call('list_files', {})),
    submit,
    submit,
    submit,
  ],
  ends: { outcome: 'gaveUp', end: 'gaveUp', changes: [] },
  expects: ({ exchanges, outcome }) => {
    expect(exchanges[0]).toMatchObject({ isError: true, result: expect.stringContaining('too much memory') });
    expect(outcome.summary).toContain('too much memory');
  },
};

/** Sizes above what the worker may hold in memory. `files` and `printedMiB` are what most of the time goes into. */
export function sizes({ files, printedMiB }: { files: number; printedMiB: number }): HostileRepository[] {
  return [many(files), longLine, newFiles, tooMuch, bomb, rules, printing(printedMiB * MIB)];
}
