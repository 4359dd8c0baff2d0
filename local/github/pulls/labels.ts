import { z } from 'zod';
import { sameName } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { LabelRecord } from '../repositories/repository-record.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { notFound, validationFailed } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { findLabel, labelJson, labelsOf } from './label-json.ts';
import { changePull, requirePull } from './pulls.ts';

const name = z.string().min(1).max(50);
const names = z.array(z.union([name, z.object({ name }).transform((label) => label.name)]));
const addedLabels = z.union([names, z.object({ labels: names }).transform((body) => body.labels)]);

const newLabel = z.object({
  name,
  color: z
    .string()
    .regex(/^[0-9a-fA-F]{6}$/, 'six hexadecimal digits, without #')
    .optional(),
  description: z.string().max(100).nullish(),
});

/** GitHub's default colour. */
const DEFAULT_COLOR = 'ededed';

/**
 * There must be no `await` between reading the labels and the update, or a label added there would be
 * lost.
 */
async function create(
  repository: Repository,
  wanted: readonly { name: string; color?: string | undefined; description?: string | null | undefined }[],
): Promise<void> {
  const { id, labels } = repository.record;
  const last = Math.max(id * 1_000_000, ...labels.map((label) => label.id));
  const made = wanted.map(({ name, color = DEFAULT_COLOR, description = null }, index) => ({
    id: last + index + 1,
    name,
    color,
    description,
  }));
  await repository.update({ labels: [...labels, ...made] });
}

/** Creates the labels that do not exist yet, as github.com does. */
async function addLabels(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const added = parseBody(call, 'Label', addedLabels);
  await requirePull(call);
  const unknown = added.filter(
    (one, index) => !findLabel(repository, one) && added.findIndex((other) => sameName(one, other)) === index,
  );
  if (unknown.length > 0)
    await create(
      repository,
      unknown.map((name) => ({ name })),
    );
  const pull = await changePull(call, async ({ labels }) => {
    const names = [...labels, ...added].map((one) => findLabel(repository, one)?.name ?? one);
    return { labels: [...new Set(names)] };
  });
  return { status: 200, body: labelsOf(repository, pull.labels, url) };
}

async function listPullLabels(call: RepositoryCall): Promise<Answer> {
  const { labels } = await requirePull(call);
  return paginated(call, labelsOf(call.repository, labels, call.url), (label) => label);
}

async function createLabel(call: RepositoryCall): Promise<Answer> {
  const { repository, url } = call;
  const wanted = parseBody(call, 'Label', newLabel);
  if (findLabel(repository, wanted.name)) {
    throw validationFailed({ resource: 'Label', field: 'name', code: 'already_exists' });
  }
  await create(repository, [wanted]);
  const label = findLabel(repository, wanted.name) as LabelRecord;
  const body = labelJson(label, url);
  return { status: 201, headers: { location: String(body.url) }, body };
}

async function listLabels(call: RepositoryCall): Promise<Answer> {
  const byName = [...call.repository.record.labels].sort((one, other) => one.name.localeCompare(other.name));
  return paginated(call, byName, (label) => labelJson(label, call.url));
}

async function getLabel({ repository, params, url }: RepositoryCall): Promise<Answer> {
  const label = findLabel(repository, params.name ?? '');
  if (!label) throw notFound();
  return { status: 200, body: labelJson(label, url) };
}

const READ = 'issues=read; pull_requests=read';
const WRITE = 'issues=write; pull_requests=write';

/** A pull request and its issue have the same number. */
export const labelRoutes: readonly RepositoryRoute[] = [
  ['GET', '/labels', READ, listLabels],
  ['POST', '/labels', WRITE, createLabel],
  ['GET', '/labels/{name}', READ, getLabel],
  ['GET', '/issues/{number}/labels', READ, listPullLabels],
  ['POST', '/issues/{number}/labels', WRITE, addLabels],
];
