import { z } from 'zod';
import type { Context } from '../context.ts';
import { functionHandler } from '../function-handler.ts';
import { deliver, nextTryAt } from '../notices/deliver.ts';

/** A schedule's event, whose content is not used. */
export const Input = z.looseObject({});

/** Each may take 10 seconds. */
const AT_ONCE = 50;

/** Tries again to deliver what is due: notices that failed before, and those whose sender was lost. */
export async function sendNotices(_event: z.infer<typeof Input>, context: Context): Promise<void> {
  const { outbox, now } = context;
  for (const letter of await outbox.due(now(), AT_ONCE)) {
    const tries = letter.tries + 1;
    if (await outbox.take(letter, nextTryAt(tries, Date.parse(now()))))
      await deliver({ ...letter, tries }, context);
  }
}

export const handler = functionHandler(Input, sendNotices);
