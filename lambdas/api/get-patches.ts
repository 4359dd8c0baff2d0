import { z } from 'zod';
import { NotFoundError } from '../../core/errors.ts';
import { JobId, RepositoryName } from '../../core/job.ts';
import { mayTouch } from '../../core/repository-access.ts';
import { filterOf, RepositoryFilter } from '../../core/repository-filter.ts';
import { packPatches } from '../patches/pack-patches.ts';
import { route } from './route.ts';
import { isOneSelection, ONE_SELECTION, selectedNames } from './selection.ts';

function areNames(names: readonly string[]): boolean {
  return names.length <= 1000 && names.every((name) => RepositoryName.safeParse(name).success);
}

const params = z.strictObject({ jobId: JobId });
const query = z
  .strictObject({
    ...RepositoryFilter.shape,
    /** Names, with commas between them. */
    repositories: z
      .string()
      .transform((text) => text.split(','))
      .refine(areNames, 'expected at most 1,000 names such as owner/name, with commas between them')
      .optional(),
    limit: z.coerce.number().int().min(1).max(5000).default(1000),
    /** The last repository of the archive before. */
    cursor: RepositoryName.optional(),
  })
  .refine(isOneSelection, ONE_SELECTION);

/** The time in which a download has to begin. */
const URL_SECONDS = 300;

/** Patches as one archive, in the artifacts: an answer of Lambda has at most 6 MB. */
export const getPatches = route(
  'GET',
  '/jobs/{jobId}/patches.zip',
  {
    role: 'viewer',
    summary:
      'The patches of a job, or of some of its repositories, as a ZIP archive: a redirect to its signed URL.',
    params,
    query,
    isFiltered: true,
    responses: { 303: 'none' },
  },
  async ({ params: { jobId }, query, access }, context) => {
    const { run } = await context.jobs.get(jobId);
    const { limit, cursor, repositories, ...fields } = query;
    const filter = filterOf(fields) ?? { outcome: 'changed' as const };
    const picked = await selectedNames(jobId, repositories ? { repositories } : filter, context);
    const names = picked!.filter((name) => mayTouch(access, name)).sort();
    const rest = cursor === undefined ? names : names.filter((name) => name > cursor);
    if (rest.length === 0) {
      throw new NotFoundError(
        `The job ${jobId} has no ${names.length > 0 ? `more repositories behind the cursor ${cursor}` : 'repository with a patch that was asked for'}. GET /jobs/${jobId}/rows shows what came of each.`,
      );
    }
    const about = { limit, run, filter: repositories ? undefined : filter };
    const { key, cursor: next } = await packPatches(jobId, rest, about, context);
    const url = await context.artifacts.signedUrl(key, {
      seconds: URL_SECONDS,
      fileName: `${jobId}-patches.zip`,
    });
    return {
      status: 303,
      headers: {
        location: url,
        'cache-control': 'no-store',
        ...(next !== undefined && { link: `<${nextPath(jobId, query, next)}>; rel="next"` }),
      },
    };
  },
);

function nextPath(jobId: string, asked: z.infer<typeof query>, cursor: string): string {
  const { repositories, ...others } = asked;
  const values = { ...others, ...(repositories && { repositories: repositories.join(',') }), cursor };
  const search = new URLSearchParams(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, String(value)] as [string, string]],
    ),
  );
  return `/jobs/${jobId}/patches.zip?${search}`;
}
