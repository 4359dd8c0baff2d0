import type { ChangeSet } from '../core/change-set.ts';
import { OutcomeDocument } from '../core/outcome.ts';
import type { ArtifactKeys } from '../core/repository-result.ts';
import { isModelPriced } from '../core/settings.ts';
import { artifactKeys } from '../core/store/artifacts.ts';
import type { Thread } from '../core/thread.ts';
import { NO_TOKENS } from '../core/usage.ts';
import type { Analysis } from './analysis.ts';
import { filesWithSecrets, readChangedFiles, summarizeChanges } from './checkout/changes.ts';
import { SYSTEM_PROMPT } from './claude/prompt.ts';
import { list } from './conversation/verify.ts';
import { boundText } from './sandbox/bounded-output.ts';

/** Characters of each of at most 50 entries: they stand on the row. */
const MAX_NOT_DONE = 500;

/** Writes the artifacts and, last of all, `outcome.json`: where it is, everything that it names is. */
export async function writeOutcome(analysis: Analysis): Promise<OutcomeDocument> {
  const { job, ending, state, spent } = analysis;
  const { repositoryName, log, settings } = analysis.request;
  const outcome = outcomeName(analysis);
  const artifacts: ArtifactKeys = {};
  if (state) artifacts.thread = await writeThread(analysis);
  // A throttled repository has no changes yet: its tree is in the checkpoint.
  if (analysis.changes?.patch?.length) artifacts.diff = await writeDiff(analysis, analysis.changes.patch);
  if (outcome === 'changed') artifacts.changeSet = await writeChangeSet(analysis);
  if (analysis.changes?.excess) log.warn(`the diff does not hold everything: ${analysis.changes.excess}`);
  log.info('outcome', {
    outcome,
    end: ending?.end,
    turns: state?.turns.length ?? 0,
    costUsd: state?.costUsd,
  });
  artifacts.log = artifactKeys.log(job.jobId, repositoryName);
  await analysis.artifacts.write(artifacts.log, log.text, { contentType: 'text/plain; charset=utf-8' });

  const submission = ending?.submission;
  const written = OutcomeDocument.parse({
    jobId: job.jobId,
    repositoryName,
    run: job.run,
    outcome,
    end: ending?.end,
    resumeAt: ending?.resumeAt,
    wereChangesNecessary: submission?.wereChangesNecessary,
    summary: ending && boundText(ending.summary),
    notDone: submission?.notDone?.map((said) => said.slice(0, MAX_NOT_DONE)),
    title: submission?.title,
    body: submission?.body,
    model: (state ?? spent)?.model ?? job.settings.model,
    baseBranch: analysis.clone?.baseBranch,
    baseSha: analysis.clone?.baseSha,
    changes: analysis.changes ? summarizeChanges(analysis.changes) : [],
    artifacts,
    tokenUsage: (state ?? spent)?.tokenUsage ?? NO_TOKENS,
    // Where nothing was asked of the model, that costs nothing; without a price there is no figure even then.
    costUsd: state || spent ? (state ?? spent)!.costUsd : unspent(analysis),
    turns: (state ?? analysis.resumed?.state)?.turns.length ?? 0,
    verification: analysis.verification,
    batchJobId: settings.AWS_BATCH_JOB_ID,
    attempt: settings.AWS_BATCH_JOB_ATTEMPT,
    startedAt: analysis.startedAt.toISOString(),
    completedAt: new Date().toISOString(),
    logs: log.tail,
    error: analysis.error ?? ending?.error,
  } satisfies OutcomeDocument);
  await writeJson(analysis, artifactKeys.outcome(job.jobId, repositoryName), written);
  return written;
}

/** What a conversation without an answer has cost: nothing, or no figure where its model has no price. */
export function unspent({ job, request }: Pick<Analysis, 'job' | 'request'>): number | undefined {
  return isModelPriced(job.settings.model, request.settings) ? 0 : undefined;
}

function outcomeName({ ending, error }: Analysis): OutcomeDocument['outcome'] {
  if (error || !ending) return 'failed';
  if (ending.end === 'throttled') return 'throttled';
  if (ending.end !== 'submitted') return 'gaveUp';
  return ending.submission?.wereChangesNecessary ? 'changed' : 'unchanged';
}

/** Undefined where a binary file holds a secret, which cannot be taken out of a patch: it is compressed there. */
async function writeDiff(analysis: Analysis, patch: Buffer): Promise<string | undefined> {
  const { job, artifacts, request, clone, changes } = analysis;
  const { repositoryName, redactor, log } = request;
  const withSecrets = patch.includes(BINARY) ? await filesWithSecrets(clone!.git, changes!, redactor) : [];
  if (withSecrets.length > 0) {
    log.warn(`the diff is not kept: a credential is in ${list(withSecrets)}, and the diff has a binary file`);
    return undefined;
  }
  const key = artifactKeys.diff(job.jobId, repositoryName);
  await artifacts.write(key, redactor.bytes(patch), { contentType: 'text/x-diff', durable: true });
  return key;
}

const BINARY = '\nGIT binary patch\n';

async function writeThread(analysis: Analysis): Promise<string> {
  const { job, state, tools } = analysis;
  const { repositoryName } = analysis.request;
  const key = artifactKeys.thread(job.jobId, repositoryName);
  await writeJson(analysis, key, {
    jobId: job.jobId,
    repositoryName,
    model: state!.model ?? job.settings.model,
    system: SYSTEM_PROMPT,
    tools,
    messages: state!.messages as Thread['messages'],
    turns: state!.turns,
  } satisfies Thread);
  return key;
}

async function writeChangeSet(analysis: Analysis): Promise<string> {
  const { job, request, clone, changes, ending } = analysis;
  const { title, body, summary } = ending!.submission!;
  const key = artifactKeys.changeSet(job.jobId, request.repositoryName);
  const { git, baseBranch, baseSha } = clone!;
  await writeJson(analysis, key, {
    baseBranch,
    baseSha,
    title,
    body,
    summary,
    files: await readChangedFiles(git, changes!),
  } satisfies ChangeSet);
  return key;
}

async function writeJson({ artifacts, request }: Analysis, key: string, value: unknown): Promise<void> {
  await artifacts.write(key, request.redactor.text(JSON.stringify(value)), {
    contentType: 'application/json',
    durable: true,
  });
}
