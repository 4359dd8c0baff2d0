import { artifactKeys, writeArtifact } from '../../core/artifacts.ts';
import { InvalidInputError } from '../../core/errors.ts';
import { JobRequest, type JobRow, JobText, newJobId } from '../../core/job.ts';
import { countsOf } from '../../core/repository-table.ts';
import { defaultJobSettings, type Settings } from '../../core/settings.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { Executions } from '../executions.ts';
import { isAllowed } from '../github/allow-list.ts';
import { route } from './route.ts';

/** Writes the job and starts its execution: 201 with the job. */
export const createJob = route(
  'POST',
  '/jobs',
  { body: JobRequest },
  async ({ body, createdBy }, storage) => {
    const { jobs, artifacts, settings, now } = storage;
    refuseRepositories(body.repositories, settings);
    const job = { ...newJob(body, settings, now()), ...(createdBy && { createdBy }) };
    const text = JobText.parse(body);
    // In this order: a row without its text would be a job that nobody can run.
    await writeArtifact(artifacts, artifactKeys.request(job.jobId), text);
    await jobs.create(job);
    const executionArn = await new Executions(settings).start({
      jobId: job.jobId,
      run: job.run,
      action: 'analyze',
    });
    return {
      status: 201,
      headers: { location: `/jobs/${job.jobId}` },
      json: { ...job, ...text, executionArn },
    };
  },
);

function newJob(request: JobRequest, settings: Settings, at: string): JobRow {
  return {
    jobId: newJobId(),
    name: request.name ?? firstLine(request.prompt),
    ...(request.description && { description: request.description }),
    type: request.type ?? 'code-pattern-update',
    maxRepositories: Math.min(
      request.maxRepositories ?? settings.MAX_REPOSITORIES,
      settings.MAX_REPOSITORIES,
    ),
    maxConcurrency: request.maxConcurrency ?? settings.MAX_CONCURRENCY,
    maxCostUsd: request.maxCostUsd ?? settings.MAX_JOB_COST_USD,
    createPullRequests: request.createPullRequests ?? false,
    settings: { ...defaultJobSettings(settings), ...request.settings },
    ...(request.pullRequest && { pullRequest: request.pullRequest }),
    run: 1,
    status: 'pending',
    counts: countsOf({}),
    tokenUsage: NO_TOKENS,
    createdAt: at,
    updatedAt: at,
  };
}

function firstLine(prompt: string): string {
  const line = prompt.trim().split('\n')[0]!.trim();
  return line.length > 80 ? `${line.slice(0, 79)}…` : line;
}

function refuseRepositories(repositories: readonly string[], settings: Settings): void {
  const field = 'repositories';
  const distinct = new Set(repositories.map((name) => name.toLowerCase()));
  if (distinct.size > settings.MAX_REPOSITORIES) {
    throw new InvalidInputError(
      `The job names ${distinct.size} repositories; MAX_REPOSITORIES allows ${settings.MAX_REPOSITORIES}. Name fewer, or raise the setting.`,
      { field, received: distinct.size, expected: `at most ${settings.MAX_REPOSITORIES}` },
    );
  }
  const refused = repositories.filter((name) => !isAllowed(settings.ALLOWED_REPOSITORIES, name));
  if (refused.length > 0) {
    const allowed = settings.ALLOWED_REPOSITORIES.join(', ') || 'nothing';
    throw new InvalidInputError(
      `ALLOWED_REPOSITORIES allows ${allowed}, but not ${refused.slice(0, 5).join(', ')}${refused.length > 5 ? ` and ${refused.length - 5} more` : ''}.`,
      { field, received: refused.slice(0, 5), expected: `repositories of ${allowed}` },
    );
  }
}
