import { CodyBatchError, describeError, RepositoryUnavailableError } from '../core/errors.ts';
import { GitBoundExceededError } from '../core/git-process.ts';
import type { ErrorDescription } from '../core/job.ts';
import { OutcomeDocument } from '../core/outcome.ts';
import { findArtifactOfRun } from '../core/store/artifacts.ts';
import { admit } from './admit.ts';
import { beginConversation } from './begin-conversation.ts';
import { readChanges } from './checkout/changes.ts';
import { type Cloned, cloneInto } from './clone-into.ts';
import { limitReached } from './conversation/conclusion.ts';
import type { Conversation, Conversed } from './conversation/conversation.ts';
import { type AnalysisRequest, type Opened, open } from './open.ts';
import { CommandUser } from './sandbox/command-user.ts';
import { createWorkspace, type Workspace } from './sandbox/workspace.ts';
import { setUp } from './set-up.ts';
import { type Analyzed, writeOutcome } from './write-outcome.ts';

/**
 * Works on one repository, from the clone to the outcome. An expected failure becomes an outcome. Throws if the worker has
 * to stop, if a service fails, and for bugs; another attempt then resumes from the checkpoint.
 */
export async function analyzeRepository(request: AnalysisRequest): Promise<OutcomeDocument> {
  const { jobId, settings, log } = request;
  const opened = await open(request);
  const earlier = await earlierOutcome(opened);
  if (earlier) {
    log.info('an earlier attempt of this run has written the outcome', { outcome: earlier.outcome });
    return earlier;
  }
  const commandUser = settings.COMMAND_USER ? await CommandUser.open(settings.COMMAND_USER) : undefined;
  const workspace = await createWorkspace(settings.TEMP_DIR, jobId, commandUser);
  try {
    return await writeOutcome(opened, await analyze(opened, workspace));
  } finally {
    workspace.remove();
  }
}

/** The outcome that an earlier attempt of this run wrote, if there is one. A throttled repository continues instead. */
async function earlierOutcome(opened: Opened): Promise<OutcomeDocument | undefined> {
  const { artifacts, job, keys, log } = opened;
  const of = { run: job.run, schema: OutcomeDocument };
  const outcome = await findArtifactOfRun(artifacts, keys.outcome, of, (why) => log.warn(why));
  return outcome?.outcome === 'throttled' ? undefined : outcome;
}

type Ended = (Conversed & { error?: undefined }) | Failed;
type Failed = { conclusion?: undefined; changes?: undefined; error: ErrorDescription };

async function analyze(opened: Opened, workspace: Workspace): Promise<Analyzed> {
  const { log, progress } = opened;
  let cloned: Cloned | undefined;
  let conversation: Conversation | undefined;
  let ended: Ended;
  try {
    const { commandSecrets, ...task } = await admit(opened);
    cloned = await cloneInto(workspace, opened);
    await setUp(cloned, commandSecrets);
    conversation = await beginConversation(cloned, task);
    ended = await conversation.run();
  } catch (error) {
    await conversation
      ?.saveUsage()
      .catch((cause: Error) => log.warn(`The usage could not be saved: ${cause.message}`));
    ended = expectedEnd(error, opened);
    log.warn(ended.error ? ended.error.message : ended.conclusion.summary);
  }
  progress.record('saving');
  const { conclusion, error } = ended;
  // A throttled repository has no changes yet: its tree is in the checkpoint.
  const mayHaveChanges = conclusion?.end !== 'throttled';
  const changes =
    ended.changes ?? (cloned && mayHaveChanges ? await readChanges(cloned.clone, workspace) : undefined);
  await progress.written();
  return { clone: cloned?.clone, conversation, changes, conclusion, error };
}

/** Throws errors that another attempt has to deal with. */
function expectedEnd(error: unknown, { clock, job, repositoryName, stop }: Opened): Ended {
  stop.throwIfAborted();
  if (clock.over.aborted) return { conclusion: limitReached('maxMinutes', job.settings) };
  if (error instanceof CodyBatchError) return { error: describeError(error) };
  if (!(error instanceof GitBoundExceededError)) throw error;
  const message = `${repositoryName} is too large: ${error.message}. Leave it out of the job.`;
  return { error: describeError(new RepositoryUnavailableError(message, { cause: error })) };
}
