import { isAllowed } from '../core/allowed-repositories.ts';
import {
  CodyBatchError,
  ConflictError,
  describeError,
  JobStoppedError,
  ModelRequestError,
  RepositoryUnavailableError,
  SetupFailedError,
} from '../core/errors.ts';
import { type JobSettings, JobText } from '../core/job.ts';
import { refusalOfModel } from '../core/model-check.ts';
import { isPriced, unpricedNote } from '../core/models.ts';
import { OutcomeDocument } from '../core/outcome.ts';
import { artifactKeys, findArtifactOfRun, readArtifact } from '../core/store/artifacts.ts';
import { Analysis, type AnalysisRequest } from './analysis.ts';
import { findBranches, requireOwnBranch } from './checkout/base-branch.ts';
import { applyPatch, readChanges, resetTree } from './checkout/changes.ts';
import { type Clone, type CloneRequest, cloneRepository } from './checkout/clone.ts';
import { makeCommandRepository } from './checkout/command-repository.ts';
import { GitBoundExceededError, GitFailedError } from './checkout/git.ts';
import { currentName, RepositoryMovedError } from './checkout/renamed.ts';
import { fetchTagHistory } from './checkout/tag-history.ts';
import { WorkTree } from './checkout/work-tree.ts';
import type { Resumable } from './checkpoint.ts';
import type { Model } from './claude/model.ts';
import { firstMessage, sharedBytes, systemBlocks } from './claude/prompt.ts';
import { SharedPrefix } from './claude/shared-prefix.ts';
import { type Baseline, runBaseline } from './conversation/baseline.ts';
import { Budget } from './conversation/budget.ts';
import { converse } from './conversation/conversation.ts';
import { type ConversationState, newConversation } from './conversation/conversation-state.ts';
import { limitEnding } from './conversation/ending.ts';
import { Submissions } from './conversation/submissions.ts';
import { describeCommand, runCommand } from './sandbox/command.ts';
import { CommandUser } from './sandbox/command-user.ts';
import { createWorkspace, type Workspace } from './sandbox/workspace.ts';
import type { Tool } from './tools/tool.ts';
import { runTools, toolDefinitions, toolsOf } from './tools/tool-box.ts';
import { whileStopping } from './while-stopping.ts';
import { unspent, writeOutcome } from './write-outcome.ts';

/**
 * One repository, from the clone to the outcome. Expected failures become outcomes; what it throws is the order to
 * stop, the infrastructure's or a bug, and another attempt goes on from the checkpoint.
 */
export async function analyzeRepository(request: AnalysisRequest): Promise<OutcomeDocument> {
  const { jobId, settings, log, stop } = request;
  const analysis = await Analysis.open(request);
  const earlier = await earlierOutcome(analysis);
  if (earlier) {
    log.info('this run has its outcome already', { outcome: earlier.outcome });
    return earlier;
  }
  const commandUser = settings.COMMAND_USER ? await CommandUser.open(settings.COMMAND_USER) : undefined;
  const workspace = await createWorkspace(settings.TEMP_DIR, jobId, commandUser);
  try {
    try {
      await work(analysis, workspace);
    } catch (error) {
      await analysis.saveTally().catch((cause: Error) => log.warn(`Nothing can be saved: ${cause.message}`));
      stop.throwIfAborted();
      if (analysis.clock.over.aborted) analysis.ending = limitEnding('maxMinutes', analysis.job.settings);
      else if (error instanceof CodyBatchError) analysis.error = describeError(error);
      else if (error instanceof GitBoundExceededError)
        analysis.error = describeError(tooLargeForGit(request.repositoryName, error));
      else throw error;
      log.warn(analysis.error?.message ?? analysis.ending!.summary);
    }
    analysis.record('saving');
    if (analysis.clone && analysis.ending?.end !== 'throttled')
      analysis.changes ??= await readChanges(analysis.clone, workspace);
    await analysis.recorded();
    return await writeOutcome(analysis);
  } finally {
    workspace.remove();
  }
}

function tooLargeForGit(repositoryName: string, error: GitBoundExceededError): RepositoryUnavailableError {
  return new RepositoryUnavailableError(
    `${repositoryName} is too large to be worked on: ${error.message}. Leave it out of the job.`,
    { cause: error },
  );
}

