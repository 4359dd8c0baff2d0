import { z } from 'zod';

/** What a notice tells of a run. */
export const NoticeKind = z.enum([
  'started',
  'sampleReady',
  'needsReview',
  'completed',
  'failed',
  'capReached',
]);
export type NoticeKind = z.infer<typeof NoticeKind>;

/** The webhook of a job. A path or a query in it can be read by everyone who may read the job. */
export const Notify = z.strictObject({
  url: z
    .string()
    .max(500)
    .refine(isWebhook, 'expected a URL that begins with https://, without a user name and without a #'),
  /** @default - all kinds */
  kinds: z.array(NoticeKind).min(1).max(10).optional(),
});
export type Notify = z.infer<typeof Notify>;

/** Whether http is allowed, to this machine only, is for the sender to say. */
function isWebhook(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hash } = new URL(text);
  return /^https?:$/.test(protocol) && username + password + hash === '';
}

/** The body of a notice. It names no repository, and has no prompt, no text of a model and no secret. */
export const Notice = z.object({
  /** The same for each time that this notice is sent: a receiver drops those that it has had. */
  eventId: z.string(),
  kind: NoticeKind,
  at: z.string(),
  job: z.object({
    jobId: z.string(),
    name: z.string(),
    run: z.int(),
    status: z.string(),
    counts: z.record(z.string(), z.int()),
    /** Absent if a model's price is not known. */
    costUsd: z.number().optional(),
    /** The name of the error that ended it. */
    error: z.string().optional(),
    /** The job in the API; a path if PUBLIC_URL is not set. */
    url: z.string(),
  }),
});
export type Notice = z.infer<typeof Notice>;

export function eventIdOf(jobId: string, run: number, kind: NoticeKind): string {
  return `${jobId}-${run}-${kind}`;
}
