import { z } from 'zod';
import { JobId, JobText, ShownJobWithText } from '../../core/job.ts';
import { RepositorySummary, ShownRepositorySummary } from '../../core/repository-result.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findArtifact } from '../../core/store/artifacts.ts';
import { withFreshCounts } from '../run/fresh-counts.ts';
import { repositoryNames } from '../run/rows.ts';
import { route } from './route.ts';

const params = z.strictObject({ jobId: JobId });
const query = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  /** The last name of the page before. */
  cursor: z.string().optional(),
});

const JobPage = ShownJobWithText.extend({
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
    responses: { 200: JobPage },
  },
  async ({ params: { jobId }, query }, context) => {
    const { jobs, repositories, artifacts } = context;
    const job = await withFreshCounts(await jobs.get(jobId), context);
    let damage: string | undefined;
    const [text, names] = await Promise.all([
      findArtifact(artifacts, artifactKeys.request(jobId), JobText, (why) => {
        damage = why;
      }),
      repositoryNames(jobId, context),
    ]);
    const { cursor } = query;
    const from = cursor === undefined ? 0 : names.findIndex((name) => name > cursor);
    const page = from < 0 ? [] : names.slice(from, from + query.limit);
    const results = await repositories.getMany(jobId, page, SUMMARY);
    const more = from >= 0 && from + query.limit < names.length;
    return {
      json: {
        ...job,
        // The request may be missing or damaged while the results are intact.
        ...(text ?? { prompt: '', repositories: [] }),
        ...(damage && { asWritten: { ...job.asWritten, request: damage } }),
        results,
        ...(more && { cursor: page.at(-1) }),
      },
    };
  },
);
