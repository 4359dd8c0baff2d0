import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { SETTING_NAMES } from '../core/settings.ts';
import { routes } from '../lambdas/api/handler.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .split('\n')
  .filter(Boolean);
const read = (page: string) => readFileSync(path.join(ROOT, page), 'utf8');
/** A page without its blocks of code and its code spans, which may look like links. */
const prose = (page: string) =>
  read(page)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, 'code');

test.each(pages)('every link of %s leads to a file and a heading that exist', (page) => {
  const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!);
  const broken = links.filter((link) => !/^https?:/.test(link) && !exists(page, link));
  expect(broken).toEqual([]);
});

function exists(page: string, link: string): boolean {
  const [file = '', heading] = link.split('#');
  const target = file === '' ? page : path.join(path.dirname(page), file);
  if (!existsSync(path.join(ROOT, target))) return false;
  return heading === undefined || headingsOf(target).includes(heading);
}

/** As GitHub makes anchors of headings. */
function headingsOf(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test.each(pages)('every file and folder that %s names by its path exists', (page) => {
  const named = [
    ...read(page).matchAll(/`((?:bin|cli|core|docs|lambdas|lib|local|statemachine|test|worker)\/[\w./-]*)`/g),
  ];
  const missing = named.map(([, name]) => name!).filter((name) => !existsSync(path.join(ROOT, name)));
  // What a "How to add" would make.
  expect(missing.filter((name) => !name.includes('do-thing'))).toEqual([]);
});

test('every setting is in docs/settings.md', () => {
  const page = read('docs/settings.md');
  const unnamed = SETTING_NAMES.filter(
    (name) => !name.endsWith('_SECRET_ID') && !page.includes(`\`${name}\``),
  );
  expect(unnamed).toEqual([]);
});

test('every route is in docs/api.md, with its role', () => {
  const rows = read('docs/api.md').match(/^\| `(?:GET|POST|DELETE) .*$/gm)!;
  const undocumented = routes.filter(({ method, path: template, role }) => {
    const short = template.replace('/jobs/{jobId}/repositories/{owner}/{name}/', '…/');
    return !rows.some(
      (row) =>
        new RegExp(`\`${method} ${escapeForPattern(short)}[\`?]`).test(row) && row.includes(`| ${role} |`),
    );
  });
  expect(undocumented.map(({ method, path: template }) => `${method} ${template}`)).toEqual([]);
});

function escapeForPattern(text: string): string {
  return text.replace(/[{}/.]/g, '\\$&');
}
