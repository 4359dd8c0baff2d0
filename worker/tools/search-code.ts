import { z } from 'zod';
import { boundText } from '../bounded-output.ts';
import { type Git, GitBoundExceededError, GitFailedError } from '../git.ts';
import { legible, statsOf } from '../raw-path.ts';
import type { Redactor } from '../redact.ts';
import type { Workspace } from '../workspace.ts';
import { MAX_FILE_BYTES, resolveExisting } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';

const MAX_PATHS = 200;
const MAX_HITS = 200;
const MAX_LINE = 300;
const MAX_PASSED_OVER = 500;
const MAX_REPETITIONS = 10_000;
const MAX_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

const schema = z.object({
  pattern: z
    .string()
    .min(1)
    .describe('What to look for, within a line: an extended regular expression (POSIX)'),
  literal: z.boolean().optional().describe('Take the pattern as plain text'),
  path: z.string().optional().describe('File or folder to look in; the whole repository where absent'),
  ignoreCase: z.boolean().optional(),
  filesOnly: z
    .boolean()
    .optional()
    .describe('Only the paths of the files that match, and how many there are'),
});

export const searchCodeTool = defineTool({
  name: 'search_code',
  description: `Finds lines in text files, as "path:line: text", at most ${MAX_HITS}. With filesOnly: "N files match.", then at most ${MAX_PATHS} paths. Files that git ignores are left out.`,
  schema,
  effect: 'reads',
  boundsItself: true,
  async run({ pattern, literal, path = '.', ignoreCase, filesOnly }, { workspace, git, tree, redactor }) {
    if (/[\n\0]/.test(pattern))
      throw new ToolError('The pattern holds a line end; only texts within one line can be found.');
    if (!literal && repetitions(pattern) > MAX_REPETITIONS)
      throw new ToolError(`The pattern repeats too often; keep its {n,m} to ${MAX_REPETITIONS} in all.`);
    const { relative } = await resolveExisting(workspace, path);
    const query = {
      pattern,
      path: relative || '.',
      options: [
        filesOnly ? '--files-with-matches' : '--line-number',
        literal ? '--fixed-strings' : '--extended-regexp',
        ...(ignoreCase ? ['--ignore-case'] : []),
      ],
      separator: filesOnly ? '\0' : '\n',
    };
    const { found, passedOver } = await search(git, query, { workspace, largeFiles: tree.largeFiles });
    const said = filesOnly ? describeFiles(found) : describeHits(found, redactor);
    return passedOver.length === 0 ? said : `${said}\n${describeLarge(passedOver)}`;
  },
});

/** What the bounds of a pattern come to where they are in one another: git writes each out in memory, gigabytes of them. */
function repetitions(pattern: string): number {
  const bounds = [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)];
  return bounds.reduce((product, [, least, most]) => product * Math.max(1, Number(most || least)), 1);
}

type Query = { pattern: string; path: string; options: readonly string[]; separator: string };
type Found = { found: string[]; passedOver: readonly string[] };

/**
 * What git knows, and what is new. `--untracked` alone would pass over files that were committed although they are
 * ignored, and without it new files would be missed; so both, where there are new files. git reads a file whole, so
 * what is too large to be opened is too large to be searched.
 */
async function search(
  git: Git,
  query: Query,
  { workspace, largeFiles }: { workspace: Workspace; largeFiles: ReadonlySet<string> },
): Promise<Found> {
  const listing = ['ls-files', '--others', '--modified', '--exclude-standard', '--deduplicate', '-t', '-z'];
  const listed = await git.run(['--literal-pathspecs', ...listing, '--', query.path]);
  const touched = listed.toString('latin1').split('\0').filter(Boolean);
  const grown = touched.map((entry) => entry.slice(2)).filter((file) => isLarge(workspace.tree, file));
  const below = query.path === '.' ? '' : `${query.path}/`;
  const known = [...largeFiles].filter((file) => file.startsWith(below) || file === query.path);
  const passedOver = [...new Set([...known, ...grown])];
  if (passedOver.length > MAX_PASSED_OVER)
    throw new ToolError(
      `${passedOver.length} files there are too large to be searched; narrow it with path.`,
    );
  const hits = await grep(git, query, passedOver);
  if (!touched.some((entry) => entry.startsWith('?'))) return { found: hits, passedOver };
  const all = await grep(git, { ...query, options: [...query.options, '--untracked'] }, passedOver);
  return { found: [...new Set([...hits, ...all])], passedOver };
}

function isLarge(tree: string, file: string): boolean {
  const stats = statsOf(tree, file);
  return stats?.isFile() === true && stats.size > MAX_FILE_BYTES;
}

/** Records of git's output; binary files are passed over by `-I`. */
async function grep(
  git: Git,
  { pattern, path, options, separator }: Query,
  passedOver: readonly string[],
): Promise<string[]> {
  const fixed = ['grep', '--no-textconv', '--no-color', '-I', '-z'];
  const paths = [`:(literal)${path}`, ...passedOver.map((file) => `:(exclude,literal)${legible(file)}`)];
  try {
    // The pattern comes by standard input: simple-git takes an argument such as `--template` for an option.
    const found = await git.run([...fixed, ...options, '-f', '-', '--', ...paths], {
      input: Buffer.from(`${pattern}\n`),
      exitCodes: [0, 1],
      maxBytes: MAX_BYTES,
      timeoutMs: TIMEOUT_MS,
    });
    return found.toString('utf8').split(separator).filter(Boolean);
  } catch (error) {
    if (error instanceof GitBoundExceededError)
      throw new ToolError(
        'The search took too long or found too much; narrow it with path, or use filesOnly.',
      );
    if (error instanceof GitFailedError && /^fatal: .*, '/.test(error.stderr))
      throw new ToolError(
        `The pattern is no extended regular expression: ${error.stderr.trim()}. Set literal for plain text.`,
      );
    throw error;
  }
}

function describeFiles(files: readonly string[]): string {
  if (files.length === 0) return 'No match.';
  const more = files.length - MAX_PATHS;
  return [
    `${files.length} ${files.length === 1 ? 'file matches' : 'files match'}.`,
    ...files.slice(0, MAX_PATHS),
    ...(more > 0 ? [`… ${more} more files; narrow the search with path.`] : []),
  ].join('\n');
}

function describeLarge(files: readonly string[]): string {
  const more = files.length > 3 ? ` and ${files.length - 3} more` : '';
  const names = files.slice(0, 3).map(legible).join(', ');
  return `(Not searched, being over ${MAX_FILE_BYTES} bytes: ${names}${more}.)`;
}

/** git writes `path NUL line NUL text LF`. */
function describeHits(hits: readonly string[], redactor: Redactor): string {
  if (hits.length === 0) return 'No match.';
  const shown = hits.slice(0, MAX_HITS).map((hit) => {
    const [file, line, ...text] = hit.split('\0');
    const said = redactor.text(text.join('\0').replace(/\r$/, ''));
    return `${file}:${line}: ${said.length > MAX_LINE ? `${said.slice(0, MAX_LINE)}…` : said}`;
  });
  const more = hits.length - MAX_HITS;
  if (more > 0) shown.push(`… ${more} more lines; narrow the search with path, or use filesOnly.`);
  return boundText(shown.join('\n'));
}
