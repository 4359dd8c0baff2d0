import { z } from 'zod';
import { LOCAL_USER, nodeId } from '../accounts/accounts.ts';
import { isIdentity, isObjectId } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound, unprocessable } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { resolve } from './history.ts';
import { objectTypes, readObject, writeObject } from './objects.ts';

const objectId = z.string().refine(isObjectId, 'a SHA of 40 lower-case hexadecimal digits');
const identity = z.string().refine(isIdentity, 'text without `<`, `>` and control characters');
const person = z.object({
  name: identity,
  email: identity,
  date: z.iso
    .datetime({ offset: true })
    .refine((date) => Date.parse(date) >= 0, 'a time since 1970')
    .optional(),
});

const newCommit = z.object({
  message: z.string().refine((message) => !message.includes('\0'), 'without a NUL character'),
  tree: objectId,
  parents: z.array(objectId).default([]),
  author: person.optional(),
  committer: person.optional(),
  signature: z.undefined('is not supported: the local GitHub stores unsigned commits only').optional(),
});

export type Person = z.infer<typeof person>;
export type NewCommit = { message: string; tree: string; parents: readonly string[] } & {
  author?: Person;
  committer?: Person;
};

type Commit = {
  sha: string;
  tree: string;
  parents: string[];
  author: Person;
  committer: Person;
  message: string;
};

const LOCAL_PERSON: Person = { name: LOCAL_USER, email: `${LOCAL_USER}@localhost` };

/** git's form of a date, with the given offset from UTC. */
function gitDate(iso: string): string {
  const offset = /([+-]\d\d):?(\d\d)$/.exec(iso);
  return `${Math.floor(Date.parse(iso) / 1000)} ${offset ? `${offset[1]}${offset[2]}` : '+0000'}`;
}

const signed = ({ name, email, date }: Person): string =>
  `${name.trim()} <${email.trim()}> ${gitDate(date ?? new Date().toISOString())}`;

/**
 * Stores the message byte for byte. As on github.com, the author defaults to the user, the committer to
 * the author.
 */
export function writeCommit(repository: Repository, commit: NewCommit): Promise<string> {
  const author = commit.author ?? LOCAL_PERSON;
  const lines = [
    `tree ${commit.tree}`,
    ...commit.parents.map((parent) => `parent ${parent}`),
    `author ${signed(author)}`,
    `committer ${signed(commit.committer ?? author)}`,
  ];
  const content = Buffer.from(`${lines.join('\n')}\n\n${commit.message}`);
  return writeObject(repository, { type: 'commit', content });
}

/** Parses `Name <email> seconds offset`; anything else in a pushed commit gives a person without a name. */
function parsePerson(line: string): Person {
  const [, name = '', email = '', seconds = '0'] = /^(.*?) ?<(.*)> (\d+) [+-]\d{4}$/.exec(line) ?? [];
  return { name, email, date: new Date(Number(seconds) * 1000).toISOString().replace('.000Z', 'Z') };
}

/** `sha` must name a commit. */
export async function readCommit(repository: Repository, sha: string): Promise<Commit> {
  const text = (await readObject(repository, sha))?.content.toString() ?? '';
  const end = text.indexOf('\n\n');
  const headers = text.slice(0, end).split('\n');
  const values = (key: string): string[] =>
    headers.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
  return {
    sha,
    tree: values('tree')[0] ?? '',
    parents: values('parent'),
    author: parsePerson(values('author')[0] ?? ''),
    committer: parsePerson(values('committer')[0] ?? ''),
    message: text.slice(end + 2),
  };
}

type Urls = Pick<RepositoryCall, 'url' | 'htmlUrl'>;

const verification = {
  verified: false,
  reason: 'unsigned',
  signature: null,
  payload: null,
  verified_at: null,
};

const htmlOf = (sha: string, htmlUrl: string): string => `${htmlUrl}/commit/${sha}`;

/** The form of `git/commits`. */
const commitJson = (commit: Commit, { url, htmlUrl }: Urls): object => ({
  sha: commit.sha,
  node_id: nodeId('Commit', commit.sha),
  url: `${url}/git/commits/${commit.sha}`,
  html_url: htmlOf(commit.sha, htmlUrl),
  author: commit.author,
  committer: commit.committer,
  message: commit.message,
  tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
  parents: commit.parents.map((sha) => ({
    sha,
    url: `${url}/git/commits/${sha}`,
    html_url: htmlOf(sha, htmlUrl),
  })),
  verification,
});

/** The form of `commits`, `branches` and `compare`, which contains git's commit object. */
export async function historyCommitJson(
  { repository, url, htmlUrl }: Urls & { repository: Repository },
  sha: string,
): Promise<Record<string, unknown>> {
  const commit = await readCommit(repository, sha);
  return {
    sha,
    node_id: nodeId('Commit', sha),
    url: `${url}/commits/${sha}`,
    html_url: htmlOf(sha, htmlUrl),
    comments_url: `${url}/commits/${sha}/comments`,
    commit: {
      url: `${url}/git/commits/${sha}`,
      author: commit.author,
      committer: commit.committer,
      message: commit.message,
      comment_count: 0,
      tree: { sha: commit.tree, url: `${url}/git/trees/${commit.tree}` },
      verification,
    },
    // Accounts here have no e-mail address to be found by.
    author: null,
    committer: null,
    parents: commit.parents.map((parent) => ({
      sha: parent,
      url: `${url}/commits/${parent}`,
      html_url: htmlOf(parent, htmlUrl),
    })),
  };
}

async function createCommit(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const commit = parseBody(call, 'Commit', newCommit);
  const types = await objectTypes(repository, [commit.tree, ...commit.parents]);
  if (types.get(commit.tree) !== 'tree') throw unprocessable('Tree SHA does not exist');
  if (commit.parents.some((parent) => types.get(parent) !== 'commit')) {
    throw unprocessable('Parent SHA does not exist or is not a commit object');
  }
  const sha = await writeCommit(repository, commit);
  const headers = { location: `${url}/git/commits/${sha}` };
  return { status: 201, headers, body: commitJson(await readCommit(repository, sha), call) };
}

async function getGitCommit(call: RepositoryCall): Promise<Answer> {
  const { repository, params } = call;
  const sha = params.sha ?? '';
  if (!isObjectId(sha) || (await objectTypes(repository, [sha])).get(sha) !== 'commit') throw notFound();
  return { status: 200, body: commitJson(await readCommit(repository, sha), call) };
}

async function getCommit(call: RepositoryCall): Promise<Answer> {
  const { repository, params } = call;
  const sha = await resolve(repository, params.ref ?? '', 'commit');
  if (!sha) throw unprocessable(`No commit found for SHA: ${params.ref}`);
  return { status: 200, body: await historyCommitJson(call, sha) };
}

export const commitRoutes: readonly RepositoryRoute[] = [
  ['POST', '/git/commits', 'contents=write', createCommit],
  ['GET', '/git/commits/{sha}', 'contents=read', getGitCommit],
  ['GET', '/commits/{ref*}', 'contents=read', getCommit],
];
