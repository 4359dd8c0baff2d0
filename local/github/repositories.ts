import { z } from 'zod';
import { accountJson, LOCAL_USER } from './accounts.ts';
import {
  type Answer,
  type Call,
  type GitHub,
  parseBody,
  type RepositoryCall,
  type RepositoryRoute,
  type Route,
} from './api.ts';
import { unprocessable, validationFailed } from './github-error.ts';
import { isBranchName, isOwnerName, isRepositoryName } from './names.ts';
import { readRef } from './refs.ts';
import type { Repository } from './repository.ts';

const description = z.string().max(350).nullable();

const newRepository = z.object({
  name: z.string(),
  description: description.default(null),
  private: z.boolean().default(false),
});

const repositoryChange = z.object({
  description: description.optional(),
  private: z.boolean().optional(),
  default_branch: z.string().optional(),
});

export const apiUrlOf = (github: GitHub, { fullName }: Repository): string =>
  `${github.apiUrl}/repos/${fullName}`;

export const htmlUrlOf = (github: GitHub, { fullName }: Repository): string => `${github.url}/${fullName}`;

export async function repositoryJson(
  github: GitHub,
  repository: Repository,
): Promise<Record<string, unknown>> {
  const { record, fullName } = repository;
  const htmlUrl = htmlUrlOf(github, repository);
  return {
    id: record.id,
    name: record.name,
    full_name: fullName,
    private: record.private,
    visibility: record.private ? 'private' : 'public',
    owner: accountJson(github, record.owner),
    url: apiUrlOf(github, repository),
    html_url: htmlUrl,
    clone_url: `${htmlUrl}.git`,
    description: record.description,
    default_branch: await repository.defaultBranch(),
    fork: false,
    archived: false,
    disabled: false,
    is_template: false,
    allow_merge_commit: true,
    allow_squash_merge: true,
    allow_rebase_merge: false,
    permissions: { admin: true, maintain: true, push: true, triage: true, pull: true },
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    pushed_at: record.pushedAt,
  };
}

async function createRepository(call: Call, owner: string): Promise<Answer> {
  const { name, ...about } = parseBody(call, 'Repository', newRepository);
  if (!isOwnerName(owner)) {
    throw validationFailed({ resource: 'Repository', field: 'owner', code: 'invalid' });
  }
  if (!isRepositoryName(name)) {
    const message =
      'name must be letters, digits, `.`, `_` or `-`, not start with `-` nor end in .git or .lock';
    throw validationFailed({ resource: 'Repository', field: 'name', code: 'custom', message });
  }
  const repository = await call.github.repositories.create(owner, name, about);
  if (!repository) {
    const message = 'name already exists on this account';
    throw validationFailed({ resource: 'Repository', field: 'name', code: 'custom', message });
  }
  return { status: 201, body: await repositoryJson(call.github, repository) };
}

async function updateRepository(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const { default_branch: branch, ...change } = parseBody(call, 'Repository', repositoryChange);
  if (branch !== undefined) {
    if (!isBranchName(branch) || !(await readRef(repository, `refs/heads/${branch}`))) {
      throw unprocessable(`The branch ${branch} was not found. Please push that ref first or create it.`);
    }
    await repository.setDefaultBranch(branch);
  }
  await repository.update(change);
  return { status: 200, body: await repositoryJson(call.github, repository) };
}

async function deleteRepository({ github, repository }: RepositoryCall): Promise<Answer> {
  await github.repositories.remove(repository);
  return { status: 204 };
}

export const ownedRepositoryRoutes: readonly Route[] = [
  ['POST', '/user/repos', (call) => createRepository(call, LOCAL_USER)],
  ['POST', '/orgs/{org}/repos', (call) => createRepository(call, call.params.org ?? '')],
];

export const repositoryRoutes: readonly RepositoryRoute[] = [
  [
    'GET',
    '',
    async ({ github, repository }) => ({ status: 200, body: await repositoryJson(github, repository) }),
  ],
  ['PATCH', '', updateRepository],
  ['DELETE', '', deleteRepository],
];
