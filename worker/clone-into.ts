import { parseRepositoryName } from '../core/job.ts';
import { requireAllowed } from './admit.ts';
import { findBranches, requireOwnBranch } from './checkout/base-branch.ts';
import { type Clone, type CloneRequest, cloneRepository } from './checkout/clone.ts';
import { currentName, RepositoryMovedError } from './checkout/renamed.ts';
import type { Model, ModelOptions, ModelWait } from './claude/model.ts';
import { systemBlocks } from './claude/prompt.ts';
import type { Opened } from './open.ts';
import type { Workspace } from './sandbox/workspace.ts';
import type { Tool } from './tools/tool.ts';
import { toolDefinitions, toolsOf } from './tools/tool-box.ts';

/** A repository whose clone is in the workspace, and the model that will work on it. */
export type Cloned = Opened & {
  workspace: Workspace;
  clone: Clone;
  model: Model;
  tools: readonly Tool[];
};

/** Clones the repository while the model's client is loaded, which takes longer than any other part of the worker. */
export async function cloneInto(workspace: Workspace, opened: Opened): Promise<Cloned> {
  const { model: name, effort } = opened.job.settings;
  const tools = toolsOf(opened.job.settings);
  const conversation = { model: name, effort, system: systemBlocks(), tools: toolDefinitions(tools) };
  // All are awaited even if one fails: the workspace must not be removed while git works in it.
  const [cloned, recorded, model] = await Promise.allSettled([
    clone(opened, workspace),
    opened.progress.recordStart(),
    openModel(opened, conversation),
  ]);
  if (recorded.status === 'rejected') throw recorded.reason;
  if (model.status === 'rejected') throw model.reason;
  if (cloned.status === 'rejected') throw cloned.reason;
  return { ...opened, workspace, clone: cloned.value, model: model.value, tools };
}

/** Opens a model's client, and shows its waits on the row. */
export async function openModel(
  opened: Opened,
  request: Pick<ModelOptions, 'model' | 'effort' | 'system' | 'tools' | 'format'>,
): Promise<Model> {
  const { settings, log } = opened;
  const { Model } = await import('./claude/model.ts');
  return Model.open({ ...request, settings, log, onWaiting: (wait) => showWait(opened, wait) });
}

/** Shows a wait for the model's service on the row, and stops the clock if the service limits the rate. */
function showWait({ clock, progress }: Opened, wait: ModelWait | undefined): void {
  if (wait?.throttled) clock.stop();
  else clock.start();
  if (!wait) {
    progress.record('conversing');
    return;
  }
  const { times, until, reason } = wait;
  progress.record('waitingForModel', { times, until: until.toISOString(), reason });
}

async function clone(opened: Opened, workspace: Workspace): Promise<Clone> {
  const { job, repositoryName, settings, resumed, earlier, signal, stop, log, progress } = opened;
  const source: CloneRequest = {
    repositoryName,
    githubApiUrl: settings.GITHUB_API_URL,
    token: await settings.secret('GITHUB_TOKEN'),
    baseBranch: job.settings.baseBranch,
    baseSha: (resumed ?? earlier)?.baseSha,
    stop,
    signal,
    retries: {
      seconds: settings.GIT_PATIENCE_SECONDS,
      log,
      onWaiting: (waiting) => progress.record('cloning', waiting),
    },
  };
  try {
    return await cloneFrom(source, opened, workspace);
  } catch (error) {
    if (!(error instanceof RepositoryMovedError)) throw error;
    const remoteName = await currentName(repositoryName, source);
    if (!remoteName || remoteName.toLowerCase() === repositoryName.toLowerCase()) throw error;
    // A repository may be renamed within its owner. Under another owner, ALLOWED_REPOSITORIES has to allow it.
    if (parseRepositoryName(remoteName).owner !== parseRepositoryName(repositoryName).owner)
      requireAllowed(opened, remoteName);
    log.info(`${repositoryName} was renamed to ${remoteName}`);
    return cloneFrom({ ...source, remoteName }, opened, workspace);
  }
}

async function cloneFrom(
  source: CloneRequest,
  { job, resumed, earlier, log }: Opened,
  workspace: Workspace,
): Promise<Clone> {
  // Resumed work has been paid for, and can be published under another branch.
  const lookup = resumed || earlier ? undefined : findBranches(workspace, source, job);
  const [tree, branches] = await Promise.allSettled([cloneRepository(workspace, source), lookup]);
  if (tree.status === 'rejected') throw tree.reason;
  if (branches.status === 'rejected') throw branches.reason;
  if (branches.value) await requireOwnBranch(branches.value, tree.value, job, source);
  const { baseBranch, baseSha } = tree.value;
  log.info('cloned', { baseBranch, baseSha });
  return tree.value;
}
