import { z } from 'zod';
import { accountJson, LOCAL_USER, nodeId } from '../accounts/accounts.ts';
import { resolve } from '../objects/history.ts';
import { mergeWhatIsGreen } from '../pulls/auto-merge.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { GitHubError, notFound, unprocessable } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { appJson } from '../strict/apps.ts';
import type { CheckRunRecord, StatusRecord } from './check-store.ts';
import { repositoryJson } from './repository-json.ts';
import { latest } from './rollup.ts';

const newStatus = z.object({
  state: z.enum(['error', 'failure', 'pending', 'success']),
  context: z.string().min(1).max(255).default('default'),
  description: z.string().max(140).nullish(),
  target_url: z.url().nullish(),
});

const CONCLUSIONS = [
  'action_required',
  'cancelled',
  'failure',
  'neutral',
  'success',
  'skipped',
  'stale',
  'timed_out',
] as const;

const newAnnotation = z.object({
  path: z.string(),
  start_line: z.int(),
  end_line: z.int(),
  annotation_level: z.enum(['notice', 'warning', 'failure']),
  message: z.string(),
  title: z.string().optional(),
});

const newCheckRun = z.object({
  name: z.string().min(1),
  head_sha: z.string(),
  status: z.enum(['queued', 'in_progress', 'completed', 'waiting', 'requested', 'pending']).default('queued'),
  conclusion: z.enum(CONCLUSIONS).optional(),
  details_url: z.string().optional(),
  external_id: z.string().optional(),
  started_at: z.iso.datetime({ offset: true }).optional(),
  completed_at: z.iso.datetime({ offset: true }).optional(),
  output: z
    .object({
      title: z.string(),
      summary: z.string(),
      text: z.string().optional(),
      annotations: z.array(newAnnotation).max(50).default([]),
    })
    .optional(),
});

async function requireCommit({ repository }: RepositoryCall, ref: string): Promise<string> {
  const sha = await resolve(repository, ref, 'commit');
  if (!sha) throw unprocessable(`No commit found for SHA: ${ref}`);
  return sha;
}

const statusFields = (status: StatusRecord, call: RepositoryCall, sha: string): Record<string, unknown> => ({
  url: `${call.url}/statuses/${sha}`,
  avatar_url: accountJson(call.github, status.creator).avatar_url,
  id: status.id,
  node_id: nodeId('StatusContext', status.id),
  state: status.state,
  description: status.description,
  target_url: status.targetUrl,
  context: status.context,
  created_at: status.createdAt,
  updated_at: status.createdAt,
});

async function createStatus(call: RepositoryCall): Promise<Answer> {
  const { github, repository, params, caller } = call;
  const {
    state,
    context,
    description = null,
    target_url: targetUrl = null,
  } = parseBody(call, 'Status', newStatus);
  const sha = await requireCommit(call, params.sha ?? '');
  const creator = caller.login ?? LOCAL_USER;
  const createdAt = new Date().toISOString();
  const status = { id: 0, state, context, description, targetUrl, creator, createdAt };
  await repository.checks.add(sha, (id) => ({ statuses: [Object.assign(status, { id })] }));
  await mergeWhatIsGreen(repository, sha);
  const body = { ...statusFields(status, call, sha), creator: accountJson(github, creator) };
  return { status: 201, body };
}

async function listStatuses(call: RepositoryCall): Promise<Answer> {
  const sha = await requireCommit(call, call.params.ref ?? '');
  const { statuses } = await call.repository.checks.read(sha);
  return paginated(call, statuses, (status) => ({
    ...statusFields(status, call, sha),
    creator: accountJson(call.github, status.creator),
  }));
}

function combined(states: readonly StatusRecord['state'][]): string {
  if (states.includes('failure') || states.includes('error')) return 'failure';
  return states.length === 0 || states.includes('pending') ? 'pending' : 'success';
}

async function combinedStatus(call: RepositoryCall): Promise<Answer> {
  const { repository, params, url } = call;
  const sha = await requireCommit(call, params.ref ?? '');
  const statuses = latest((await repository.checks.read(sha)).statuses, ({ context }) => context);
  const body = {
    state: combined(statuses.map(({ state }) => state)),
    statuses: statuses.map((status) => statusFields(status, call, sha)),
    sha,
    total_count: statuses.length,
    repository: await repositoryJson(call, repository),
    commit_url: `${url}/commits/${sha}`,
    url: `${url}/commits/${sha}/status`,
  };
  return { status: 200, body };
}

