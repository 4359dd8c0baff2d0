import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import { z } from 'zod';
import { readJob } from '../../core/store/read-job.ts';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { deliver, nextTryAt } from '../notices/deliver.ts';
import { kindOfChange } from '../notices/kinds.ts';
import { destinationsOf, noticeOf } from '../notices/letters.ts';

const Image = z
  .record(z.string(), z.unknown())
  .transform((image) => unmarshall(image as Record<string, AttributeValue>, { wrapNumbers: Number }));

/** Changes of the jobs table, as its stream delivers them: at least once, and in order for each item. */
export const Input = z.object({
  Records: z.array(
    z.looseObject({
      dynamodb: z.looseObject({ OldImage: Image.optional(), NewImage: Image.optional() }),
    }),
  ),
});

/**
 * Writes the notices of a change to the outbox, and sends them. It is the only place that makes notices: the stream
 * has every change of a status, also one by hand.
 */
export async function jobChanged({ Records }: z.infer<typeof Input>, context: Context): Promise<void> {
  const { jobs, outbox, settings, now } = context;
  for (const { dynamodb } of Records) {
    const { OldImage: before, NewImage: after } = dynamodb;
    const kind = kindOfChange(before, after);
    if (!kind || !after) continue;
    const isOfControl = kind === 'capReached';
    const jobId = String(after.jobId).replace(/#control$/, '');
    const job = isOfControl ? await jobs.find(jobId) : readJob(after);
    if (!job) continue;
    const notice = noticeOf(kind, job, settings);
    for (const destination of destinationsOf(kind, job, settings)) {
      const letter = await outbox.add({ notice, ...destination }, nextTryAt(1, Date.parse(now())));
      if (letter) await deliver(letter, context);
    }
  }
}

export const handler = functionHandler(Input, jobChanged);
