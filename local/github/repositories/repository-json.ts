import { nodeId, ownerJson } from '../accounts/accounts.ts';
import { permissionsOf } from '../accounts/roles.ts';
import type { Call } from '../rest/call.ts';
import { callersRole } from '../strict/access.ts';
import { apiUrlOf, htmlUrlOf } from '../urls.ts';
import type { Repository } from './repository.ts';

/** The answer depends on the server's addresses and on the caller's permissions. */
export type Viewer = Pick<Call, 'github' | 'caller'>;

/** GitHub's links. Most lead to routes that the local GitHub answers with 501. */
const links = (url: string): Record<string, string> => ({
  archive_url: `${url}/{archive_format}{/ref}`,
  assignees_url: `${url}/assignees{/user}`,
  blobs_url: `${url}/git/blobs{/sha}`,
  branches_url: `${url}/branches{/branch}`,
  collaborators_url: `${url}/collaborators{/collaborator}`,
  comments_url: `${url}/comments{/number}`,
  commits_url: `${url}/commits{/sha}`,
  compare_url: `${url}/compare/{base}...{head}`,
  contents_url: `${url}/contents/{+path}`,
  contributors_url: `${url}/contributors`,
  deployments_url: `${url}/deployments`,
  downloads_url: `${url}/downloads`,
  events_url: `${url}/events`,
  forks_url: `${url}/forks`,
  git_commits_url: `${url}/git/commits{/sha}`,
  git_refs_url: `${url}/git/refs{/sha}`,
  git_tags_url: `${url}/git/tags{/sha}`,
  hooks_url: `${url}/hooks`,
  issue_comment_url: `${url}/issues/comments{/number}`,
  issue_events_url: `${url}/issues/events{/number}`,
  issues_url: `${url}/issues{/number}`,
  keys_url: `${url}/keys{/key_id}`,
  labels_url: `${url}/labels{/name}`,
  languages_url: `${url}/languages`,
  merges_url: `${url}/merges`,
  milestones_url: `${url}/milestones{/number}`,
  notifications_url: `${url}/notifications{?since,all,participating}`,
  pulls_url: `${url}/pulls{/number}`,
  releases_url: `${url}/releases{/id}`,
  stargazers_url: `${url}/stargazers`,
  statuses_url: `${url}/statuses/{sha}`,
  subscribers_url: `${url}/subscribers`,
  subscription_url: `${url}/subscription`,
  tags_url: `${url}/tags`,
  teams_url: `${url}/teams`,
  trees_url: `${url}/git/trees{/sha}`,
});

/** GitHub's full repository, a superset of its shorter forms. */
export async function repositoryJson(
  { github, caller }: Viewer,
  repository: Repository,
): Promise<Record<string, unknown>> {
  const { record, fullName } = repository;
  const url = apiUrlOf(github, repository);
  const htmlUrl = htmlUrlOf(github, repository);
  return {
    id: record.id,
    node_id: nodeId('Repository', record.id),
    name: record.name,
    full_name: fullName,
    private: record.private,
    visibility: record.private ? 'private' : 'public',
    owner: ownerJson(github, record.owner),
    url,
    html_url: htmlUrl,
    clone_url: `${htmlUrl}.git`,
    git_url: `${htmlUrl}.git`,
    ssh_url: `${htmlUrl}.git`,
    svn_url: htmlUrl,
    mirror_url: null,
    ...links(url),
    description: record.description,
    topics: record.topics,
    homepage: null,
    language: null,
    license: null,
    default_branch: await repository.defaultBranch(),
    fork: false,
    archived: record.archived,
    disabled: github.disabled.has(fullName.toLowerCase()),
    is_template: false,
    has_issues: true,
    has_projects: false,
    has_downloads: false,
    has_wiki: false,
    has_pages: false,
    has_discussions: false,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: false,
    allow_auto_merge: record.allowAutoMerge,
    size: 0,
    forks: 0,
    forks_count: 0,
    network_count: 0,
    open_issues: 0,
    open_issues_count: 0,
    stargazers_count: 0,
    subscribers_count: 0,
    watchers: 0,
    watchers_count: 0,
    permissions: permissionsOf(callersRole(caller, repository) ?? 'pull'),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    pushed_at: record.pushedAt ?? record.createdAt,
  };
}
