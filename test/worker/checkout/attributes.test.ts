import { unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { attributesOf } from '../../../worker/checkout/attributes.ts';
import { rawPath } from '../../../worker/checkout/raw-path.ts';
import { text } from '../../support/import-trees.ts';
import { RawTrees } from '../../support/raw-trees.ts';

let trees: RawTrees;
beforeAll(async () => {
  trees = await RawTrees.start();
});
afterAll(() => trees.close());

const ROOT = `[attr]stored filter=lfs -text
*.iso stored
*.txt text=auto
*.bat eol=crlf
*.old crlf
*.wide working-tree-encoding=UTF-16
*.png binary
*.odd filter
`;

test('attributes come from the base commit and the work tree, with nested files and macros', async () => {
  await trees.commit({
    asked: new Map([
      ['.gitattributes', text(ROOT)],
      [rawPath('größe/.gitattributes'), text('*.txt -text\n')],
      ['image.iso', text('raw')],
    ]),
  });
  const { clone, workspace } = await trees.clone('asked');
  const ask = async (...files: string[]) => {
    const answers = await attributesOf(clone, workspace, files.map(rawPath));
    return files.map((file) => answers.get(rawPath(file))!);
  };
  const files = ['image.iso', 'a\n"b".txt', 'größe/c.txt', 'd.bat', 'e.old', 'f.wide', 'g.png', 'h', 'i.odd'];
  const plain = { filter: undefined, encodings: [], text: 'never' };
  const base = [
    { ...plain, filter: 'lfs' },
    { ...plain, text: 'auto' },
    plain,
    { ...plain, text: 'always' },
    { ...plain, text: 'always' },
    { ...plain, encodings: ['UTF-16'] },
    plain,
    plain,
    plain,
  ];
  expect(await ask(...files)).toEqual(base);

  await writeFile(
    path.join(workspace.tree, '.gitattributes'),
    'd.bat binary\nh filter=lfs\nf.wide working-tree-encoding=latin1\n',
  );
  expect(await ask('image.iso', 'd.bat', 'f.wide', 'h')).toEqual([
    { ...plain, filter: 'lfs' },
    plain,
    { ...plain, encodings: ['UTF-16', 'latin1'] },
    { ...plain, filter: 'lfs' },
  ]);
  await unlink(path.join(workspace.tree, '.gitattributes'));
  expect(await ask(...files)).toEqual(base);
});
