import type { JobPage, ReviewList, Run } from '../../api/types.ts';
import { amount, count, usd } from '../../text/format.ts';

/** Something that happened to the job. `what` may have text that others wrote. */
export type Moment = {
  key: string;
  at: string;
  what: string;
  by?: string | undefined;
  note?: string | undefined;
  /** A status or a decision, as `Status` shows it. */
  status?: string;
};

const KINDS: Readonly<Record<string, string>> = {
  create: 'the job was created',
  continue: 'the rest was let in',
  retry: 'a retry was asked for',
  revise: 'a revision was asked for',
  repair: 'failing pull requests are repaired',
  publish: 'pull requests were asked for',
};

/** What happened to a job, in order: its runs from the request to the end, the end of its sample, and decisions. */
export function momentsOf(job: JobPage, runs: readonly Run[], reviews: ReviewList['reviews']): Moment[] {
  const moments = [...runs.flatMap((run) => momentsOfRun(job, run, runs)), ...reviews.map(momentOfReview)];
  return moments.sort((a, b) => (a.at < b.at ? -1 : 1));
}

function momentsOfRun(job: JobPage, record: Run, runs: readonly Run[]): Moment[] {
  const { run, kind, action, requestedAt, requestedBy, selected, startedAt, endedAt, counts } = record;
  const moments: Moment[] = [];
  if (requestedAt) {
    const words = KINDS[kind ?? action ?? ''] ?? `${kind ?? action} was asked for`;
    const of = selected === undefined ? '' : ` for ${amount(selected, 'repository', 'repositories')}`;
    moments.push({
      key: `${run} asked`,
      at: requestedAt,
      what: `Run ${run}: ${words}${of}`,
      by: requestedBy,
      note: record.instruction,
    });
  }
  if (startedAt) moments.push({ key: `${run} started`, at: startedAt, what: `Run ${run} started` });
  if (endedAt) {
    const ended = counts
      ? `: ${count(counts.completed)} of ${count(counts.total)} completed, ${count(counts.failed)} failed`
      : '';
    const cost = record.costUsd === undefined ? '' : `, ${usd(record.costUsd)}`;
    moments.push({
      key: `${run} ended`,
      at: endedAt,
      what: `Run ${run} ended${ended}${cost}`,
      note: record.error && `${record.error.name}: ${record.error.message}`,
      ...(record.status !== 'waiting' && { status: record.status }),
    });
    if (record.status === 'waiting') {
      const isSample = job.waitingFor === 'sample' || runs.some(({ kind: of }) => of === 'continue');
      const what =
        isSample && run === 1 ? 'The sample is there, and the rest waits' : 'Changes wait for a review';
      moments.push({ key: `${run} waits`, at: endedAt, what, status: 'waiting' });
    }
  }
  return moments;
}

function momentOfReview(review: ReviewList['reviews'][number]): Moment {
  const { decision, decidedAt, decidedBy, note, repositoryName, covers } = review;
  const about = repositoryName ?? `a shape of ${amount(covers, 'change')}`;
  return {
    key: `${decidedAt} ${repositoryName ?? review.shape}`,
    at: decidedAt,
    what: `A decision about ${about}`,
    by: decidedBy,
    note,
    status: decision,
  };
}