/** The outcome of this run, where an attempt before wrote one and was lost only then. */
async function earlierOutcome({ artifacts, job, request }: Analysis): Promise<OutcomeDocument | undefined> {
  const key = artifactKeys.outcome(job.jobId, request.repositoryName);
  const of = { run: job.run, schema: OutcomeDocument };
  const outcome = await findArtifactOfRun(artifacts, key, of, (why) => request.log.warn(why));
  return outcome?.outcome === 'throttled' ? undefined : outcome;
}

async function work(analysis: Analysis, workspace: Workspace): Promise<void> {
  const { job, request } = analysis;
  if (job.status === 'cancelled')
    throw new ConflictError(`The job ${job.jobId} was cancelled; nothing was begun.`);
  requireAllowed(analysis, request.repositoryName);
  const text = await readArtifact(analysis.artifacts, artifactKeys.request(job.jobId), JobText);
  const tools = toolsOf(job.settings);
  for (const name of ['CLAUDE_API_KEY', 'GITHUB_TOKEN'] as const)
    request.redactor.add(await request.settings.secret(name));
  const secrets = await readCommandSecrets(analysis);

  await checkModel(analysis);
  // All to their end, whatever becomes of the others: nothing may be removed while git works in it.
  const [cloned, recorded, opened] = await Promise.allSettled([
    clone(analysis, workspace),
    analysis.recordStart(),
    openModel(analysis, tools),
  ]);
  if (recorded.status === 'rejected') throw recorded.reason;
  if (opened.status === 'rejected') throw opened.reason;
  if (cloned.status === 'rejected') throw cloned.reason;
  analysis.clone = cloned.value;
  const model = opened.value;
  if (hasCommands(job.settings)) await giveRepository(analysis, analysis.clone, workspace);
  await setUp(analysis, workspace, secrets);
  const resumed = await resume(analysis, analysis.clone);
  analysis.state = resumed ?? (await begin(analysis, { prompt: text.prompt, workspace }));
  analysis.tools = tools.map(({ name }) => name);
  await holdConversation(analysis, { workspace, model, tools, clone: analysis.clone });
}

/** A conversation that has not begun, kept as soon as the checks were run for it. */
async function begin(
  analysis: Analysis,
  { prompt, workspace }: { prompt: string; workspace: Workspace },
): Promise<ConversationState> {
  const { repositoryName } = analysis.request;
  const baseline = await baselineOf(analysis, workspace);
  const state = {
    ...newConversation(firstMessage(prompt, repositoryName, baseline?.results)),
    costUsd: unspent(analysis),
    ...analysis.spent,
    ...(baseline && { baseline: baseline.results }),
  };
  if (baseline) {
    analysis.state = state;
    await analysis.save(baseline.changes);
  }
  return state;
}

async function baselineOf(analysis: Analysis, workspace: Workspace): Promise<Baseline | undefined> {
  const { job, request, signal } = analysis;
  const { log, redactor } = request;
  const { verify, verifyBaseline = true } = job.settings;
  if (verify.length === 0 || !verifyBaseline) return undefined;
  analysis.record('verifying');
  const baseline = await runBaseline(job.settings, { clone: analysis.clone!, workspace, redactor, signal });
  if (!baseline)
    log.warn('verify was not run on the untouched base: setup left more in the tree than a change can hold');
  for (const { command, exitCode, seconds } of baseline?.results ?? [])
    log.info('verify on the untouched base', { command, exitCode, seconds });
  return baseline;
}

/** Jobs are held to it when they are posted; a Batch job that somebody submits by hand was never posted. */
function requireAllowed({ request: { settings } }: Analysis, repositoryName: string): void {
  if (isAllowed(settings.ALLOWED_REPOSITORIES, repositoryName)) return;
  throw new RepositoryUnavailableError(
    `ALLOWED_REPOSITORIES of the worker is ${settings.ALLOWED_REPOSITORIES.join(', ') || 'empty'}, which does not admit ${repositoryName}. Add it there, then retry the job.`,
  );
}

/** The service's client takes longer to load than anything else of the worker, and git clones meanwhile. */
async function openModel(analysis: Analysis, tools: readonly Tool[]): Promise<Model> {
  const { job, request } = analysis;
  const { Model } = await import('./claude/model.ts');
  return Model.open({
    settings: request.settings,
    job: job.settings,
    system: systemBlocks(),
    tools: toolDefinitions(tools),
    log: request.log,
    onWaiting: analysis.onModelWait,
  });
}

