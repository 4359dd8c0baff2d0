import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { type Git, GitBoundExceededError, GitFailedError, type GitRunOptions } from '../checkout/git.ts';
import type { Workspace } from '../sandbox/workspace.ts';
import { ToolError } from './tool.ts';

const MAX_BYTES = 16 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
/** Searches of parts, until one that met the limit in a few files has come down to them. */
const MAX_PARTS = 400;

/** Any object will do: only the names in the index count, and the files are those of the work tree. */
const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

export class GrepWithoutPcreError extends ToolError {
  constructor() {
    super(
      'The git of this machine was built without PCRE, so it knows no Perl regular expressions. Set literal and search for plain text.',
    );
  }
}

/** A file on which the pattern took more steps than it may: git gives up the whole search for it. */
class MatchLimitError extends Error {}

export type Query = {
  /** Patterns, a line each. */
  pattern: Buffer;
  options: readonly string[];
  /** Pathspecs. @default everything */
  paths?: readonly string[];
  /** Takes pattern and files as bytes, not as UTF-8. */
  bytewise?: boolean;
};

type Context = { git: Git; workspace: Workspace; signal: AbortSignal };

/** Paths of the files that match. */
export async function grepFiles(context: Context, query: Query): Promise<string[]> {
  const options = [...query.options, '--files-with-matches'];
  const found = await grep(context, { ...query, options }, {});
  return found.toString('latin1').split('\0').filter(Boolean);
}

/** git's own output; throws ToolError for what the pattern is at fault for, MatchLimitError for its limit in one file. */
async function grep(
  { git, signal }: Context,
  { pattern, options, paths = ['.'], bytewise }: Query,
  more: Pick<GitRunOptions, 'indexFile' | 'timeoutMs'>,
): Promise<Buffer> {
  const fixed = ['grep', '--no-textconv', '--no-color', '-z'];
  try {
    // The pattern comes by standard input: simple-git takes an argument such as `--template` for an option.
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
  // git names the pattern in quotes: a fault of its own, in how it is written or in how large it is.
  const fault = /^fatal: In '-' at \d+, '.*': (.*)$/s.exec(said);
  if (!fault) return error;
  return new ToolError(
    `The pattern is not a Perl regular expression that can be searched for: ${fault[1]}. Correct it, or set literal for plain text.`,
  );
}

export type Search = {
  /** Pieces of git's output, in the order of the files. */
  found: Buffer[];
  /** Files in which the pattern met its limit, and those that were not reached for that. */
  limited: readonly string[];
  /** Whether git was ended, at its time or at the size of what it found: there may be more than was found. */
  isCut: boolean;
};

/**
 * What the query finds. Where the pattern meets its limit in a file, the files are searched in parts, of which each is
 * parted again until only such files are left; `files` lists them all.
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

/** Through an index that has only these files: so many names fit into no command line. */
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
