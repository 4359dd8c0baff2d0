import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { legible, rawPath, statsOf } from '../checkout/raw-path.ts';
import { MAX_FILE_BYTES } from '../limits.ts';
import { boundText } from '../sandbox/bounded-output.ts';
import type { Redactor } from '../sandbox/redact.ts';
import { showBytes } from './file-form.ts';
import { type Query, type Search, searchFiles } from './grep.ts';
import { listTree } from './list-files.ts';
import { showPath } from './path-names.ts';
import { resolveExisting, type TreePath } from './paths.ts';
import {
  asksForLineEnd,
  byLine,
  checkPattern,
  inWindows1252,
  matchesUnnamed,
  spellings,
} from './search-pattern.ts';
import { defineTool, type ToolContext, ToolError } from './tool.ts';
import { hasLegacyText, type Kind, MAX_PASSED_OVER, unsearchable } from './unsearchable.ts';
import { whyNothing } from './why-nothing.ts';

const MAX_PATHS = 200;
const MAX_HITS = 200;
const MAX_LINE = 300;

const schema = z.object({
  pattern: z.string().min(1).describe('What to look for, within a line: a Perl regular expression (PCRE)'),
  literal: z.boolean().optional().describe('Take the pattern as plain text'),
  path: z.string().optional().describe('File or folder to look in; the whole repository where absent'),
  ignoreCase: z.boolean().optional(),
  filesOnly: z
    .boolean()
    .optional()
    .describe('Only the paths of the files that match, and how many there are'),
});

type Input = z.infer<typeof schema>;

export const searchCodeTool = defineTool({
  name: 'search_code',
  description: `Finds lines in text files, as "path:line: text", at most ${MAX_HITS}. With filesOnly: "N files match.", then at most ${MAX_PATHS} paths. Files that git ignores are left out.`,
  schema,
  effect: 'reads',
  boundsItself: true,
  async run(input, context) {
    checkPattern(input.pattern, input.literal === true);
    const place = await resolveExisting(context, input.path ?? '.');
    const scope = await scopeOf(context, place);
    const { hits, limited, isCut } = await search(context, input, scope);
    const files = [...new Set(hits.map(({ file }) => file))];
    const found = input.filesOnly ? describeFiles(files) : describeHits(hits, context.redactor);
    return [
      hits.length > 0 ? found : `No match.${await whyNothing(context, place)}`,
      ...(hits.length === 0 && !input.literal && asksForLineEnd(input.pattern)
        ? [
            '(The pattern asks for a line end, and only text within one line is found. Search for one of the lines.)',
          ]
        : []),
      ...(isCut
        ? [
            '(The search took too long or found too much, and was stopped: there may be more matches. Narrow it with path, or use filesOnly.)',
          ]
        : []),
      ...describeUnsearched(scope, limited),
    ].join('\n');
  },
});

/** A match, in latin1 strings. `line` and `text` are absent with `filesOnly`. */
type Hit = { file: string; line?: string; text?: string };

type Found = { hits: Hit[] } & Pick<Search, 'limited' | 'isCut'>;

type Scope = {
  place: TreePath;
  hasNewFiles: boolean;
  /** Files in scope that may have changed since the base commit. */
  touched: readonly string[];
  /** Files too large to be searched: git reads each file into memory. */
  tooLarge: readonly string[];
  kinds: ReadonlyMap<string, Kind>;
};

async function scopeOf(context: ToolContext, place: TreePath): Promise<Scope> {
  const { git, tree, workspace, signal } = context;
  const listing = ['ls-files', '--others', '--modified', '--exclude-standard', '--deduplicate', '-t', '-z'];
  const listed = await git.run(['--literal-pathspecs', ...listing, '--', place.relative || '.'], { signal });
  const tagged = listed.toString('latin1').split('\0').filter(Boolean);
  const touched = tagged.map((entry) => entry.slice(2));
  const isLarge = (file: string) => {
    const stats = statsOf(workspace.tree, file);
    return stats?.isFile() === true && stats.size > MAX_FILE_BYTES;
  };
  const isWithin = withinOf(place);
  const tooLarge = new Set([...[...tree.largeFiles].filter(isWithin), ...touched.filter(isLarge)]);
  if (tooLarge.size > MAX_PASSED_OVER)
    throw new ToolError(`${tooLarge.size} files there are too large to be searched; narrow it with path.`);
  const kinds = await unsearchable(context, touched);
  return {
    place,
    hasNewFiles: tagged.some((entry) => entry.startsWith('?')),
    touched,
    tooLarge: [...tooLarge],
    kinds: new Map([...kinds].filter(([file]) => isWithin(file) && !tooLarge.has(file))),
  };
}

function withinOf({ relative }: TreePath): (file: string) => boolean {
  const place = rawPath(relative);
  return (file) => place === '' || file === place || file.startsWith(`${place}/`);
}

