/** `npm run runbook`: writes the table of the product's own errors into docs/runbook.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { PROBLEMS } from '../lambdas/api/problem.ts';
import { ERROR_ACTIONS, PROBLEM_ACTIONS, RECORDED } from './error-guide.ts';

const ROOT = path.join(import.meta.dirname, '..');
const FILE = path.join(ROOT, 'docs/runbook.md');
const SOURCES = ['core/errors.ts', 'core/batch/errors.ts'];

/** The concrete error classes of a source, each with the comment above it. */
const CLASS = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\nexport class (\w+) extends/g;
const GENERATED = /(<!-- begin: npm run runbook -->\n)[\s\S]*(<!-- end: npm run runbook -->)/;

/** The runbook with tables that fit the sources. Throws for an error or a problem that error-guide.ts lacks, or has too much. */
export function withTables(runbook: string): string {
  return runbook.replace(GENERATED, (_, begin, end) => `${begin}${tables()}${end}`);
}

function tables(): string {
  const causes = Object.fromEntries(SOURCES.flatMap(classesIn));
  requireSame('ERROR_ACTIONS', Object.keys(causes), Object.keys(ERROR_ACTIONS));
  const problems = Object.fromEntries(PROBLEMS.map((problem) => [problem.type, problem]));
  requireSame('PROBLEM_ACTIONS', Object.keys(problems), Object.keys(PROBLEM_ACTIONS));
  const errors = [
    ...Object.entries(causes).map(([name, cause]) => [`\`${name}\``, cause, ERROR_ACTIONS[name]!]),
    ...Object.entries(RECORDED).map(([name, [cause, action]]) => [`\`${name}\``, cause, action]),
  ];
  const answers = Object.values(problems).map(({ status, type, title, when }) => [
    `${status} ${title} (\`${type}\`)`,
    when,
    PROBLEM_ACTIONS[type]!,
  ]);
  return `\nOn jobs, on rows and in logs, by name:\n\n${table('error', errors)}\nAnswers of the API, by the last part of their \`type\`:\n\n${table('problem', answers)}\n`;
}

function classesIn(source: string): [name: string, cause: string][] {
  const found = [...readFileSync(path.join(ROOT, source), 'utf8').matchAll(CLASS)];
  return found.map(([, comment, name]) => [name!, comment!.replaceAll(/\s*\n\s*\*\s*/g, ' ').trim()]);
}

function table(first: string, rows: readonly string[][]): string {
  const lines = [[first, 'cause', 'what to do'], ['---', '---', '---'], ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

function requireSame(name: string, expected: readonly string[], received: readonly string[]): void {
  const missing = expected.filter((one) => !received.includes(one));
  const extra = received.filter((one) => !expected.includes(one));
  if (missing.length + extra.length === 0) return;
  throw new Error(
    `${name} of bin/error-guide.ts does not fit: it lacks ${missing.join(', ') || 'nothing'}, and has ${extra.join(', ') || 'nothing'} that does not exist. Correct it, then run npm run runbook.`,
  );
}

if (import.meta.main) writeFileSync(FILE, withTables(readFileSync(FILE, 'utf8')));
