import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { temporaryFolder } from '../support/temporary-folder.ts';

const MODULE = new URL('../../bin/replace-folder.ts', import.meta.url).href;

/** Makes a folder of two files beside `place` and moves it there, 40 times. */
const BUILD = `
import { mkdirSync, writeFileSync } from 'node:fs';
import { replaceFolder } from '${MODULE}';
const [place, name] = process.argv.slice(1);
for (let i = 0; i < 40; i++) {
  const made = place + '.' + name;
  mkdirSync(made);
  writeFileSync(made + '/index.html', name);
  writeFileSync(made + '/licences', name);
  replaceFolder(place, made);
}
`;

test('builds that replace one folder at the same time all end and leave one whole folder', async () => {
  const folder = await temporaryFolder();
  const place = path.join(folder.path, 'dist');
  const builds = ['one', 'two'].map(async (name) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', BUILD, place, name], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [status] = await once(child, 'close');
    return status;
  });
  expect(await Promise.all(builds)).toEqual([0, 0]);
  expect(readdirSync(place).sort()).toEqual(['index.html', 'licences']);
  expect(readdirSync(folder.path)).toEqual(['dist']);
  await folder.remove();
});
