import type { NoticeKind } from '../../core/notice.ts';

type Image = Readonly<Record<string, unknown>> | undefined;

/** What a change of an item of the jobs table is a notice of; undefined for most changes. */
export function kindOfChange(before: Image, after: Image): NoticeKind | undefined {
  if (after?.stoppedBy === 'jobCost' && before?.stoppedBy !== 'jobCost') return 'capReached';
  if (after?.entity !== 'job' || after.status === before?.status) return undefined;
  switch (after.status) {
    case 'processing':
      return 'started';
    case 'waiting':
      return after.waitingFor === 'sample' ? 'sampleReady' : 'needsReview';
    case 'completed':
    case 'failed':
      return after.status;
    default:
      return undefined;
  }
}
