import { z } from 'zod';
import { ConflictError } from '../../../core/errors.ts';
import { JobId, RepositoryName } from '../../../core/job.ts';
import type { Context } from '../../context.ts';
import { credentialId } from '../../github/credential.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

/** A rate limiter: the pull requests of a job, or those of the credential that writes to a repository. */
const LIMITER = { jobId: JobId.optional(), repository: RepositoryName.optional() };
type Limiter = { jobId?: string | undefined; repository?: string | undefined };
const isOne = ({ jobId, repository }: Limiter) => (jobId === undefined) !== (repository === undefined);
const ONE = 'expected jobId, or a repository whose credential is meant';

const query = z.strictObject(LIMITER).refine(isOne, ONE);
const body = z.strictObject({ ...LIMITER, reason: Reason.optional() }).refine(isOne, ONE);

const Pacing = z.object({
  /** The job, or the digest that stands for a credential. */
  limiter: z.string(),
  /** When the next pull request may be opened. Absent if at once. */
  nextSlotAt: z.string().optional(),
});

/** When the next pull request of a job, or by a credential, may be opened. */
export const getPacing = route(
  'GET',
  '/admin/pacing',
  {
    role: 'admin',
    summary: 'When the next pull request of a job, or by the credential of a repository, may be opened.',
    query,
    responses: { 200: Pacing },
    problems: [404],
  },
  async ({ query }, context) => ({ json: await pacingOf(await limiterOf(query, context), context) }),
);

/** Frees the slots that are reserved. Pull requests that wait go on waiting; the next one to ask has a slot at once. */
export const clearPacing = route(
  'POST',
  '/admin/pacing/clear',
  {
    role: 'admin',
    summary: 'Frees the reserved slots of a job, or of the credential of a repository.',
    body,
    responses: { 200: Done },
    problems: [404, 409],
  },
  async ({ body: { reason, ...named }, createdBy: by }, context) => {
    const limiter = await limiterOf(named, context);
    const entry = { action: 'clearPacing' as const, subject: `pacing ${limiter}`, by, reason };
    return { json: await audited(entry, () => clear(limiter, context), context) };
  },
);

async function limiterOf({ jobId, repository }: Limiter, { settings, jobs }: Context): Promise<string> {
  if (jobId !== undefined) return (await jobs.get(jobId)).jobId;
  // The write token itself is not known here: its secret's ARN identifies it, as it does in ReserveSlot.
  const secretId: typeof settings.secretId = (name) =>
    settings.ROTATED_SECRETS[name] ?? settings.secretId(name);
  return credentialId({ ...settings, secretId }, repository!);
}

async function pacingOf(limiter: string, { rateSlots, now }: Context): Promise<z.infer<typeof Pacing>> {
  const next = await rateSlots.nextSlot(limiter, Date.parse(now()));
  return { limiter, ...(next !== undefined && { nextSlotAt: new Date(next).toISOString() }) };
}

async function clear(limiter: string, context: Context) {
  const nowMs = Date.parse(context.now());
  const next = await context.rateSlots.nextSlot(limiter, nowMs);
  if (next === undefined)
    throw new ConflictError(`The limiter ${limiter} has no slot reserved. Nothing was changed.`);
  const before = { nextSlotAt: new Date(next).toISOString() };
  if (await context.rateSlots.clear(limiter, next, nowMs)) return { before, after: {} };
  throw new ConflictError(
    `Another pull request took a slot of ${limiter} meanwhile. Send the request again.`,
  );
}
