import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound } from '../rest/github-error.ts';
import { changedFiles, fileJson } from './changes.ts';
import { historyCommitJson } from './commits.ts';
import { countCommits, listCommits, mergeBase, resolve } from './history.ts';

/** https://docs.github.com/rest/commits/commits#compare-two-commits: at most 250 commits are listed. */
const MAX_LISTED_COMMITS = 250;

async function side(repository: Repository, name: string): Promise<string> {
  const { owner } = repository.record;
  const branch = name.startsWith(`${owner}:`) ? name.slice(owner.length + 1) : name;
  const sha = branch.includes(':') ? undefined : await resolve(repository, branch, 'commit');
  if (!sha) throw notFound();
  return sha;
}

function statusOf(ahead: number, behind: number): string {
  if (ahead > 0 && behind > 0) return 'diverged';
  if (ahead > 0) return 'ahead';
  return behind > 0 ? 'behind' : 'identical';
}

async function compare(call: RepositoryCall): Promise<Answer> {
  const { repository, params, url, htmlUrl } = call;
  const [baseName = '', headName = ''] = (params.basehead ?? '').split('...');
  const base = await side(repository, baseName);
  const head = await side(repository, headName);
  const common = await mergeBase(repository, base, head);
  if (!common) throw notFound();
  const ahead = await countCommits(repository, base, head);
  const behind = await countCommits(repository, head, base);
  const present = (sha: string): Promise<object> => historyCommitJson(call, sha);
  const newest = await listCommits(repository, head, { from: base, limit: MAX_LISTED_COMMITS });
  const commits: object[] = [];
  for (const sha of newest.reverse()) commits.push(await present(sha));
  const body = {
    url: `${url}/compare/${baseName}...${headName}`,
    html_url: `${htmlUrl}/compare/${baseName}...${headName}`,
    permalink_url: `${htmlUrl}/compare/${base}...${head}`,
    diff_url: `${htmlUrl}/compare/${baseName}...${headName}.diff`,
    patch_url: `${htmlUrl}/compare/${baseName}...${headName}.patch`,
    base_commit: await present(base),
    merge_base_commit: await present(common),
    status: statusOf(ahead, behind),
    ahead_by: ahead,
    behind_by: behind,
    total_commits: ahead,
    commits,
    files: (await changedFiles(repository, common, head)).map((file) => fileJson(file, head, call)),
  };
  return { status: 200, body };
}

export const compareRoutes: readonly RepositoryRoute[] = [
  ['GET', '/compare/{basehead*}', 'contents=read', compare],
];
