import { z } from 'zod';
import { ConflictError } from '../../../core/errors.ts';
import { Drain } from '../../../core/store/drain-state.ts';
import { route } from '../route.ts';
import { audited, Done, Reason } from './audited.ts';

const body = z.strictObject({ reason: Reason.optional() }).optional();

const State = z.object({
  /** Absent if runs may start. */
  drained: Drain.optional(),
});

/** Whether runs may start. */
export const getDrain = route(
  'GET',
  '/admin/drain',
  { role: 'admin', summary: 'Whether the environment is drained.', responses: { 200: State } },
  async (_input, { drainState }) => ({ json: { drained: await drainState.get() } }),
);

/** Lets no run start. Runs under way go on to their ends, and everything can be read. */
export const drain = route(
  'POST',
  '/admin/drain',
  {
    role: 'admin',
    summary: 'Lets no run start, until a resume; runs under way go on to their ends.',
    body,
    responses: { 200: Done },
    problems: [409],
  },
  async ({ body, createdBy: by }, context) => {
    const { drainState, now } = context;
    const reason = body?.reason;
    const begin = async () => {
      const drained = { since: now(), ...(by && { by }), ...(reason && { reason }) };
      if (!(await drainState.begin(drained)))
        throw new ConflictError('The environment is drained already. Nothing was changed.');
      return { before: {}, after: { drained } };
    };
    const entry = { action: 'drain' as const, subject: 'the environment', by, reason };
    return { json: await audited(entry, begin, context) };
  },
);

/** Lets runs start again. */
export const resume = route(
  'POST',
  '/admin/resume',
  {
    role: 'admin',
    summary: 'Lets runs start again after a drain.',
    body,
    responses: { 200: Done },
    problems: [409],
  },
  async ({ body, createdBy: by }, context) => {
    const { drainState } = context;
    const end = async () => {
      const drained = await drainState.get();
      if (!(await drainState.end()))
        throw new ConflictError('The environment is not drained. Nothing was changed.');
      return { before: { drained }, after: {} };
    };
    const entry = { action: 'resume' as const, subject: 'the environment', by, reason: body?.reason };
    return { json: await audited(entry, end, context) };
  },
);