async function search(
  context: ToolContext,
  { pattern, literal, ignoreCase, filesOnly }: Input,
  scope: Scope,
): Promise<Found> {
  const options = [
    '-I',
    literal ? '--fixed-strings' : '--perl-regexp',
    ...(ignoreCase ? ['--ignore-case'] : []),
  ];
  // Lets $ match before the CR of a line end.
  const lead = literal ? '' : '(*ANYCRLF)';
  const written = (text: string, bytewise = false) => (literal ? text : lead + byLine(text, { bytewise }));
  const patterns = spellings(pattern).map((spelling) => `${written(spelling)}\n`);
  const asUtf8 = { pattern: Buffer.from(patterns.join('')), options };
  const found = await searchScope(context, asUtf8, scope, filesOnly === true);
  const isBlind = !literal && matchesUnnamed(pattern) && (await hasLegacyText(context, scope.touched));
  const bytes =
    inWindows1252(written(pattern, true)) ?? (isBlind ? Buffer.from(written(pattern, true)) : undefined);
  if (!bytes || found.isCut) return found;
  const asBytes = { pattern: Buffer.concat([bytes, Buffer.from('\n')]), options, bytewise: true };
  const others = await searchScope(context, asBytes, scope, false);
  // In UTF-8 text the bytes are parts of other characters.
  const legacy = others.hits.filter(({ text }) => !isUtf8(Buffer.from(text!, 'latin1')));
  const hits = [...found.hits, ...(filesOnly ? legacy.map(({ file }) => ({ file })) : legacy)];
  return {
    hits: unique(hits),
    limited: [...new Set([...found.limited, ...others.limited])],
    isCut: found.isCut || others.isCut,
  };
}

/**
 * Searches tracked and new files. `--untracked` alone would skip committed files that are ignored, and without it new files
 * would be missed, so both searches run if there are new files.
 */
async function searchScope(
  context: ToolContext,
  { pattern, options, bytewise }: Query,
  { place, hasNewFiles, tooLarge }: Scope,
  filesOnly: boolean,
): Promise<Found> {
  const paths = [
    `:(literal)${place.relative || '.'}`,
    ...tooLarge.map((file) => `:(exclude,literal)${legible(file)}`),
  ];
  const shape = filesOnly ? '--files-with-matches' : '--line-number';
  const query = { pattern, paths, bytewise, options: [...options, shape] };
  const passedOver = new Set(tooLarge);
  const files = async () => (await listTree(context, place)).filter((file) => !passedOver.has(file));
  const known = await searchFiles(context, query, files);
  const isWhole = known.limited.length > 0 || known.isCut || !hasNewFiles;
  const searches = [known];
  if (!isWhole)
    searches.push(
      await searchFiles(context, { ...query, options: [...query.options, '--untracked'] }, files),
    );
  return {
    hits: unique(searches.flatMap(({ found }) => found.flatMap((output) => parse(output, filesOnly)))),
    limited: [...new Set(searches.flatMap(({ limited }) => limited))],
    isCut: searches.some(({ isCut }) => isCut),
  };
}

function unique(hits: readonly Hit[]): Hit[] {
  return [...new Map(hits.map((hit) => [`${hit.file}\0${hit.line}`, hit])).values()];
}

/** git writes `path NUL line NUL text LF`, or `path NUL`. Paths may have line feeds. A truncated last match is ignored. */
function parse(output: Search['found'][number], filesOnly: boolean): Hit[] {
  const said = output.toString('latin1');
  if (filesOnly)
    return said
      .split('\0')
      .slice(0, -1)
      .map((file) => ({ file }));
  const hits: Hit[] = [];
  for (let at = 0; at < said.length; ) {
    const pathEnd = said.indexOf('\0', at);
    const lineEnd = said.indexOf('\0', pathEnd + 1);
    const textEnd = said.indexOf('\n', lineEnd + 1);
    if (pathEnd < 0 || lineEnd < 0 || textEnd < 0) break;
    hits.push({
      file: said.slice(at, pathEnd),
      line: said.slice(pathEnd + 1, lineEnd),
      text: said.slice(lineEnd + 1, textEnd),
    });
    at = textEnd + 1;
  }
  return hits;
}

function describeFiles(files: readonly string[]): string {
  const more = files.length - MAX_PATHS;
  return [
    `${files.length} ${files.length === 1 ? 'file matches' : 'files match'}.`,
    ...files.slice(0, MAX_PATHS).map(showPath),
    ...(more > 0 ? [`… ${more} more files; narrow the search with path.`] : []),
  ].join('\n');
}

function describeHits(hits: readonly Hit[], redactor: Redactor): string {
  const shown = hits.slice(0, MAX_HITS).map(({ file, line, text }) => {
    const said = redactor.text(showBytes(Buffer.from(text!, 'latin1')).replace(/\r$/, ''));
    return `${showPath(file)}:${line}: ${said.length > MAX_LINE ? `${said.slice(0, MAX_LINE)}…` : said}`;
  });
  const more = hits.length - MAX_HITS;
  if (more > 0) shown.push(`… ${more} more lines; narrow the search with path, or use filesOnly.`);
  return boundText(shown.join('\n'));
}

/** Lists the files that were not searched, with the reasons. */
function describeUnsearched({ tooLarge, kinds }: Scope, limited: readonly string[]): string[] {
  const of = (kind: Kind) => [...kinds].flatMap(([file, other]) => (other === kind ? [file] : []));
  const binary = of('binary').length;
  return [
    ...describeNames(tooLarge, `being over ${MAX_FILE_BYTES} bytes`),
    ...describeNames(of('UTF-16'), 'being UTF-16'),
    ...describeNames(limited, 'where the pattern takes too many steps, try a simpler one'),
    ...(binary > 0 ? [`(Not searched, being binary: ${binary} ${binary === 1 ? 'file' : 'files'}.)`] : []),
  ];
}

function describeNames(files: readonly string[], why: string): string[] {
  if (files.length === 0) return [];
  const more = files.length > 3 ? ` and ${files.length - 3} more` : '';
  return [`(Not searched, ${why}: ${files.slice(0, 3).map(showPath).join(', ')}${more}.)`];
}
