import type { JobPage } from '../../api/types.ts';
import type { Draft } from './draft.ts';

/** The form that would ask for this job again. */
export function draftOf(job: JobPage): Draft {
  const { settings } = job;
  return {
    name: job.name,
    type: job.type,
    prompt: job.prompt ?? '',
    repositories: (job.repositories ?? []).join('\n'),
    verify: settings.verify.join('\n'),
    include: settings.include.join('\n'),
    exclude: settings.exclude.join('\n'),
    model: settings.model,
    image: settings.image ?? '',
    maxTurns: String(settings.maxTurns),
    repositoryCostUsd: String(settings.maxCostUsd),
    maxMinutes: String(settings.maxMinutes),
    jobCostUsd: String(job.maxCostUsd),
    maxConcurrency: String(job.maxConcurrency),
    pulls: job.createPullRequests ? 'once' : job.review === 'required' ? 'review' : 'none',
    title: job.pullRequest?.title ?? '',
    sample: '3',
  };
}