/** Whose patch fits what was cloned: a branch that was overwritten may have taken the checkpoint's commit with it. */
function stillThere({ resumed, request }: Analysis, { baseSha }: Clone): Resumable | undefined {
  if (!resumed || resumed.baseSha === baseSha) return resumed;
  request.log.warn(
    `GitHub has the checkpoint's commit ${resumed.baseSha} no more: the work begins again, on ${baseSha}. What was spent counts.`,
  );
  return undefined;
}

/** Brings the tree to where the checkpoint left it. Undefined where the work has to begin again. */
async function resume(analysis: Analysis, clone: Clone): Promise<ConversationState | undefined> {
  const { job, request } = analysis;
  const resumed = stillThere(analysis, clone);
  if (!resumed) return undefined;
  if (job.settings.setup.length > 0) await resetTree(clone.git);
  try {
    await applyPatch(clone.git, resumed.patch);
  } catch (error) {
    if (!(error instanceof GitFailedError)) throw error;
    // git applies all of a patch or nothing.
    request.log.warn(`The checkpoint's patch does not apply: the work begins again. ${error.message}`);
    return undefined;
  }
  request.log.info('resumed from the checkpoint', { turns: resumed.state.turns.length });
  return resumed.state;
}

/**
 * A bad key or model name would fail every repository of the job after its clone, so the first worker of a run asks the
 * service before. Throws where it refuses, or where another worker was refused already.
 */
async function checkModel({ job, control, request }: Analysis): Promise<void> {
  const { jobId, run } = job;
  const { stoppedBy, stoppedBecause, modelCheckedInRun } = await control.get(jobId);
  if (stoppedBy === 'modelRefused') throw new JobStoppedError(`The job was stopped. ${stoppedBecause ?? ''}`);
  if (modelCheckedInRun === run || !(await control.claimModelCheck(jobId, run))) return;
  const refusal = await refusalOfModel(request.settings, job.settings.model);
  if (!refusal) return;
  await control.stop(jobId, run, 'modelRefused', refusal);
  throw new ModelRequestError(refusal, { isForAll: true });
}

async function clone(analysis: Analysis, workspace: Workspace): Promise<Clone> {
  const { job, request, resumed, signal } = analysis;
  const { repositoryName } = request;
  const source: CloneRequest = {
    repositoryName,
    githubApiUrl: request.settings.GITHUB_API_URL,
    token: await request.settings.secret('GITHUB_TOKEN'),
    baseBranch: job.settings.baseBranch,
    baseSha: resumed?.baseSha,
    stop: request.stop,
    signal,
    retries: {
      seconds: request.settings.GIT_PATIENCE_SECONDS,
      log: request.log,
      onWaiting: (waiting) => analysis.record('cloning', waiting),
    },
  };
  try {
    return await cloneFrom(analysis, workspace, source);
  } catch (error) {
    if (!(error instanceof RepositoryMovedError)) throw error;
    const remoteName = await currentName(repositoryName, source);
    if (!remoteName || remoteName.toLowerCase() === repositoryName.toLowerCase()) throw error;
    // Whom a repository belongs to is what ALLOWED_REPOSITORIES is about; its name may change.
    if (remoteName.split('/')[0] !== repositoryName.split('/')[0]) requireAllowed(analysis, remoteName);
    request.log.info(`${repositoryName} is called ${remoteName} now`);
    return cloneFrom(analysis, workspace, { ...source, remoteName });
  }
}

async function cloneFrom(
  { job, request, resumed }: Analysis,
  workspace: Workspace,
  source: CloneRequest,
): Promise<Clone> {
  // What is resumed is paid for: it can be published under another branch.
  const looking = resumed ? undefined : findBranches(workspace, source, job);
  const [tree, found] = await Promise.allSettled([cloneRepository(workspace, source), looking]);
  if (tree.status === 'rejected') throw tree.reason;
  if (found.status === 'rejected') throw found.reason;
  const [cloned, branches] = [tree.value, found.value];
  if (branches) await requireOwnBranch(branches, cloned, job, source);
  request.log.info('cloned', { baseBranch: cloned.baseBranch, baseSha: cloned.baseSha });
  return cloned;
}

function hasCommands({ setup, verify, shell }: JobSettings): boolean {
  return setup.length > 0 || verify.length > 0 || shell;
}

