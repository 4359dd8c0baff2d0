import { chmodSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readChanges } from '../../../worker/checkout/changes.ts';
import { CONTENTS } from '../../support/generated-trees.ts';
import { type RawFile, text } from '../../support/import-trees.ts';
import { RawTrees } from '../../support/raw-trees.ts';

let trees: RawTrees;
beforeAll(async () => {
  trees = await RawTrees.start();
});
afterAll(() => trees.close());

const TEXT_ATTRIBUTES = [
  '',
  'text',
  '-text',
  'text=auto',
  'text=auto eol=lf',
  'text=auto eol=crlf',
  'eol=lf',
  'eol=crlf',
  'text eol=crlf',
  '-text eol=lf',
  'crlf',
  '-crlf',
  'crlf=input',
  'crlf=auto',
  'binary eol=crlf',
  'text=nonsense eol=lf',
  '!text eol=lf',
  'document',
];

/** Two folders for each attribute: in one the files are new, in the other they had LF in the base commit. */
const folders = TEXT_ATTRIBUTES.flatMap((attributes, i) => [
  { folder: `new-${i}`, attributes, base: undefined },
  { folder: `known-${i}`, attributes, base: 'of LF\n' },
]);

test('a file written with CRLF is stored as git add would store it, so that no clone shows it as modified', async () => {
  const base = new Map<string, RawFile>([
    ['.gitattributes', text('[attr]document text eol=crlf\n')],
    ...folders.flatMap(({ folder, attributes, base: had }): [string, RawFile][] => [
      [`${folder}/.gitattributes`, text(`* ${attributes}\n`)],
      ...(had === undefined ? [] : CONTENTS.map((_, i): [string, RawFile] => [`${folder}/${i}`, text(had)])),
    ]),
  ]);
  await trees.commit({ text: base });
  const { clone, workspace } = await trees.clone('text');
  const fill = (tree: string) => {
    for (const { folder } of folders) {
      mkdirSync(path.join(tree, folder), { recursive: true });
      for (const [i, bytes] of CONTENTS.entries()) writeFileSync(path.join(tree, folder, String(i)), bytes);
    }
  };
  fill(workspace.tree);
  const changes = await readChanges(clone, workspace);

  const folder = path.join(trees.folder, 'git-add');
  await trees.git(['clone', '--quiet', '--branch', 'text', trees.bare, folder]);
  fill(folder);
  await trees.git(['add', '--all'], { folder });
  const added = await trees.git(['diff', '--cached', '--raw', '--no-abbrev', '--no-renames'], { folder });
  const expected = String(added)
    .trim()
    .split('\n')
    .map((line) => `${line.split('\t')[1]} ${line.split(' ')[3]}`);
  const stored = changes.entries.map(({ file, objectId }) => `${file} ${objectId}`);
  expect(stored.sort()).toEqual(expected.sort());
  expect(changes).toMatchObject({ excess: undefined, unstorable: [] });
  // 13 of the 18 attributes make new files text.
  expect(changes.withLf).toContain(`new-${TEXT_ATTRIBUTES.indexOf('document')}/1`);
  expect(changes.withLf.filter((file) => /-(0|2)\//.test(file))).toEqual([]);
});

test('text with CRLF in the base commit keeps it, and so does a moved file', async () => {
  await trees.commit({
    crlf: new Map([
      ['.gitattributes', text('*.bat text eol=crlf\n')],
      ['edited.bat', text('one\r\ntwo\r\n')],
      ['moved.bat', text('one\r\ntwo\r\nthree\r\n')],
      ['became-lf.bat', text('one\n')],
    ]),
  });
  const { clone, workspace } = await trees.clone('crlf');
  const at = (file: string) => path.join(workspace.tree, file);
  writeFileSync(at('edited.bat'), 'one\r\n2\r\n');
  renameSync(at('moved.bat'), at('there.bat'));
  writeFileSync(at('became-lf.bat'), 'one\r\n');
  const changes = await readChanges(clone, workspace);
  expect(changes.entries).toMatchObject([
    { file: 'edited.bat', additions: 1, deletions: 1 },
    { file: 'moved.bat', status: 'deleted' },
    { file: 'there.bat', status: 'added' },
  ]);
  expect(String(changes.patch)).toContain('+three\r\n');
  // With LF it equals the base commit, so it is not a change; withLf has the reason.
  expect(changes.withLf).toEqual(['became-lf.bat']);
});

test('attributes that a job adds apply to the files that it writes, and a PNG marked as binary is not converted', async () => {
  await trees.commit({ changing: new Map([['.gitattributes', text('* text\n')]]) });
  const { clone, workspace } = await trees.clone('changing');
  const at = (file: string) => path.join(workspace.tree, file);
  writeFileSync(at('.gitattributes'), '* text\n*.png binary\n*.dat filter=lfs\n');
  writeFileSync(at('logo.png'), '\x89PNG\r\n', 'latin1');
  writeFileSync(at('new.txt'), 'one\r\n');
  writeFileSync(at('raw.dat'), 'raw');
  const changes = await readChanges(clone, workspace);
  expect(changes.withLf).toEqual(['new.txt']);
  expect(changes.unstorable).toEqual([expect.stringContaining('raw.dat has the attribute filter=lfs')]);
});

const POINTER = 'version https://git-lfs.github.com/spec/v1\noid sha256:01\nsize 1\n';

test('a command cannot store raw bytes at a path with a filter; a pointer may be moved, made executable and deleted', async () => {
  const file = text(POINTER);
  await trees.commit({
    filters: new Map([
      ['.gitattributes', text('*.dat filter=lfs -text\n')],
      ['folder/.gitattributes', text('*.bin filter=git-crypt\n')],
      ...['a.dat', 'moved.dat', 'gone.dat', 'mode.dat', 'plain.txt'].map((name): [string, RawFile] => [
        name,
        name === 'a.dat' ? text('another pointer') : file,
      ]),
    ]),
  });
  const { clone, workspace } = await trees.clone('filters');
  const at = (name: string) => path.join(workspace.tree, name);
  renameSync(at('moved.dat'), at('folder/there.dat'));
  rmSync(at('gone.dat'));
  chmodSync(at('mode.dat'), 0o755);
  writeFileSync(at('plain.txt'), 'raw');
  expect(await readChanges(clone, workspace)).toMatchObject({ unstorable: [], excess: undefined });

  // Attributes of the base commit count even if a command removes them.
  rmSync(at('.gitattributes'));
  writeFileSync(at('a.dat'), 'raw');
  writeFileSync(at('new.dat'), 'raw');
  writeFileSync(at('folder/secret.bin'), 'raw');
  const { unstorable } = await readChanges(clone, workspace);
  expect(unstorable.map((said) => said.split(',')[0])).toEqual([
    'a.dat has the attribute filter=lfs',
    'folder/secret.bin has the attribute filter=git-crypt',
    'new.dat has the attribute filter=lfs',
  ]);
  expect(unstorable[0]).toMatch(
    /undo the change of that file, or put the content at a path without a filter$/,
  );
});

test('files whose bytes do not convert to the encoding of their path are refused by name, and no others', async () => {
  const encodings = {
    'utf16.txt': 'UTF-16',
    'latin1.txt': 'ISO-8859-1',
    'le.txt': 'UTF-16LE',
    'line\nfeed.txt': 'UTF-16LE-BOM',
  };
  await trees.commit({
    encodings: new Map<string, RawFile>([
      [
        '.gitattributes',
        text(
          'utf16* working-tree-encoding=UTF-16\nlatin1* working-tree-encoding=ISO-8859-1\nle* working-tree-encoding=UTF-16LE\nline* working-tree-encoding=UTF-16LE-BOM eol=crlf\n',
        ),
      ],
      ...Object.keys(encodings).map((name): [string, RawFile] => [name, text('old\n')]),
      // Stored in UTF-16 despite the attribute: its blob does not convert in the base commit either.
      ['utf16-raw.txt', text(Buffer.from('\ufeffold\n', 'utf16le'))],
    ]),
  });
  const { clone, workspace } = await trees.clone('encodings');
  const write = (contents: Record<string, string | Buffer>) => {
    for (const [name, content] of Object.entries(contents))
      writeFileSync(path.join(workspace.tree, name), content);
  };
  write({
    'utf16.txt': 'größe ☃ 𝄞\n',
    'latin1.txt': 'größe\n',
    'le.txt': '☃\n',
    'line\nfeed.txt': '☃\n',
    'utf16-raw.txt': Buffer.from('\ufeffnew\n', 'utf16le'),
  });
  expect(await readChanges(clone, workspace)).toMatchObject({ unstorable: [], entries: { length: 5 } });
  write({
    'utf16.txt': Buffer.from('\ufeffwide\n', 'utf16le'),
    'latin1.txt': '☃\n',
    'le.txt': Buffer.from('wide\n', 'utf16le'),
    'line\nfeed.txt': Buffer.from('caf\xe9\n', 'latin1'),
    'utf16-new.txt': Buffer.from('\ufeffnew\n', 'utf16le'),
  });
  const { unstorable, entries } = await readChanges(clone, workspace);
  expect(entries.length).toBe(6);
  expect(unstorable.map((said) => said.split(':')[0])).toEqual([
    'latin1.txt has the attribute working-tree-encoding=ISO-8859-1',
    'le.txt has the attribute working-tree-encoding=UTF-16LE',
    'line\nfeed.txt has the attribute working-tree-encoding=UTF-16LE-BOM',
    'utf16-new.txt has the attribute working-tree-encoding=UTF-16',
    'utf16.txt has the attribute working-tree-encoding=UTF-16',
  ]);
});
