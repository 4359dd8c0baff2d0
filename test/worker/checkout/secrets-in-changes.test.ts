import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { filesWithSecrets, readChanges } from '../../../worker/checkout/changes.ts';
import { Redactor } from '../../../worker/sandbox/redact.ts';
import { text } from '../../support/import-trees.ts';
import { RawTrees } from '../../support/raw-trees.ts';

const FIRST = 'first-credential-of-the-worker';
const LATER = 'credential-that-became-known-later';

let trees: RawTrees;
beforeAll(async () => {
  trees = await RawTrees.start();
});
afterAll(() => trees.close());

test('a credential that becomes known after the first search of a change is found in it', async () => {
  await trees.commit({ secrets: new Map([['a.txt', text('plain\n')]]) });
  const { clone, workspace } = await trees.clone('secrets');
  writeFileSync(path.join(workspace.tree, 'a.txt'), `key: ${LATER}\n`);
  writeFileSync(path.join(workspace.tree, 'b.txt'), `key: ${FIRST}\n`);
  const changes = await readChanges(clone, workspace);
  const redactor = new Redactor();

  redactor.add(FIRST);
  expect(await filesWithSecrets(clone.git, changes, redactor)).toEqual(['b.txt']);
  redactor.add(LATER);
  expect(await filesWithSecrets(clone.git, changes, redactor)).toEqual(['a.txt', 'b.txt']);
  expect(await filesWithSecrets(clone.git, changes, new Redactor())).toEqual([]);
});
