import { z } from 'zod';
import { JobRequest, JobStatus, ShownJob } from '../../core/job.ts';
import { someText } from '../../core/some-text.ts';
import { withFreshCounts } from '../run/fresh-counts.ts';
import { route } from './route.ts';
import { visibleJobs } from './visible-job.ts';

/** A date or a time, as the time in UTC that rows have. `ofDay` makes a date a time. */
function moment(ofDay: string) {
  return z
    .union([z.iso.date(), z.iso.datetime({ offset: true })])
    .transform((text) => new Date(text.includes('T') ? text : text + ofDay).toISOString())
    .optional();
}

const query = z
  .strictObject({
    status: JobStatus.optional(),
    type: JobRequest.shape.type,
    /** A part of the name, the description, the identifier or the caller, in any case. */
    text: someText(200).optional(),
    /** The earliest creation: a date, or a time with its zone. */
    from: moment('T00:00:00.000Z'),
    /** The latest creation; a date includes its whole day. */
    to: moment('T23:59:59.999Z'),
    limit: z.coerce.number().int().min(1).max(100).default(20),
    cursor: z.string().optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
    error: 'expected a time that is not before from',
    path: ['to'],
  });

const JobList = z.object({
  jobs: z.array(ShownJob),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

/** Jobs with their counts, newest first. */
export const listJobs = route(
  'GET',
  '/jobs',
  {
    role: 'viewer',
    summary: 'Jobs with their counts, newest first.',
    query,
    isFiltered: true,
    responses: { 200: JobList },
  },
  async ({ query, access, createdBy }, context) => {
    const { jobs, cursor } = await context.jobs.list(query);
    const counted = await Promise.all(jobs.map((job) => withFreshCounts(job, context)));
    return { json: { jobs: await visibleJobs(counted, { access, createdBy }, context), cursor } };
  },
);
