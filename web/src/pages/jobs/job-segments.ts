import type { Job } from '../../api/types.ts';
import type { Segment } from '../../ui/bar.tsx';

/** The repositories of a job by their status. */
export function jobSegments(counts: Job['counts']): Segment[] {
  const waiting = counts.waiting ?? 0;
  return [
    { label: 'completed', value: counts.completed, tone: 'good' },
    { label: 'failed', value: counts.failed, tone: 'bad' },
    { label: 'running', value: counts.processing - waiting, tone: 'busy' },
    { label: 'waiting for the model', value: waiting, tone: 'warn' },
    { label: 'cancelled', value: counts.cancelled, tone: 'quiet' },
  ];
}
