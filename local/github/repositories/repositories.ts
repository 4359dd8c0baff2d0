import { z } from 'zod';
import { LOCAL_USER } from '../accounts/accounts.ts';
import { isBranchName, isOwnerName, isRepositoryName } from '../names.ts';
import { writeBlob } from '../objects/blobs.ts';
import { writeCommit } from '../objects/commits.ts';
import { ABSENT, moveRef, readRef } from '../objects/refs.ts';
import { TreeEdit } from '../objects/tree-edit.ts';
import type { Answer, Call, RepositoryCall, RepositoryRoute, Route } from '../rest/call.ts';
import { unprocessable, validationFailed } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { archived } from '../strict/access.ts';
import type { Repository } from './repository.ts';
import { repositoryJson } from './repository-json.ts';

const description = z.string().max(350).nullable();

const newRepository = z.object({
  name: z.string(),
  description: description.default(null),
  private: z.boolean().default(false),
  auto_init: z.boolean().default(false),
});

const repositoryChange = z.object({
  name: z.string().optional(),
  archived: z.boolean().optional(),
  description: description.optional(),
  private: z.boolean().optional(),
  default_branch: z.string().optional(),
  allow_auto_merge: z.boolean().optional(),
});

const newTopics = z.object({
  names: z.array(z.string().regex(/^[a-z0-9][a-z0-9-]{0,49}$/, 'a topic has a-z, 0-9 and hyphens')).max(20),
});

const refusedName = (message: string): Error =>
  validationFailed({ resource: 'Repository', field: 'name', code: 'custom', message });

const nameTaken = (): Error => refusedName('name already exists on this account');

function requireName(name: string): void {
  if (!isRepositoryName(name)) {
    throw refusedName(
      'name may have letters, digits, `.`, `_` and `-`. It must not start with `-` or end in .git or .lock.',
    );
  }
}

/** The first commit of `auto_init`. GitHub accepts no git objects in a repository without a commit. */
async function commitReadme(repository: Repository): Promise<void> {
  const readme = await writeBlob(repository, Buffer.from(`# ${repository.record.name}\n`));
  const edit = await TreeEdit.from(repository);
  await edit.set(['README.md'], { mode: '100644', sha: readme });
  const { sha: tree } = await edit.write();
  const commit = await writeCommit(repository, { message: 'Initial commit', tree, parents: [] });
  await moveRef(repository, `refs/heads/${await repository.defaultBranch()}`, ABSENT, commit);
  await repository.pushed();
}

async function createRepository(call: Call, owner: string): Promise<Answer> {
  const { name, auto_init: autoInit, ...about } = parseBody(call, 'Repository', newRepository);
  if (!isOwnerName(owner)) {
    throw validationFailed({ resource: 'Repository', field: 'owner', code: 'invalid' });
  }
  requireName(name);
  const repository = await call.github.repositories.create(owner, name, about);
  if (!repository) throw nameTaken();
  if (autoInit) await commitReadme(repository);
  const body = await repositoryJson(call, repository);
  return { status: 201, headers: { location: String(body.url) }, body };
}

async function setDefaultBranch(repository: Repository, branch: string): Promise<void> {
  if (!isBranchName(branch) || !(await readRef(repository, `refs/heads/${branch}`))) {
    throw unprocessable(`The branch ${branch} was not found. Please push that ref first or create it.`);
  }
  await repository.setDefaultBranch(branch);
}

/** Nothing of an archived repository can be changed but that it is archived. */
async function updateRepository(call: RepositoryCall): Promise<Answer> {
  const { github, repository } = call;
  const body = parseBody(call, 'Repository', repositoryChange);
  const { default_branch: branch, allow_auto_merge: allowAutoMerge, name, ...rest } = body;
  const change = { ...rest, ...(allowAutoMerge !== undefined && { allowAutoMerge }) };
  if (repository.record.archived && change.archived !== false) throw archived();
  if (branch !== undefined) await setDefaultBranch(repository, branch);
  if (name !== undefined && name !== repository.record.name) {
    requireName(name);
    if (!(await github.repositories.rename(repository, name))) throw nameTaken();
  }
  await repository.update(change);
  return { status: 200, body: await repositoryJson(call, repository) };
}

async function replaceTopics(call: RepositoryCall): Promise<Answer> {
  const { names } = parseBody(call, 'Repository', newTopics);
  await call.repository.update({ topics: [...new Set(names)] });
  return { status: 200, body: { names: call.repository.record.topics } };
}

async function deleteRepository({ github, repository }: RepositoryCall): Promise<Answer> {
  await github.repositories.remove(repository);
  return { status: 204 };
}

export const ownedRepositoryRoutes: readonly Route[] = [
  ['POST', '/user/repos', 'administration=write', (call) => createRepository(call, LOCAL_USER)],
  [
    'POST',
    '/orgs/{org}/repos',
    'administration=write',
    (call) => createRepository(call, call.params.org ?? ''),
  ],
];

export const repositoryRoutes: readonly RepositoryRoute[] = [
  [
    'GET',
    '',
    'metadata=read',
    async (call) => ({ status: 200, body: await repositoryJson(call, call.repository) }),
  ],
  ['PATCH', '', 'administration=write', updateRepository],
  ['DELETE', '', 'administration=write', deleteRepository],
  [
    'GET',
    '/topics',
    'metadata=read',
    async ({ repository }) => ({ status: 200, body: { names: repository.record.topics } }),
  ],
  ['PUT', '/topics', 'administration=write', replaceTopics],
];
