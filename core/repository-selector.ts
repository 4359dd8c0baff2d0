import { z } from 'zod';

const OWNER = '[A-Za-z0-9][A-Za-z0-9_-]{0,61}';
const NAME = '(?!-)(?!\\.{1,2}(?:$| ))[A-Za-z0-9._*-]{1,100}';
const NAMED = `!?${OWNER}/${NAME}(?: (?:fork|archived):true)*`;
const TERM = `(?:(?:topic|language|org):[A-Za-z0-9][A-Za-z0-9._+#-]{0,99}|(?:fork|archived):true|code:"[^"\\\\\\x00-\\x1f\\x7f-\\x9f]{1,200}")`;
const SEARCH = `${TERM}(?: ${TERM})*`;
const OF_JOB = 'job:job-[0-9A-HJKMNP-TV-Z]{26} is:(?:changed|failed|unmerged)';

/** One entry of a job's `repositories`: which repositories the job takes, or leaves out. */
export const RepositorySelector = z
  .string()
  .max(500)
  .regex(
    new RegExp(`^(?:${NAMED}|${SEARCH}|${OF_JOB})$`),
    'expected owner/name, owner/prefix-*, !owner/name, topic:x org:y, code:"text" org:y, or job:ID is:changed (failed, unmerged)',
  );

/** What an entry means. `fork` and `archived` say whether such repositories are wanted. */
export type Selector =
  | { kind: 'name'; name: string }
  | { kind: 'pattern'; owner: string; pattern: string; fork: boolean; archived: boolean }
  | { kind: 'exclusion'; owner: string; pattern: string }
  | {
      kind: 'search';
      org: string;
      topics: string[];
      languages: string[];
      code: string | undefined;
      fork: boolean;
      archived: boolean;
    }
  | { kind: 'job'; jobId: string; is: 'changed' | 'failed' | 'unmerged' };

/** Parses an entry that RepositorySelector accepts. Returns the fault as a string if it asks for something impossible. */
export function parseSelector(entry: string): Selector | string {
  const ofJob = /^job:(\S+) is:(\w+)$/.exec(entry);
  if (ofJob) return { kind: 'job', jobId: ofJob[1]!, is: ofJob[2] as 'changed' };
  if (/^(?:topic|language|org|fork|archived|code):/.test(entry)) return parseSearch(entry);
  const [text = '', ...flags] = entry.split(' ');
  const [owner = '', pattern = ''] = text.replace('!', '').split('/');
  if (text.startsWith('!')) return { kind: 'exclusion', owner, pattern };
  if (!pattern.includes('*')) return { kind: 'name', name: text };
  return { kind: 'pattern', owner, pattern, fork: has(flags, 'fork'), archived: has(flags, 'archived') };
}

function parseSearch(entry: string): Selector | string {
  const terms = entry.match(/code:"[^"]*"|\S+/g) ?? [];
  const valuesOf = (name: string) =>
    terms.filter((term) => term.startsWith(`${name}:`)).map((term) => term.slice(name.length + 1));
  const [org, ...moreOrgs] = valuesOf('org');
  const [code, ...moreCode] = valuesOf('code');
  const topics = valuesOf('topic');
  const languages = valuesOf('language');
  if (org === undefined || moreOrgs.length > 0)
    return 'A search needs exactly one org:OWNER. Write one entry for each owner.';
  if (moreCode.length > 0) return 'A search has at most one code:"text". Write one entry for each text.';
  if (code === undefined && topics.length === 0 && languages.length === 0)
    return `A search needs a topic:, a language: or a code:"text". For all repositories of ${org}, write ${org}/*.`;
  if (code !== undefined && (topics.length > 0 || has(terms, 'fork')))
    return 'GitHub searches code neither by topic nor in forks. Leave topic: and fork: out of an entry with code:.';
  const text = code?.slice(1, -1);
  if (text !== undefined && text.trim() === '') return 'code:"…" has no text to search for.';
  return {
    kind: 'search',
    ...{ org, topics, languages, code: text },
    ...{ fork: has(terms, 'fork'), archived: has(terms, 'archived') },
  };
}

function has(terms: readonly string[], flag: string): boolean {
  return terms.includes(`${flag}:true`);
}

/** The repositories that entries name themselves, each once: GitHub ignores case. */
export function namedIn(entries: readonly string[]): string[] {
  const names = new Map<string, string>();
  for (const entry of entries) {
    const selector = parseSelector(entry);
    if (typeof selector !== 'string' && selector.kind === 'name')
      names.set(selector.name.toLowerCase(), names.get(selector.name.toLowerCase()) ?? selector.name);
  }
  return [...names.values()];
}

/** Whether entries may come to a repository, as far as they tell: a search may come to any of its owner. */
export function matcherOf(entries: readonly string[]): (repositoryName: string) => boolean {
  const names = new Set(namedIn(entries).map((name) => name.toLowerCase()));
  const others = entries.flatMap((entry) => {
    const selector = parseSelector(entry);
    return typeof selector === 'string' || selector.kind === 'name' ? [] : [selector];
  });
  return (repositoryName) => {
    const [owner = '', name = ''] = repositoryName.toLowerCase().split('/');
    return (
      names.has(repositoryName.toLowerCase()) ||
      others.some((selector) => {
        if (selector.kind === 'job') return true;
        if (selector.kind === 'search') return selector.org.toLowerCase() === owner;
        return (
          selector.kind === 'pattern' &&
          selector.owner.toLowerCase() === owner &&
          fitsPattern(selector.pattern, name)
        );
      })
    );
  };
}

/** Whether a name fits a pattern in which `*` stands for any characters, in any case. Takes linear time. */
export function fitsPattern(pattern: string, name: string): boolean {
  const [first = '', ...rest] = pattern.toLowerCase().split('*');
  const text = name.toLowerCase();
  if (rest.length === 0) return text === first;
  if (!text.startsWith(first)) return false;
  const last = rest.pop()!;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
