import { z } from 'zod';
import { type Answer, parseBody, type RepositoryCall, type RepositoryRoute } from './api.ts';
import { pullJson } from './pull-json.ts';
import { changePull, requirePull } from './pulls.ts';

const label = z.string().min(1).max(50);
const labels = z.array(z.union([label, z.object({ name: label }).transform(({ name }) => name)]));
const newLabels = z.union([labels, z.object({ labels }).transform((body) => body.labels)]);

const login = z.string().min(1).max(100);
const newReviewers = z.object({
  reviewers: z.array(login).default([]),
  team_reviewers: z.array(login).default([]),
});

const union = (one: readonly string[], other: readonly string[]): string[] => [
  ...new Set([...one, ...other]),
];

/** A label comes to exist by being used, as it does on github.com. */
async function addLabels(call: RepositoryCall): Promise<Answer> {
  const added = parseBody(call, 'Label', newLabels);
  const pull = await changePull(call, async (before) => ({ labels: union(before.labels, added) }));
  return { status: 200, body: pull.labels.map((name) => ({ name })) };
}

async function listLabels(call: RepositoryCall): Promise<Answer> {
  return { status: 200, body: (await requirePull(call)).labels.map((name) => ({ name })) };
}

async function requestReviewers(call: RepositoryCall): Promise<Answer> {
  const { reviewers, team_reviewers: teams } = parseBody(call, 'PullRequest', newReviewers);
  const pull = await changePull(call, async (before) => ({
    reviewers: union(before.reviewers, reviewers),
    teamReviewers: union(before.teamReviewers, teams),
  }));
  return { status: 201, body: await pullJson(call.github, call.repository, pull) };
}

/** A pull request's number is also its issue's. */
export const issueRoutes: readonly RepositoryRoute[] = [
  ['GET', '/issues/{number}/labels', listLabels],
  ['POST', '/issues/{number}/labels', addLabels],
  ['POST', '/pulls/{number}/requested_reviewers', requestReviewers],
];
