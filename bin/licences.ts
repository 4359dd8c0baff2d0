import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/**
 * The licence of every package that these files are of, as their authors ask. Equal texts are given once. Files outside
 * `node_modules` are left out.
 */
export function licencesOf(files: readonly string[]): string {
  const folders = new Set(
    files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? []),
  );
  const packages = [...folders].sort().map(licenceOf);
  return [...Map.groupBy(packages, ({ text }) => text)]
    .map(([text, same]) => `${same.map(({ title }) => `${title}\n`).join('')}\n${text}`)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function licenceOf(place: string): { title: string; text: string } {
  const folder = path.resolve(ROOT, place);
  const { name, version, license, author } = JSON.parse(
    readFileSync(path.join(folder, 'package.json'), 'utf8'),
  );
  const title = `${name} ${version} (${license})`;
  const text = readdirSync(folder)
    .filter((file) => /^(?:licen[cs]e|notice|copying)/i.test(file))
    .sort()
    .map((file) => `${readFileSync(path.join(folder, file), 'utf8').trim()}\n`)
    .join('\n');
  const by = typeof author === 'string' ? author : author?.name;
  return { title, text: text || `Licence: ${license}${by ? `\nCopyright: ${by}` : ''}\n` };
}
