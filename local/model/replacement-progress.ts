import type { ToolExchange } from './conversation.ts';
import type { Replacement } from './replacements.ts';
import { unreplacedPattern } from './unreplaced-pattern.ts';

export type Search = {
  kind: 'search';
  /** Whether an earlier search left files out. */
  again: boolean;
  pattern: string;
  literal: boolean;
};

/** The progress of one replacement, derived from the tool results. */
export type Progress = {
  replacement: Replacement;
  /** The next call; undefined if nothing is left to do. */
  next: Search | { kind: 'edit'; paths: string[] } | undefined;
  /** Files that the searches found, without duplicates. */
  found: string[];
  /** Files whose edit succeeded. */
  edited: string[];
  /** The number of replacements; undefined if a result does not state it. */
  occurrences: number | undefined;
  failures: { path: string; reason: string }[];
  /** The files that the last search left out, if no further search can reach them. */
  leftOut?: string;
  /** The reason to stop: a search failed, or its answer has an unexpected form. */
  blocked?: string;
};

const LEFT_OUT = '… ';

/** Files that were not searched. Binary files are ignored: they have no text to replace. */
const NOT_SEARCHED = /^\(Not searched, (being binary)?/;

/** Derives the progress of a replacement from the tool calls so far. */
export function progressOf(replacement: Replacement, exchanges: readonly ToolExchange[]): Progress {
  const progress: Progress = {
    replacement,
    next: undefined,
    found: [],
    edited: [],
    occurrences: 0,
    failures: [],
  };
  const found = new Set<string>();
  const attempted = new Set<string>();
  let last: Found | undefined;
  let editsSinceSearch = 0;

  for (const exchange of exchanges) {
    const path = String(exchange.input.path);
    if (isSearchFor(replacement, exchange)) {
      last = readFound(exchange);
      editsSinceSearch = 0;
      for (const file of last.files) found.add(file);
    } else if (isEditFor(replacement, exchange)) {
      attempted.add(path);
      editsSinceSearch += 1;
      if (exchange.isError) {
        progress.failures.push({ path, reason: exchange.result ?? '' });
      } else {
        progress.edited.push(path);
        progress.occurrences = sum(progress.occurrences, countIn(exchange.result ?? ''));
      }
    }
  }

  progress.found = [...found];
  if (!last) return { ...progress, next: firstSearch(replacement) };
  if (last.blocked) return { ...progress, blocked: last.blocked };
  const paths = last.files.filter((file) => !attempted.has(file));
  if (paths.length > 0) return { ...progress, next: { kind: 'edit', paths } };
  if (!last.leftOut) return progress;
  // Edited files no longer match, which makes room for others in the list.
  if (editsSinceSearch > 0) return { ...progress, next: furtherSearch(replacement) };
  return { ...progress, leftOut: last.leftOut };
}

function firstSearch({ from }: Replacement): Search {
  return { kind: 'search', again: false, pattern: from, literal: true };
}

function furtherSearch(replacement: Replacement): Search {
  const pattern = unreplacedPattern(replacement);
  if (pattern === undefined) return { ...firstSearch(replacement), again: true };
  return { kind: 'search', again: true, pattern, literal: false };
}

function isSearchFor(replacement: Replacement, { name, input }: ToolExchange): boolean {
  if (name !== 'search_code' || input.filesOnly !== true) return false;
  return [firstSearch(replacement), furtherSearch(replacement)].some(
    ({ pattern, literal }) => input.pattern === pattern && input.literal === literal,
  );
}

function isEditFor({ from, to }: Replacement, { name, input }: ToolExchange): boolean {
  return name === 'edit_file' && input.oldText === from && input.newText === to;
}

type Found = { files: string[]; leftOut?: string; blocked?: string };

/**
 * Parses `N files match.` or `No match.`, then one path per line, then optionally `… ` with the number
 * left out, and in brackets the files that were not searched.
 */
function readFound({ result = '', isError }: ToolExchange): Found {
  const [head = '', ...lines] = result.trimEnd().split('\n');
  if (isError) return { files: [], blocked: `search_code failed: ${result}` };
  let unsearched: string | undefined;
  for (let note = NOT_SEARCHED.exec(lines.at(-1) ?? ''); note; note = NOT_SEARCHED.exec(lines.at(-1) ?? '')) {
    const line = lines.pop()!;
    if (!note[1]) unsearched = unsearched ? `${line} ${unsearched}` : line;
  }
  if (/^no match/i.test(head)) return { files: [], leftOut: unsearched };
  if (!/^\d.* match/i.test(head)) {
    return { files: [], blocked: `search_code answered ${JSON.stringify(head)}, not "N files match."` };
  }
  const leftOut = lines.at(-1)?.startsWith(LEFT_OUT) ? lines.pop()!.slice(LEFT_OUT.length) : undefined;
  return { files: lines, leftOut: leftOut ?? unsearched };
}

/** The number in `Replaced 3 occurrences in a.ts.`, if the result states it. */
function countIn(result: string): number | undefined {
  const stated = /(\d[\d,]*) (?:\w+ )?(?:occurrence|replacement|match|place|time)/i.exec(result)?.[1];
  return stated === undefined ? undefined : Number(stated.replaceAll(',', ''));
}

function sum(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? undefined : left + right;
}
