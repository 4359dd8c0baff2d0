import { z } from 'zod';
import { isRunning, JobId, JobText, ShownJob, Spending } from '../../core/job.ts';
import { mayTouch, mayTouchSomeOf } from '../../core/repository-access.ts';
import { RepositorySummary, ShownRepositorySummary } from '../../core/repository-result.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findArtifact } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';
import { withFreshCounts } from '../run/fresh-counts.ts';
import { heldNames } from '../run/intake.ts';
import { knownNames } from './known-names.ts';
import { route } from './route.ts';
import { requireVisibleJob } from './visible-job.ts';

const params = z.strictObject({ jobId: JobId });
const query = z.strictObject({
  limit: z.coerce.number().int().min(0).max(1000).default(100),
  /** The last name of the page before. */
  cursor: z.string().optional(),
  /** `text`: the prompt and the repositories that the job was asked for, which never change. */
  include: z.enum(['text']).optional(),
});

const JobPage = ShownJob.extend({
  ...JobText.partial().shape,
  /** The names of the held repositories, with `include=text`. */
  heldRepositories: z.array(z.string()).optional(),
  /** Absent if the job has ended, before its first call to the model, and if the model's price is not known. */
  spending: Spending.optional(),
  results: z.array(ShownRepositorySummary),
  /** Absent on the last page. */
  cursor: z.string().optional(),
});

const SUMMARY = RepositorySummary.keyof().options;

/** The job, with a page of its repositories' summaries as `results`, by name. */
export const getJob = route(
  'GET',
  '/jobs/{jobId}',
  {
    role: 'viewer',
    summary: 'The job, and a page of its repositories as results, by name.',
    params,
    query,
    isFiltered: true,
    hasETag: true,
    responses: { 200: JobPage },
  },
  async ({ params: { jobId }, query, access, createdBy }, context) => {
    const { control, jobs, repositories } = context;
    const job = await withFreshCounts(await jobs.get(jobId), context);
    const shown = await requireVisibleJob(job, { access, createdBy }, context);
    // The job as it is, if the caller may touch all of it.
    const isWhole = shown === job;
    const [text, spending, known] = await Promise.all([
      query.include === 'text' ? readText(jobId, context) : undefined,
      isRunning(job.status) && isWhole ? control.spending(jobId) : undefined,
      query.limit > 0 || (query.include && job.held) ? knownNames(job, context) : [],
    ]);
    const names = known.filter((name) => mayTouch(access, name));
    const { cursor } = query;
    const from = cursor === undefined ? 0 : names.findIndex((name) => name > cursor);
    const page = from < 0 ? [] : names.slice(from, from + query.limit);
    const results = await repositories.getMany(jobId, page, SUMMARY);
    const more = from >= 0 && from + query.limit < names.length;
    return {
      json: {
        ...shown,
        ...text?.text,
        ...(text && {
          repositories: text.text.repositories.filter((name) => isWhole || mayTouchSomeOf(access, name)),
        }),
        ...(text &&
          job.held && {
            heldRepositories: (await heldNames(jobId, known, context)).filter((name) =>
              mayTouch(access, name),
            ),
          }),
        ...(text?.damage && { asWritten: { ...job.asWritten, request: text.damage } }),
        ...(spending && { spending }),
        results,
        ...(more && { cursor: page.at(-1) }),
      },
    };
  },
);

/** The text is empty if its artifact is missing or damaged; the job's results can be read without it. */
async function readText(
  jobId: string,
  { artifacts }: Pick<Context, 'artifacts'>,
): Promise<{ text: JobText; damage: string | undefined }> {
  let damage: string | undefined;
  const found = await findArtifact(artifacts, artifactKeys.request(jobId), JobText, (why) => {
    damage = why;
  });
  return { text: found ?? { prompt: '', repositories: [] }, damage };
}
