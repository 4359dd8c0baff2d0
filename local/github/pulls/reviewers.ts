import { z } from 'zod';
import { accountJson, LOCAL_USER } from '../accounts/accounts.ts';
import { sameName } from '../names.ts';
import type { Repository } from '../repositories/repository.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { unprocessable } from '../rest/github-error.ts';
import { parseBody } from '../rest/parse-body.ts';
import { roleOf } from '../strict/access.ts';
import { requestedTeams } from '../strict/teams.ts';
import { pullJson } from './pull-json.ts';
import type { PullRecord } from './pull-requests.ts';
import { changePull, requirePull } from './pulls.ts';

const name = z.string().min(1).max(100);
const newReviewers = z.object({
  reviewers: z.array(name).default([]),
  team_reviewers: z.array(name).default([]),
});

const union = (one: readonly string[], other: readonly string[]): string[] => [
  ...one,
  ...other.filter((name) => !one.some((known) => sameName(name, known))),
];

/** Reviewers need explicit access; being able to read a public repository is not enough. */
const isCollaborator = (repository: Repository, login: string): boolean =>
  sameName(login, LOCAL_USER) ||
  repository.record.collaborators.some((one) => sameName(one.login, login)) ||
  (repository.record.private && roleOf(repository, login) !== undefined);

function requireCollaborators(
  repository: Repository,
  pull: PullRecord,
  { reviewers, team_reviewers: teams }: z.infer<typeof newReviewers>,
): void {
  if (reviewers.some((login) => sameName(login, pull.author))) {
    throw unprocessable('Review cannot be requested from pull request author.');
  }
  const strangers = reviewers.some((login) => !isCollaborator(repository, login));
  const { teams: known } = repository.record;
  if (strangers || teams.some((slug) => !known.some((other) => sameName(slug, other)))) {
    throw unprocessable(
      'Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a ' +
        `collaborator of the ${repository.fullName} repository.`,
    );
  }
}

/** Requests all of the reviews, or none if one is refused. */
async function requestReviewers(call: RepositoryCall): Promise<Answer> {
  const { repository } = call;
  const wanted = parseBody(call, 'PullRequest', newReviewers);
  const pull = await changePull(call, async (before) => {
    requireCollaborators(repository, before, wanted);
    return {
      reviewers: union(before.reviewers, wanted.reviewers),
      teamReviewers: union(before.teamReviewers, wanted.team_reviewers),
    };
  });
  return { status: 201, body: await pullJson(call, pull) };
}

async function listReviewers(call: RepositoryCall): Promise<Answer> {
  const { github, repository } = call;
  const { reviewers, teamReviewers } = await requirePull(call);
  const users = reviewers.map((login) => accountJson(github, login));
  return { status: 200, body: { users, teams: requestedTeams(github, repository, teamReviewers) } };
}

export const reviewerRoutes: readonly RepositoryRoute[] = [
  ['GET', '/pulls/{number}/requested_reviewers', 'pull_requests=read', listReviewers],
  ['POST', '/pulls/{number}/requested_reviewers', 'pull_requests=write', requestReviewers],
];
