import type { ChangeSet } from '../core/change-set.ts';
import type { ErrorDescription } from '../core/job.ts';
import { OutcomeDocument } from '../core/outcome.ts';
import type { ArtifactKeys } from '../core/repository-result.ts';
import type { Thread } from '../core/thread.ts';
import { type Changes, filesWithSecrets, readChangedFiles, summarizeChanges } from './checkout/changes.ts';
import type { Clone } from './checkout/clone.ts';
import { SYSTEM_PROMPT } from './claude/prompt.ts';
import type { Conclusion } from './conversation/conclusion.ts';
import type { Conversation } from './conversation/conversation.ts';
import { list } from './conversation/verify.ts';
import type { Opened } from './open.ts';
import { boundText } from './sandbox/bounded-output.ts';
import type { Submission } from './tools/tool.ts';

/** Characters per entry. There are at most 50, and they are stored on the row. */
const MAX_NOT_DONE = 500;

/** The end of the work: exactly one of `conclusion` and `error`, and the stages that were reached. */
export type Analyzed = {
  clone: Clone | undefined;
  conversation: Conversation | undefined;
  changes: Changes | undefined;
  conclusion: Conclusion | undefined;
  /** An expected failure. */
  error: ErrorDescription | undefined;
};

/** Writes the artifacts and then `outcome.json`, so that all artifacts that it names exist. */
export async function writeOutcome(opened: Opened, analyzed: Analyzed): Promise<OutcomeDocument> {
  const { job, keys, repositoryName, settings, log, resumed, spent, startedAt } = opened;
  const { clone, conversation, changes, conclusion, error } = analyzed;
  const state = conversation?.state;
  const outcome = outcomeName(analyzed);
  const submission = conclusion?.end === 'submitted' ? conclusion.submission : undefined;
  const throttled = conclusion?.end === 'throttled' ? conclusion : undefined;
  const artifacts: ArtifactKeys = {};
  if (conversation) artifacts.thread = await writeThread(opened, conversation);
  if (clone && changes?.patch?.length)
    artifacts.diff = await writeDiff(opened, clone, changes, changes.patch);
  if (outcome === 'changed' && clone && changes && submission)
    artifacts.changeSet = await writeChangeSet(opened, clone, changes, submission);
  if (changes?.excess) log.warn(`The diff is incomplete: ${changes.excess}`);
  const turns = state?.turns.length ?? 0;
  const { tokenUsage, costUsd, model = job.settings.model } = state ?? spent;
  log.info('outcome', { outcome, end: conclusion?.end, turns, costUsd, tokenUsage });
  artifacts.log = keys.log;
  await opened.artifacts.write(artifacts.log, log.text, { contentType: 'text/plain; charset=utf-8' });

  const document = OutcomeDocument.parse({
    jobId: job.jobId,
    repositoryName,
    run: job.run,
    outcome,
    end: conclusion?.end,
    began: state?.began,
    resumeAt: throttled?.resumeAt,
    wereChangesNecessary: submission?.wereChangesNecessary,
    summary: conclusion && boundText(conclusion.summary),
    notDone: submission?.notDone?.map((entry) => entry.slice(0, MAX_NOT_DONE)),
    title: submission?.title,
    body: submission?.body,
    model,
    baseBranch: clone?.baseBranch,
    baseSha: clone?.baseSha,
    changes: changes ? summarizeChanges(changes) : [],
    artifacts,
    tokenUsage,
    costUsd,
    turns: (state ?? resumed?.state)?.turns.length ?? 0,
    verification: conversation?.verification ?? [],
    judgement: conversation?.judgement,
    batchJobId: settings.AWS_BATCH_JOB_ID,
    attempt: settings.AWS_BATCH_JOB_ATTEMPT,
    startedAt: startedAt.toISOString(),
    completedAt: new Date().toISOString(),
    logs: log.tail,
    error: error ?? throttled?.error,
  } satisfies OutcomeDocument);
  await writeJson(opened, keys.outcome, document);
  return document;
}

function outcomeName({ conclusion, error }: Analyzed): OutcomeDocument['outcome'] {
  if (error || !conclusion) return 'failed';
  if (conclusion.end === 'throttled') return 'throttled';
  if (conclusion.end !== 'submitted') return 'gaveUp';
  return conclusion.submission.wereChangesNecessary ? 'changed' : 'unchanged';
}

/** Returns undefined if the patch has binary files and a file contains a secret: compressed data cannot be redacted. */
async function writeDiff(
  { keys, artifacts, redactor, log }: Opened,
  { git }: Clone,
  changes: Changes,
  patch: Buffer,
): Promise<string | undefined> {
  const withSecrets = patch.includes(BINARY) ? await filesWithSecrets(git, changes, redactor) : [];
  if (withSecrets.length > 0) {
    log.warn(
      `The diff is not stored, because it has a binary file and a credential is in ${list(withSecrets)}.`,
    );
    return undefined;
  }
  await artifacts.write(keys.diff, redactor.bytes(patch), { contentType: 'text/x-diff', durable: true });
  return keys.diff;
}

const BINARY = '\nGIT binary patch\n';

async function writeThread(opened: Opened, { state, toolNames }: Conversation): Promise<string> {
  const { job, keys, repositoryName } = opened;
  await writeJson(opened, keys.thread, {
    jobId: job.jobId,
    repositoryName,
    model: state.model ?? job.settings.model,
    system: SYSTEM_PROMPT,
    tools: toolNames,
    messages: state.messages as Thread['messages'],
    turns: state.turns,
    judgements: state.judgements?.rounds.map(({ submission: _, ...judgement }) => judgement),
  } satisfies Thread);
  return keys.thread;
}

async function writeChangeSet(
  opened: Opened,
  { git, baseBranch, baseSha }: Clone,
  changes: Changes,
  { title, body, summary }: Submission,
): Promise<string> {
  const { changeSet: key } = opened.keys;
  const files = await readChangedFiles(git, changes);
  await writeJson(opened, key, { baseBranch, baseSha, title, body, summary, files } satisfies ChangeSet);
  return key;
}

async function writeJson({ artifacts, redactor }: Opened, key: string, value: unknown): Promise<void> {
  await artifacts.write(key, redactor.text(JSON.stringify(value)), {
    contentType: 'application/json',
    durable: true,
  });
}
