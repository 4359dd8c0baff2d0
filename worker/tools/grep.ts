import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { GitBoundExceededError, GitFailedError } from '../../core/git-process.ts';
import type { Git, GitRunOptions } from '../checkout/git.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { ToolError } from './tool.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** The limit of searches in parts, which is enough to isolate a few files that meet the limit. */
const MAX_PARTS = 400;

/** Any object: only the names in the index are used, and the content is read from the work tree. */
const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

export class GrepWithoutPcreError extends ToolError {
  constructor() {
    super(
      'The git of this machine was built without PCRE, so it knows no Perl regular expressions. Set literal and search for plain text.',
    );
  }
}

/** The pattern took too many steps on a file. git then stops the whole search. */
class MatchLimitError extends Error {}

export type Query = {
  /** One pattern per line. */
  pattern: Buffer;
  options: readonly string[];
  /** Pathspecs. @default everything */
  paths?: readonly string[];
  /** Matches bytes instead of UTF-8 characters. */
  bytewise?: boolean;
};

type Context = { git: Git; workspace: Workspace; signal: AbortSignal };

/** The paths of the files that match. */
export async function grepFiles(context: Context, query: Query): Promise<string[]> {
  const options = [...query.options, '--files-with-matches'];
  const found = await grep(context, { ...query, options }, {});
  return found.toString('latin1').split('\0').filter(Boolean);
}

/** Returns git's output. Throws ToolError for a faulty pattern, and MatchLimitError if it takes too many steps on a file. */
async function grep(
  { git, signal }: Context,
  { pattern, options, paths = ['.'], bytewise }: Query,
  more: Pick<GitRunOptions, 'indexFile' | 'timeoutMs'>,
): Promise<Buffer> {
  const fixed = ['grep', '--no-textconv', '--no-color', '-z'];
  try {
    // The pattern is sent by standard input, so that it is never read as an option.
    return await git.run([...fixed, ...options, '-f', '-', '--', ...paths], {
      ...{ input: pattern, exitCodes: [0, 1], maxBytes: MAX_BYTES, timeoutMs: TIMEOUT_MS, signal, bytewise },
      ...more,
    });
  } catch (error) {
    throw error instanceof GitFailedError ? explain(error) : error;
  }
}

function explain(error: GitFailedError): unknown {
  const said = error.stderr.trim();
  if (/Perl-compatible regexes? when not compiled|PCRE support/i.test(said))
    return new GrepWithoutPcreError();
  if (/pcre2?_\w*match failed|pcre_exec failed/.test(said)) return new MatchLimitError(said);
  // If git's message has the pattern in quotes, the pattern is invalid or too large.
  const fault = /^fatal: In '-' at \d+, '.*': (.*)$/s.exec(said);
  if (!fault) return error;
  return new ToolError(
    `The pattern is not a Perl regular expression that can be searched for: ${fault[1]}. Correct it, or set literal for plain text.`,
  );
}

export type Search = {
  /** git's output in the order of the files. */
  found: Buffer[];
  /** Files on which the pattern took too many steps, and those that were not searched because of that. */
  limited: readonly string[];
  /** Whether the search stopped at its limit of time or output, so that there may be more matches. */
  isCut: boolean;
};

/**
 * Runs the query. If the pattern takes too many steps on a file, the files (listed by `files`) are searched in parts, and
 * those are divided again until only such files are left.
 */
export async function searchFiles(
  context: Context,
  query: Query,
  files: () => Promise<readonly string[]>,
): Promise<Search> {
  try {
    return { found: [await grep(context, query, {})], limited: [], isCut: false };
  } catch (error) {
    if (error instanceof GitBoundExceededError) return { found: [error.output], limited: [], isCut: true };
    if (!(error instanceof MatchLimitError)) throw error;
  }
  return searchParts(context, query, await files());
}

async function searchParts(context: Context, query: Query, files: readonly string[]): Promise<Search> {
  const options = query.options.filter((option) => option !== '--untracked');
  const until = performance.now() + TIMEOUT_MS;
  const found: Buffer[] = [];
  const limited: string[] = [];
  const left = [files];
  for (let parts = 1; left.length > 0; parts++) {
    const part = left.pop()!;
    const timeoutMs = until - performance.now();
    if (parts > MAX_PARTS || timeoutMs <= 0) {
      limited.push(...part);
      continue;
    }
    try {
      found.push(await grepOnly(context, { ...query, options, paths: ['.'] }, { part, timeoutMs }));
    } catch (error) {
      if (!(error instanceof MatchLimitError || error instanceof GitBoundExceededError)) throw error;
      const middle = part.length >> 1;
      if (error instanceof GitBoundExceededError) found.push(error.output);
      if (part.length > 1) left.push(part.slice(middle), part.slice(0, middle));
      else limited.push(...part);
    }
  }
  return { found, limited, isCut: false };
}

/** Uses an index with only these files, since a command line may be too short for their names. */
async function grepOnly(
  context: Context,
  query: Query,
  { part, timeoutMs }: { part: readonly string[]; timeoutMs: number },
): Promise<Buffer> {
  const { git, workspace, signal } = context;
  const indexFile = path.join(workspace.privateFolder, `search-${randomUUID()}.index`);
  try {
    const entries = part.map((file) => `100644 ${EMPTY_BLOB}\t${file}\0`).join('');
    const input = Buffer.from(entries, 'latin1');
    await git.run(['update-index', '-z', '--index-info'], { indexFile, input, signal });
    return await grep(context, query, { indexFile, timeoutMs });
  } finally {
    await rm(indexFile, { force: true });
  }
}
