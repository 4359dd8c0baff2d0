import { expect, test } from '@jest/globals';
import { placesWith } from '../../web/src/diff/find.ts';
import { filesOf } from '../../web/src/diff/patch-files.ts';
import { rowOfLine, rowsOfFiles } from '../../web/src/diff/slices.ts';
import { keepViewed, viewedIn } from '../../web/src/diff/viewed.ts';
import { historyOf } from '../../web/src/pages/repository/history.ts';

test('files that a person has viewed stay marked for that patch alone, and old marks make room', () => {
  const kept = new Map<string, string>();
  const store = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  keepViewed('first', new Set(['a.js']), store);
  keepViewed('second', new Set(['b.js', 'c.js']), store);
  expect([...viewedIn('first', store)]).toEqual(['a.js']);
  expect([...viewedIn('second', store)]).toEqual(['b.js', 'c.js']);
  keepViewed('second', new Set(), store);
  expect(viewedIn('second', store).size).toBe(0);
  for (let i = 0; i < 100; i++) keepViewed(`patch ${i}`, new Set(['x']), store);
  expect([viewedIn('first', store).size, viewedIn('patch 99', store).size]).toEqual([0, 1]);
  for (const damaged of ['{', '7', '[["first"]]', 'null']) {
    for (const key of kept.keys()) kept.set(key, damaged);
    expect(viewedIn('first', store).size).toBe(0);
  }
});

test('a line that the judge names is found in the slice that shows it', () => {
  const hunk = (start: number) => `@@ -${start},2 +${start},2 @@\n same\n-old\n+new\n`;
  const file = (name: string) =>
    `diff --git a/${name} b/${name}\n--- a/${name}\n+++ b/${name}\n${hunk(10)}${hunk(50)}`;
  const rows = rowsOfFiles(filesOf(file('a.js') + file('b.js')));
  const placeOf = (at: number, line: number) => {
    const row = rows[rowOfLine(rows, at, line)];
    return row?.kind === 'slice' ? [row.file.name, row.slice.newOffset + 1] : undefined;
  };
  expect(placeOf(0, 11)).toEqual(['a.js', 10]);
  expect(placeOf(1, 51)).toEqual(['b.js', 50]);
  expect(placeOf(1, 30)).toEqual(['b.js', 50]);
  expect(placeOf(1, 99)).toBeUndefined();
});

test('a text is found in lines of a change that are not on screen, in any case and in what is removed', () => {
  const hunk = `@@ -1,120 +1,120 @@\n${' same\n'.repeat(119)}-let Old;\n+let neu;\n`;
  const rows = rowsOfFiles(filesOf(`diff --git a/a.js b/a.js\n--- a/a.js\n+++ b/a.js\n${hunk}`));
  const [place, ...others] = placesWith(rows, 'LET O');
  expect(others).toEqual([]);
  const found = rows[place!.row];
  const changes = found?.kind === 'slice' ? found.slice.hunk.changes : [];
  expect(changes[place!.part * changes.length]?.content).toBe('let Old;');
  expect(placesWith(rows, 'same')).toHaveLength(119);
  expect(placesWith(rows, '')).toEqual([]);
});

test('the history of a repository has the runs that worked on it, and what each came to', () => {
  const at = '2026-01-01T00:00:00.000Z';
  const runs = [
    { run: 6, kind: 'publish', status: 'completed' },
    { run: 5, kind: 'repair', status: 'completed', selection: ['a/one'], instruction: 'Mend.' },
    { run: 4, kind: 'repair', status: 'completed', selection: ['a/one', 'a/two'], requestedAt: at },
    { run: 3, kind: 'revise', status: 'completed', selection: ['a/two'], instruction: 'Other.' },
    { run: 2, kind: 'revise', status: 'completed', selection: ['a/one'], instruction: 'Say why.' },
    { run: 1, kind: 'create', status: 'completed' },
  ] as const;
  const row = {
    ...{ jobId: 'job', repositoryName: 'a/one', status: 'completed', outcome: 'changed', updatedAt: at },
    ...{ run: 4, resultRun: 2, revision: { run: 4, cameTo: 'kept' } },
    repairs: [{ run: 4, headSha: 'x', failed: ['build'], comments: 0 }],
  } as const;
  const found = historyOf(row as never, runs as never);
  expect(found.map(({ run, cameTo }) => [run, cameTo])).toEqual([
    [4, 'nothing complete, so the earlier result stays'],
    [2, 'the present result: changed'],
    [1, 'an earlier result'],
  ]);
  expect(found[0]).toMatchObject({ failed: ['build'], instruction: undefined, hasArtifacts: true });
  expect(found[1]).toMatchObject({ instruction: 'Say why.', failed: [] });
});
