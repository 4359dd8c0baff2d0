import { BatchService } from '../../core/batch/batch-service.ts';
import { required, type Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';
import { measure } from '../metrics.ts';

/** Batch has no metrics of a queue. A queue that holds more than this is measured by its newest jobs. */
const MAX_JOBS = 2000;

/** Counts the jobs of the queue that wait and run. An empty queue costs no metric. */
export async function measureQueue(settings: Settings, now: string): Promise<void> {
  const batch = new BatchService({ jobQueue: required(settings, 'JOB_QUEUE'), logger });
  const nowMs = Date.parse(now);
  const runnable = await createdTimes(batch, 'RUNNABLE');
  const running = await createdTimes(batch, 'RUNNING');
  measure({
    values: {
      RunnableWorkers: runnable.length || undefined,
      OldestRunnableSeconds: runnable.length
        ? Math.round(Math.max(0, nowMs - Math.min(...runnable)) / 1000)
        : undefined,
      RunningWorkers: running.length || undefined,
    },
  });
}

async function createdTimes(batch: BatchService, status: 'RUNNABLE' | 'RUNNING'): Promise<number[]> {
  const times: number[] = [];
  for await (const { createdAt } of batch.listJobs({ status })) {
    if (createdAt !== undefined) times.push(createdAt);
    if (times.length === MAX_JOBS) break;
  }
  return times;
}
