import { z } from 'zod';
import { LOCAL_USER } from '../accounts/accounts.ts';
import { isBranchName } from '../names.ts';
import { fileJson } from '../objects/changes.ts';
import { historyCommitJson } from '../objects/commits.ts';
import { countCommits, isAncestor, listCommits, mergeBase } from '../objects/history.ts';
import { readRef } from '../objects/refs.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound, validationFailed } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { pullDiff, pullFiles, pullJson, wholePullJson } from './pull-json.ts';
import type { PullRecord } from './pull-requests.ts';

/** https://docs.github.com/rest/pulls/pulls: at most 250 commits are listed. */
const MAX_LISTED_COMMITS = 250;

const body = z.string().max(65_536).nullable();

const newPull = z.object({
  title: z.string().min(1).max(256),
  head: z.string(),
  base: z.string(),
  body: body.default(null),
  draft: z.boolean().default(false),
});

const pullChange = z.object({
  title: z.string().min(1).max(256).optional(),
  body: body.optional(),
  state: z.enum(['open', 'closed']).optional(),
  base: z.string().optional(),
});

const invalid = (field: string, message: string): Error =>
  validationFailed({ resource: 'PullRequest', field, code: 'invalid', message });

const refused = (message: string): Error =>
  validationFailed({ resource: 'PullRequest', code: 'custom', message });

async function tipOf(repository: Repository, field: string, branch: string): Promise<PullRecord['head']> {
  const ref = isBranchName(branch) ? await readRef(repository, `refs/heads/${branch}`) : undefined;
  if (!ref) throw invalid(field, `${branch} is not a branch of ${repository.fullName}`);
  return { ref: branch, sha: ref.sha };
}

/** The pull request of the path. Throws 404 if there is none. */
export async function requirePull({ repository, params }: RepositoryCall): Promise<PullRecord> {
  const pull = /^[1-9]\d{0,8}$/.test(params.number ?? '')
    ? await repository.pulls.find(Number(params.number))
    : undefined;
  if (!pull) throw notFound();
  return pull;
}

/** Changes the pull request of the path and returns the new record. */
export async function changePull(
  call: RepositoryCall,
  change: (pull: PullRecord) => Promise<Partial<PullRecord>>,
): Promise<PullRecord> {
  const { number } = await requirePull(call);
  const pull = await call.repository.pulls.change(number, change);
  if (!pull) throw notFound();
  return pull;
}

async function listPulls(call: RepositoryCall): Promise<Answer> {
  const { repository, query } = call;
  const state = query.get('state') ?? 'open';
  const head = query.get('head');
  const base = query.get('base');
  const owner = repository.record.owner.toLowerCase();
  const matches = (pull: PullRecord): boolean => {
    const label = `${owner}:${pull.head.ref}`;
    // As on github.com, a head without an owner does not filter.
    const headMatches =
      !head?.includes(':') || head.replace(/^[^:]*/, (name) => name.toLowerCase()) === label;
    return (state === 'all' || pull.state === state) && headMatches && (!base || pull.base.ref === base);
  };
  const key = query.get('sort') === 'updated' ? 'updatedAt' : 'createdAt';
  const pulls = (await repository.pulls.list())
    .filter(matches)
    .sort((one, other) => one[key].localeCompare(other[key]) || one.number - other.number);
  if (query.get('direction') !== 'asc') pulls.reverse();
  return paginated(call, pulls, (pull) => pullJson(call, pull));
}

async function createPull(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const wanted = parseBody(call, 'PullRequest', newPull);
  const { owner } = repository.record;
  const [headOwner, headBranch] = wanted.head.includes(':')
    ? wanted.head.split(':', 2)
    : [owner, wanted.head];
  if (headOwner?.toLowerCase() !== owner.toLowerCase())
    throw invalid('head', 'the local GitHub has no forks: the head must be a branch of the same repository');
  const head = await tipOf(repository, 'head', headBranch ?? '');
  const base = await tipOf(repository, 'base', wanted.base);
  if (!(await mergeBase(repository, base.sha, head.sha))) {
    throw refused(`The ${head.ref} branch has no history in common with ${base.ref}`);
  }
  if ((await countCommits(repository, base.sha, head.sha)) === 0) {
    throw refused(`No commits between ${base.ref} and ${head.ref}`);
  }
  const { title, body, draft } = wanted;
  const author = call.caller.login ?? LOCAL_USER;
  const pull = await repository.pulls.create({ author, title, body, draft, head, base });
  if (!pull) throw refused(`A pull request already exists for ${owner}:${head.ref}.`);
  const json = await wholePullJson(call, pull, { isNew: true });
  return { status: 201, headers: { location: String(json.url) }, body: json };
}

async function getPull(call: RepositoryCall): Promise<Answer> {
  const pull = await requirePull(call);
  if (/^application\/vnd\.github(\.v3)?\.diff$/.test(call.accept)) {
    const headers = { 'content-type': 'text/plain; charset=utf-8' };
    return { status: 200, headers, body: await pullDiff(call.repository, pull) };
  }
  return { status: 200, body: await wholePullJson(call, pull) };
}

async function updatePull(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const { state, base, ...text } = parseBody(call, 'PullRequest', pullChange);
  const pull = await changePull(call, async (before) => {
    if (state === 'open' && before.mergedAt) throw refused('A merged pull request cannot be reopened');
    if (base !== undefined && before.state === 'closed')
      throw refused('The base of a closed pull request cannot be changed');
    const reopened = state === 'open' && before.state === 'closed';
    if (reopened) await refuseMoved(repository, before.head);
    return {
      ...text,
      ...(base !== undefined && { base: await tipOf(repository, 'base', base) }),
      ...(reopened && { head: await tipOf(repository, 'head', before.head.ref) }),
      ...(reopened && { base: await tipOf(repository, 'base', before.base.ref) }),
      ...(reopened && { state, closedAt: null }),
      ...(state === 'closed' && before.state === 'open' && { state, closedAt: new Date().toISOString() }),
    };
  });
  return { status: 200, body: await wholePullJson(call, pull) };
}

/** As on github.com: a closed pull request is not reopened once its branch was deleted, or moved but by new commits. */
async function refuseMoved(
  repository: Repository,
  { ref, sha }: { ref: string; sha: string },
): Promise<void> {
  const tip = await tipOf(repository, 'head', ref);
  if (!(await isAncestor(repository, sha, tip.sha)))
    throw refused(`state cannot be changed. The ${ref} branch was force-pushed or recreated.`);
}

async function listPullFiles(call: RepositoryCall): Promise<Answer> {
  const pull = await requirePull(call);
  const files = await pullFiles(call.repository, pull);
  return paginated(call, files, (file) => fileJson(file, pull.head.sha, call));
}

async function listPullCommits(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const { base, head } = await requirePull(call);
  const commits = await listCommits(repository, head.sha, { from: base.sha, limit: MAX_LISTED_COMMITS });
  return paginated(call, commits.reverse(), (sha) => historyCommitJson(call, sha));
}

export const pullRoutes: readonly RepositoryRoute[] = [
  ['GET', '/pulls', 'pull_requests=read', listPulls],
  ['POST', '/pulls', 'pull_requests=write', createPull],
  ['GET', '/pulls/{number}', 'pull_requests=read', getPull],
  ['PATCH', '/pulls/{number}', 'pull_requests=write', updatePull],
  ['GET', '/pulls/{number}/files', 'pull_requests=read', listPullFiles],
  ['GET', '/pulls/{number}/commits', 'pull_requests=read', listPullCommits],
];
