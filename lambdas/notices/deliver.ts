import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { required } from '../../core/settings.ts';
import type { Letter } from '../../core/store/outbox.ts';
import type { Context } from '../context.ts';
import { logger } from '../logger.ts';
import { NotDeliveredError, postNotice } from './post.ts';
import { signatureHeaders } from './sign.ts';

/** Over 9 hours: 30 s, doubled each time up to 2 h. */
const MAX_TRIES = 12;
const FIRST_WAIT_MS = 30_000;
const MAX_WAIT_MS = 2 * 3_600_000;

/** When a letter is tried again, if the try that begins now does not end it. With jitter, so that receivers recover. */
export function nextTryAt(tries: number, nowMs: number, random = Math.random): string {
  const wait = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** (tries - 1));
  return new Date(nowMs + wait / 2 + (random() * wait) / 2).toISOString();
}

/** Tries to deliver a letter that the caller has claimed. A failed one stays in the outbox, or goes to the dead letters. */
export async function deliver(letter: Letter, context: Context): Promise<void> {
  const { outbox, now } = context;
  const about = { eventId: letter.notice.eventId, destination: letter.destination, tries: letter.tries };
  try {
    await send(letter, context);
  } catch (error) {
    const { message, name } = error as Error;
    const reason = error instanceof NotDeliveredError ? message : name;
    const isFinal = error instanceof NotDeliveredError && error.isFinal;
    if (letter.tries < MAX_TRIES && !isFinal) {
      logger.warn(NOT_DELIVERED, { ...about, reason });
      return;
    }
    await bury(letter, reason, context);
    await outbox.end(letter.jobId, 'dead', now());
    logger.error('A notice is given up', { ...about, reason });
    return;
  }
  await outbox.end(letter.jobId, 'delivered', now());
  logger.info('A notice is delivered', about);
}

const NOT_DELIVERED = 'A notice could not be delivered, and is tried again';

async function send({ notice, destination, url }: Letter, { settings, now }: Context): Promise<void> {
  const body = JSON.stringify(notice);
  if (destination === 'topic') {
    await new SNSClient({}).send(
      new PublishCommand({
        TopicArn: required(settings, 'NOTICE_TOPIC_ARN'),
        Subject: `Cody Batch: ${notice.kind}`,
        Message: body,
        MessageAttributes: {
          kind: { DataType: 'String', StringValue: notice.kind },
          eventId: { DataType: 'String', StringValue: notice.eventId },
        },
      }),
    );
    return;
  }
  const key = await settings.secret('NOTICE_SIGNING_KEY');
  if (!key) throw new NotDeliveredError('NOTICE_SIGNING_KEY is not set, and a notice is not sent unsigned');
  const headers = {
    ...signatureHeaders(key, body, Math.floor(Date.parse(now()) / 1000)),
    'cody-batch-event': notice.eventId,
  };
  await postNotice(url!, body, headers, { allowLoopback: settings.NOTICE_LOOPBACK });
}

/** Puts it where an alarm watches. One machine has the line in the log alone. */
async function bury({ notice, destination }: Letter, reason: string, { settings }: Context): Promise<void> {
  if (!settings.NOTICE_DEAD_LETTERS_URL) return;
  await new SQSClient({}).send(
    new SendMessageCommand({
      QueueUrl: settings.NOTICE_DEAD_LETTERS_URL,
      MessageBody: JSON.stringify({ notice, destination, reason }),
    }),
  );
}
