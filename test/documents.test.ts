import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT } from './support/stack.ts';

test('a test that a document names as the proof of what it says is there', () => {
  const documents = readdirSync(path.join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
  const named = ['README.md', 'AGENTS.md', ...documents.map((name) => `docs/${name}`)].flatMap((document) =>
    [...readFileSync(path.join(ROOT, document), 'utf8').matchAll(/`(test\/[\w./-]+)`/g)].map(
      ([, file]) => `${document}: ${file}`,
    ),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((line) => !existsSync(path.join(ROOT, line.split(': ')[1]!)))).toEqual([]);
});
