import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = path.resolve(import.meta.dirname, '..');

/** Words that this project once used in a sense of its own, and what to write instead (AGENTS.md, "How to write"). */
const INSTEAD: [pattern: RegExp, write: string][] = [
  [/\ball the same\b/i, 'anyway, still'],
  [/\bfor ever\b/i, 'forever, without end'],
  [/(?<!@)\bnobody(?!\()\b/i, 'no one, no caller, nothing'],
  [/\bwhoever\b/i, 'the person who, the caller that'],
  [/(?<!there )\bis no (?!longer|more |less|fewer|later|earlier)[a-z]/i, 'is not a'],
  [/\bFACTS:/, 'a link to the source'],
];

/** Texts that stay: the system prompt is bytes that caches and figures depend on, and this file has the list. */
const EXEMPT = [
  'worker/claude/prompt.ts',
  'test/plain-english.test.ts',
  'bench/RESULTS.md',
  'test/CAMPAIGN.md',
];

test('comments, messages, test names and documents are in plain English', () => {
  const tracked = execFileSync('git', ['ls-files', '-z', '*.ts', '*.md'], { cwd: ROOT, encoding: 'utf8' });
  const files = tracked.split('\0').filter((file) => file && !EXEMPT.includes(file));
  expect(files.length).toBeGreaterThan(500);
  const found = files.flatMap((file) =>
    readFileSync(path.join(ROOT, file), 'utf8')
      .split('\n')
      .flatMap((line, i) =>
        INSTEAD.filter(([pattern]) => pattern.test(line)).map(
          ([pattern, write]) => `${file}:${i + 1}: ${pattern.exec(line)![0]} → ${write}`,
        ),
      ),
  );
  expect(found).toEqual([]);
});
