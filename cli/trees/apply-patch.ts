import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { UsageError } from '../../core/errors.ts';

type Application = { clone: string; branch: string; baseSha: string; patch: Uint8Array; message: string };

/**
 * Makes a commit of the patch on its base, and a new branch for it, in the user's clone. It uses an index of its own, so that
 * neither the work tree nor the index of the clone changes. Throws UsageError if that is not possible.
 */
export async function applyPatch({ clone, branch, baseSha, patch, message }: Application): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'cody-batch-apply-'));
  try {
    const file = path.join(folder, 'diff.patch');
    await writeFile(file, patch);
    const git = gitIn(clone, path.join(folder, 'index'));
    if (!(await succeeds(git('cat-file', '-e', `${baseSha}^{commit}`)))) {
      throw new UsageError(
        `${clone} does not have the commit ${baseSha.slice(0, 10)}, from which the job started. Fetch it, and apply again.`,
      );
    }
    if (await succeeds(git('rev-parse', '--verify', '--quiet', `refs/heads/${branch}`))) {
      throw new UsageError(
        `${clone} has a branch ${branch} already. Name another one by --branch, or remove it: git -C ${clone} branch -D ${branch}`,
      );
    }
    await git('read-tree', baseSha);
    await git('apply', '--cached', '--whitespace=nowarn', file);
    const tree = await git('write-tree');
    const hasIdentity = await succeeds(git('var', 'GIT_COMMITTER_IDENT'));
    const identity = hasIdentity
      ? []
      : ['-c', 'user.name=Cody Batch', '-c', 'user.email=cody-batch@localhost'];
    const commit = await git(...identity, 'commit-tree', tree, '-p', baseSha, '-m', message);
    await git('update-ref', `refs/heads/${branch}`, commit, '0'.repeat(40));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function gitIn(clone: string, index: string) {
  return async (...args: string[]): Promise<string> => {
    try {
      const { stdout } = await promisify(execFile)('git', ['-C', clone, ...args], {
        env: { ...process.env, GIT_INDEX_FILE: index, GIT_TERMINAL_PROMPT: '0' },
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim();
    } catch (error) {
      const { stderr, message } = error as { stderr?: string; message: string };
      throw new UsageError(`git ${args[0]} failed in ${clone}: ${(stderr || message).trim().split('\n')[0]}`);
    }
  };
}

async function succeeds(command: Promise<unknown>): Promise<boolean> {
  return command.then(
    () => true,
    () => false,
  );
}
