import { LOCAL_USER } from '../accounts/accounts.ts';
import type { Answer, Call, Route } from '../rest/call.ts';
import { GitHubError, validationFailed } from '../rest/github-error.ts';
import { pageOf } from '../rest/paginated.ts';
import { callersRole } from '../strict/access.ts';
import type { Repository } from './repository.ts';
import { repositoryJson } from './repository-json.ts';

/** https://docs.github.com/rest/search: no search gives more results. */
const MAX_RESULTS = 1000;

type Query = {
  /** Texts without a qualifier, without their quotes. */
  texts: string[];
  /** Values by qualifier, such as `org`. */
  qualifiers: Map<string, string[]>;
};

function queryOf({ query }: Call): Query {
  const texts: string[] = [];
  const qualifiers = new Map<string, string[]>();
  for (const [term] of (query.get('q') ?? '').matchAll(/[\w-]+:"[^"]*"|"[^"]*"|\S+/g)) {
    const [, name, value] = /^([a-z-]+):(.+)$/.exec(term) ?? [];
    if (name && value) qualifiers.set(name, [...(qualifiers.get(name) ?? []), value.replaceAll('"', '')]);
    else texts.push(term.replaceAll('"', ''));
  }
  if (texts.length === 0 && qualifiers.size === 0) {
    throw new GitHubError(422, 'Validation Failed', {
      body: { errors: [{ resource: 'Search', field: 'q', code: 'missing' }] },
    });
  }
  return { texts, qualifiers };
}

/** The repositories that the caller can see and the qualifiers of owners and names admit. */
function within({ github, caller }: Call, { qualifiers }: Query): Repository[] {
  const owners = [...(qualifiers.get('org') ?? []), ...(qualifiers.get('user') ?? [])].map(lower);
  const names = (qualifiers.get('repo') ?? []).map(lower);
  if (owners.some((owner) => owner !== LOCAL_USER && !github.repositories.findOwner(owner))) {
    const message = 'The listed users and repositories cannot be searched.';
    throw validationFailed({ resource: 'Search', field: 'q', code: 'invalid', message });
  }
  return github.repositories
    .all()
    .filter((repository) => callersRole(caller, repository) !== undefined)
    .filter(({ record, fullName }) =>
      owners.length + names.length === 0
        ? true
        : owners.includes(lower(record.owner)) || names.includes(lower(fullName)),
    );
}

const lower = (text: string) => text.toLowerCase();

async function searchRepositories(call: Call): Promise<Answer> {
  const query = queryOf(call);
  const { texts, qualifiers } = query;
  const isArchived = qualifiers.get('archived')?.[0];
  // The local GitHub has no forks, and knows no languages.
  const found = within(call, query).filter(
    ({ record }) =>
      (qualifiers.get('topic') ?? []).every((topic) => record.topics.includes(lower(topic))) &&
      !qualifiers.has('language') &&
      (isArchived === undefined || String(record.archived) === isArchived) &&
      texts.every((text) => lower(`${record.name} ${record.description ?? ''}`).includes(lower(text))),
  );
  return results(call, found, async (repository) => ({
    ...(await repositoryJson(call, repository)),
    score: 1,
  }));
}

/** Searches the files of default branches for the texts, in any case. */
async function searchCode(call: Call): Promise<Answer> {
  const query = queryOf(call);
  if (query.texts.length === 0) {
    throw new GitHubError(422, 'Validation Failed', {
      body: { errors: [{ resource: 'Search', field: 'q', code: 'missing' }] },
    });
  }
  const files: { repository: Repository; file: string; sha: string }[] = [];
  for (const repository of within(call, query)) {
    if (query.qualifiers.has('language') || (await repository.isEmpty())) continue;
    for (const file of await filesWith(repository, query.texts)) {
      const { stdout } = await repository.git(['rev-parse', `HEAD:${file}`]);
      files.push({ repository, file, sha: stdout.toString().trim() });
    }
  }
  return results(call, files, async ({ repository, file, sha }) => {
    const json = await repositoryJson(call, repository);
    const url = `${json.url}/contents/${file}?ref=${json.default_branch}`;
    return {
      name: file.split('/').at(-1),
      path: file,
      sha,
      url,
      git_url: `${json.url}/git/blobs/${sha}`,
      html_url: `${json.html_url}/blob/${json.default_branch}/${file}`,
      repository: json,
      score: 1,
    };
  });
}

async function filesWith(repository: Repository, texts: readonly string[]): Promise<string[]> {
  const patterns = texts.flatMap((text, i) => [...(i > 0 ? ['--and'] : []), '-e', text]);
  const args = ['grep', '--fixed-strings', '--ignore-case', '--files-with-matches', '-I', '-z'];
  // 1 means that nothing was found.
  const { stdout } = await repository.git([...args, ...patterns, 'HEAD', '--'], { exitCodes: [0, 1] });
  return stdout
    .toString()
    .split('\0')
    .filter(Boolean)
    .map((entry) => entry.slice('HEAD:'.length));
}

async function results<Item>(
  { query }: Call,
  found: readonly Item[],
  present: (item: Item) => Promise<unknown>,
): Promise<Answer> {
  const { page, perPage } = pageOf(query);
  if ((page - 1) * perPage >= MAX_RESULTS)
    throw new GitHubError(422, 'Only the first 1000 search results are available');
  const shown = found.slice((page - 1) * perPage, page * perPage);
  return {
    status: 200,
    body: {
      total_count: found.length,
      incomplete_results: false,
      items: await Promise.all(shown.map(present)),
    },
  };
}

export const searchRoutes: readonly Route[] = [
  ['GET', '/search/repositories', 'metadata=read', searchRepositories],
  ['GET', '/search/code', 'contents=read', searchCode],
];
