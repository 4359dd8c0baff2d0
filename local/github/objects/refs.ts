import { z } from 'zod';
import { GitFailedError } from '../../../core/git-process.ts';
import { nodeId } from '../accounts/accounts.ts';
import { isObjectId, isRefName } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { GitHubError, notFound, unprocessable, validationFailed } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { type BranchChange, violationOf } from '../strict/rules.ts';
import { isAncestor } from './history.ts';
import { objectType } from './objects.ts';
import { moveRefFile, readRefFile } from './ref-files.ts';

export type Ref = { name: string; sha: string; type: string };

const objectId = z.string().refine(isObjectId, 'a SHA of 40 lower-case hexadecimal digits');
const newRef = z.object({ ref: z.string(), sha: objectId });
const refChange = z.object({ sha: objectId, force: z.boolean().default(false) });

/** As the old value of an update it means create, as the new value delete. */
export const ABSENT = '0'.repeat(40);

const changedMeanwhile = (): GitHubError =>
  new GitHubError(409, 'The reference changed during the update. Read it again.');

async function listRefs(repository: Repository): Promise<Ref[]> {
  const format = '--format=%(objectname) %(objecttype) %(refname)';
  const { stdout } = await repository.git(['for-each-ref', format]);
  return stdout
    .toString()
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [sha = '', type = '', name = ''] = line.split(' ');
      return { name, sha, type };
    });
}

/** The ref with exactly this full name, such as `refs/heads/main`. The caller must have checked the name. */
export async function readRef(repository: Repository, name: string): Promise<Ref | undefined> {
  const sha = await readRefFile(repository.gitFolder, name);
  const type = sha && (await objectType(repository, sha));
  return sha && type ? { name, sha, type } : undefined;
}

/** Compare and swap. Returns false if the ref no longer has the value `from`. */
export async function moveRef(
  repository: Repository,
  name: string,
  from: string,
  to: string,
): Promise<boolean> {
  const current = from === ABSENT ? undefined : from;
  if (to !== ABSENT && (await moveRefFile(repository.gitFolder, name, current, to))) return true;
  try {
    await repository.git(['update-ref', name, to, from]);
    return true;
  } catch (error) {
    if (error instanceof GitFailedError && error.stderr.includes('cannot lock ref')) return false;
    throw error;
  }
}

const refJson = ({ name, sha, type }: Ref, url: string): object => ({
  ref: name,
  node_id: nodeId('Ref', name),
  url: `${url}/git/${name}`,
  object: { sha, type, url: `${url}/git/${type}s/${sha}` },
});

/** The ref of a path, where `heads/main` means `refs/heads/main`. */
async function requireRef({ repository, params }: RepositoryCall, absent: GitHubError): Promise<Ref> {
  const name = `refs/${params.ref}`;
  const ref = isRefName(name) ? await readRef(repository, name) : undefined;
  if (!ref) throw absent;
  return ref;
}

const BRANCHES = 'refs/heads/';

/** Throws 422 if a rule of the repository forbids the change. Rules apply to branches only. */
async function requireRules(
  repository: Repository,
  name: string,
  change: Omit<BranchChange, 'branch'>,
): Promise<void> {
  if (!name.startsWith(BRANCHES)) return;
  const branch = name.slice(BRANCHES.length);
  const violation = await violationOf(repository, { branch, ...change });
  if (violation) throw unprocessable(violation);
}

/** Clients cannot write refs/pull, and a branch always points to a commit. */
async function requireTarget(repository: Repository, name: string, sha: string): Promise<string> {
  if (name.startsWith('refs/pull/')) throw unprocessable('refs/pull belongs to the pull requests');
  const type = await objectType(repository, sha);
  if (!type) throw unprocessable('Object does not exist');
  if (name.startsWith('refs/heads/') && type !== 'commit') throw unprocessable('Object is not a commit');
  return type;
}

async function getRef(call: RepositoryCall): Promise<Answer> {
  return { status: 200, body: refJson(await requireRef(call, notFound()), call.url) };
}

async function matchingRefs(call: RepositoryCall): Promise<Answer> {
  const prefix = `refs/${call.params.ref}`;
  const refs = (await listRefs(call.repository)).filter(({ name }) => name.startsWith(prefix));
  return paginated(call, refs, (ref) => refJson(ref, call.url));
}

async function createRef(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const { ref: name, sha } = parseBody(call, 'Reference', newRef);
  if (!isRefName(name)) {
    throw validationFailed({
      resource: 'Reference',
      field: 'ref',
      code: 'invalid',
      message: `${name} is not valid`,
    });
  }
  const type = await requireTarget(repository, name, sha);
  await requireRules(repository, name, { to: sha });
  if (!(await moveRef(repository, name, ABSENT, sha))) {
    // Another ref can also block the name: refs/heads/a/b blocks refs/heads/a.
    const taken = await readRef(repository, name);
    throw unprocessable(taken ? 'Reference already exists' : 'Reference name conflicts with an existing one');
  }
  await repository.pushed();
  return {
    status: 201,
    headers: { location: `${url}/git/${name}` },
    body: refJson({ name, sha, type }, url),
  };
}

async function updateRef(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const { sha, force } = parseBody(call, 'Reference', refChange);
  const ref = await requireRef(call, unprocessable('Reference does not exist'));
  const type = await requireTarget(repository, ref.name, sha);
  const forward = ref.type === 'commit' && type === 'commit' && (await isAncestor(repository, ref.sha, sha));
  if (!force && !forward) throw unprocessable('Update is not a fast forward');
  await requireRules(repository, ref.name, { from: ref.sha, to: sha, forced: !forward });
  if (!(await moveRef(repository, ref.name, ref.sha, sha))) throw changedMeanwhile();
  await repository.pushed();
  return { status: 200, body: refJson({ name: ref.name, sha, type }, url) };
}

async function deleteRef(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const ref = await requireRef(call, unprocessable('Reference does not exist'));
  if (ref.name === `refs/heads/${await repository.defaultBranch()}`) {
    throw unprocessable('Cannot delete the default branch');
  }
  if (ref.name.startsWith('refs/pull/')) throw unprocessable('refs/pull belongs to the pull requests');
  await requireRules(repository, ref.name, { from: ref.sha });
  if (!(await moveRef(repository, ref.name, ref.sha, ABSENT))) throw changedMeanwhile();
  await repository.pushed();
  return { status: 204 };
}

export const refRoutes: readonly RepositoryRoute[] = [
  ['GET', '/git/ref/{ref*}', 'contents=read', getRef],
  ['GET', '/git/matching-refs/{ref*}', 'contents=read', matchingRefs],
  ['POST', '/git/refs', 'contents=write', createRef],
  ['PATCH', '/git/refs/{ref*}', 'contents=write', updateRef],
  ['DELETE', '/git/refs/{ref*}', 'contents=write', deleteRef],
];
