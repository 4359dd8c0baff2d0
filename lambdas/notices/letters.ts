import { isRunning, type JobRow } from '../../core/job.ts';
import { eventIdOf, type Notice, type NoticeKind } from '../../core/notice.ts';
import type { Settings } from '../../core/settings.ts';
import type { Letter } from '../../core/store/outbox.ts';

export function noticeOf(
  kind: NoticeKind,
  job: JobRow,
  { PUBLIC_URL = '' }: Pick<Settings, 'PUBLIC_URL'>,
): Notice {
  const { jobId, name, run, status, counts, costUsd, error, updatedAt } = job;
  return {
    eventId: eventIdOf(jobId, run, kind),
    kind,
    at: updatedAt,
    job: {
      ...{ jobId, name, run, status, counts },
      ...(costUsd !== undefined && { costUsd }),
      // A running job may still have the error of an earlier run.
      ...(error && !isRunning(status) && { error: error.name }),
      url: `${PUBLIC_URL.replace(/\/$/, '')}/jobs/${jobId}`,
    },
  };
}

/** Where a notice goes: the environment's topic and webhook, and the job's own webhook. */
export function destinationsOf(
  kind: NoticeKind,
  { notify }: Pick<JobRow, 'notify'>,
  settings: Settings,
): Pick<Letter, 'destination' | 'url'>[] {
  const { NOTICE_KINDS, NOTICE_TOPIC_ARN, NOTICE_URL, JOB_NOTICES } = settings;
  const isWanted = NOTICE_KINDS.length === 0 || NOTICE_KINDS.includes(kind);
  const isOfJob = JOB_NOTICES && notify && (notify.kinds?.includes(kind) ?? true);
  return [
    ...(isWanted && NOTICE_TOPIC_ARN ? [{ destination: 'topic' as const }] : []),
    ...(isWanted && NOTICE_URL ? [{ destination: 'environment' as const, url: NOTICE_URL }] : []),
    ...(isOfJob ? [{ destination: 'job' as const, url: notify.url }] : []),
  ];
}