function checkRunJson(run: CheckRunRecord, { github, url, htmlUrl }: RepositoryCall, sha: string): object {
  const app = run.appId === null ? undefined : github.apps.find(run.appId);
  return {
    id: run.id,
    node_id: nodeId('CheckRun', run.id),
    head_sha: sha,
    external_id: run.externalId,
    url: `${url}/check-runs/${run.id}`,
    html_url: `${htmlUrl}/runs/${run.id}`,
    details_url: run.detailsUrl,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: {
      title: run.title,
      summary: run.summary,
      text: run.text,
      annotations_count: run.annotations.length,
      annotations_url: `${url}/check-runs/${run.id}/annotations`,
    },
    name: run.name,
    check_suite: null,
    app: app ? appJson(github, app) : null,
    pull_requests: [],
  };
}

/** On github.com only an app may create check runs. Without a list of tokens, every caller may. */
function requireCheckingApp({ github, caller }: RepositoryCall): number | null {
  if (caller.appId === undefined && github.credentials.areListed) {
    throw new GitHubError(403, 'You must authenticate via a GitHub App.');
  }
  return caller.appId ?? null;
}

async function createCheckRun(call: RepositoryCall): Promise<Answer> {
  const appId = requireCheckingApp(call);
  const wanted = parseBody(call, 'CheckRun', newCheckRun);
  const sha = await requireCommit(call, wanted.head_sha);
  const now = new Date().toISOString();
  const isCompleted = wanted.conclusion !== undefined;
  const run: CheckRunRecord = {
    id: 0,
    name: wanted.name,
    appId,
    status: isCompleted ? 'completed' : wanted.status,
    conclusion: wanted.conclusion ?? null,
    detailsUrl: wanted.details_url ?? null,
    externalId: wanted.external_id ?? null,
    title: wanted.output?.title ?? null,
    summary: wanted.output?.summary ?? null,
    text: wanted.output?.text ?? null,
    annotations: (wanted.output?.annotations ?? []).map((one) => ({
      ...{ path: one.path, startLine: one.start_line, endLine: one.end_line },
      ...{ level: one.annotation_level, message: one.message, title: one.title ?? null },
    })),
    startedAt: wanted.started_at ?? now,
    completedAt: wanted.completed_at ?? (isCompleted ? now : null),
  };
  await call.repository.checks.add(sha, (id) => ({ checkRuns: [Object.assign(run, { id })] }));
  await mergeWhatIsGreen(call.repository, sha);
  return { status: 201, body: checkRunJson(run, call, sha) };
}

async function listCheckRuns(call: RepositoryCall): Promise<Answer> {
  const { repository, params, query } = call;
  const sha = await requireCommit(call, params.ref ?? '');
  const all = (await repository.checks.read(sha)).checkRuns;
  const wanted = (query.get('filter') === 'all' ? all : latest(all, ({ name }) => name)).filter(
    ({ name, status }) =>
      name === (query.get('check_name') ?? name) && status === (query.get('status') ?? status),
  );
  const page = await paginated(call, wanted, (run) => checkRunJson(run, call, sha));
  return { ...page, body: { total_count: wanted.length, check_runs: page.body } };
}

/**
 * The log of a job of GitHub Actions is the text of the check run whose details are the job's. Answers with the address of
 * the log, which needs no credential.
 */
async function findJobLog({ github, repository, params }: RepositoryCall): Promise<Answer> {
  const run = await repository.checks.find(({ detailsUrl }) => !!detailsUrl?.endsWith(`/job/${params.job}`));
  if (!run) throw notFound();
  return { status: 302, headers: { location: `${github.url}/${repository.fullName}/logs/${run.id}` } };
}

/** Must precede the routes of commits, whose `{ref*}` would match these paths. */
export const checkRoutes: readonly RepositoryRoute[] = [
  ['POST', '/statuses/{sha}', 'statuses=write', createStatus],
  ['GET', '/commits/{ref*}/statuses', 'statuses=read', listStatuses],
  ['GET', '/commits/{ref*}/status', 'statuses=read', combinedStatus],
  ['POST', '/check-runs', 'checks=write', createCheckRun],
  ['GET', '/commits/{ref*}/check-runs', 'checks=read', listCheckRuns],
  ['GET', '/actions/jobs/{job}/logs', 'actions=read', findJobLog],
];