/** Commands ask git; they get a repository of their own for that. */
async function giveRepository(
  { job, request, signal }: Analysis,
  clone: Clone,
  workspace: Workspace,
): Promise<void> {
  const { settings } = request;
  const history = job.settings.fetchTags
    ? await fetchTagHistory(workspace, clone, {
        githubApiUrl: settings.GITHUB_API_URL,
        signal,
      })
    : undefined;
  await makeCommandRepository(workspace, clone, history);
}

/** Of `setup` alone: the redactor knows them before any command does. */
async function readCommandSecrets({ job, request }: Analysis): Promise<Record<string, string>> {
  const secrets: Record<string, string> = {};
  for (const name of job.settings.commandSecrets ?? []) {
    secrets[name] = await request.settings.commandSecret(name);
    request.redactor.add(secrets[name]);
  }
  return secrets;
}

async function setUp(
  { job, request, signal }: Analysis,
  workspace: Workspace,
  secrets: Record<string, string>,
): Promise<void> {
  for (const command of job.settings.setup) {
    // The repository's time limit bounds it.
    const result = await runCommand(workspace, command, {
      timeoutMs: job.settings.maxMinutes * 60_000,
      signal,
      redactor: request.redactor,
      secrets,
    });
    const report = describeCommand(result);
    if (result.exitCode !== 0) {
      throw new SetupFailedError(
        `The setup command ${JSON.stringify(command)} failed; correct settings.setup. ${report}`,
      );
    }
    request.log.info('setup', { command, seconds: result.seconds });
  }
}

async function holdConversation(
  analysis: Analysis,
  { workspace, model, tools, clone }: { workspace: Workspace; model: Model; tools: Tool[]; clone: Clone },
): Promise<void> {
  const { job, request, signal } = analysis;
  const { log, redactor } = request;
  const state = analysis.state!;
  const { settings } = job;
  const { git } = clone;
  const tree = new WorkTree(clone, workspace);
  const onVerifying = async () => analysis.record('verifying');
  const protectedGlobs = request.settings.PROTECTED_FILES;
  const submissions = new Submissions({
    ...{ tree, workspace, git, state, settings, protectedGlobs, redactor, signal, onVerifying },
  });
  const context = {
    ...{ workspace, git, tree, settings, protectedGlobs, redactor, signal },
    ...{ baseline: state.baseline, submit: submissions.submit },
  };
  const prices = request.settings.MODEL_PRICES;
  if (!isPriced(model.name, prices)) log.warn(unpricedNote(model.name));
  analysis.record('conversing');
  const budget = new Budget({
    job,
    control: analysis.control,
    state,
    model: model.name,
    prices,
    log,
    signal,
  });
  const prefix = new SharedPrefix(job, analysis.control, {
    repositoryName: request.repositoryName,
    model: model.name,
    bytes: model.prefixBytes + sharedBytes(state.messages[0]!),
    log,
  });
  const turnsBefore = state.turns.length;
  try {
    const ending = await converse({
      ...{ state, model, settings, signal, budget, prefix },
      async runTools(calls) {
        const results = await runTools(tools, calls, context, (said) => redactor.text(said));
        for (const [i, { name, input }] of calls.entries()) {
          const path = (input as { path?: unknown } | null)?.path;
          log.info(`${name}${typeof path === 'string' ? ` ${path}` : ''}`, { isError: results[i]!.is_error });
        }
        return results;
      },
      ending: () => submissions.ending,
      saveAnswer: () => analysis.save(),
      saveTally: () => analysis.saveTally(),
      onThinkingForgotten: (reason) =>
        log.warn(
          `Thoughts of earlier turns are left out of the conversation, which is asked again: ${reason}`,
        ),
      async saveReply(message) {
        if (submissions.ending) {
          state.messages.push(message);
          return;
        }
        // Before the message counts: whoever is stopped in between runs the tools again, on the tree before them.
        const changes = await tree.changesToSave();
        state.messages.push(message);
        analysis.record('conversing');
        await analysis.save(changes);
      },
    });
    analysis.ending = submissions.explain(ending);
  } catch (error) {
    // A key that was good for an answer of this worker's may have been replaced since, for the others too.
    if (error instanceof ModelRequestError && error.isForAll && state.turns.length === turnsBefore)
      await analysis.control.stop(job.jobId, job.run, 'modelRefused', error.message);
    throw error;
  } finally {
    analysis.verification = submissions.verification;
    await whileStopping(Promise.all([budget.settle(), prefix.told()]), request.stop);
  }
  if (analysis.ending.end === 'throttled') await analysis.saveTally();
  if (submissions.ending) analysis.changes = submissions.changes;
}
