import type { JobPage } from '../../api/types.ts';
import { type Draft, EMPTY_DRAFT } from './draft.ts';

/** The form that would ask for this job again. What has no field is kept as JSON, so that nothing is lost. */
export function draftOf(job: JobPage): Draft {
  const { verify, include, exclude, setup, model, image, maxTurns, maxCostUsd, maxMinutes, ...settings } =
    job.settings;
  const { title, branch, labels, reviewers, draft, ...pullRequest } = job.pullRequest ?? {};
  return {
    ...EMPTY_DRAFT,
    name: job.name,
    type: job.type,
    prompt: job.prompt ?? '',
    repositories: (job.repositories ?? []).join('\n'),
    setup: setup.join('\n'),
    verify: verify.join('\n'),
    include: include.join('\n'),
    exclude: exclude.join('\n'),
    model,
    image: image ?? '',
    maxTurns: String(maxTurns),
    repositoryCostUsd: String(maxCostUsd),
    maxMinutes: String(maxMinutes),
    jobCostUsd: String(job.maxCostUsd),
    maxConcurrency: String(job.maxConcurrency),
    pulls: job.createPullRequests ? 'once' : job.review === 'required' ? 'review' : 'none',
    title: title ?? '',
    branch: branch ?? '',
    labels: (labels ?? []).join(', '),
    reviewers: (reviewers ?? []).join(', '),
    isDraft: draft ?? false,
    others: textOf({
      description: job.description,
      maxRepositories: job.maxRepositories,
      settings: present(settings),
      pullRequest: present(pullRequest),
      notify: job.notify,
    }),
  };
}

/** Without what is absent or empty. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const some = Object.entries(fields).filter(
    ([, value]) => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0),
  );
  return some.length > 0 ? Object.fromEntries(some) : undefined;
}

function textOf(fields: Readonly<Record<string, unknown>>): string {
  const some = present(fields);
  return some ? JSON.stringify(some, null, 2) : '';
}
