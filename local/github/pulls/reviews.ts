import { z } from 'zod';
import { accountJson, LOCAL_USER, nodeId } from '../accounts/accounts.ts';
import { sameName } from '../names.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { unprocessable } from '../rest/github-error.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { associationOf } from './pull-json.ts';
import type { PullRecord } from './pull-requests.ts';
import { changePull, requirePull } from './pulls.ts';

/** A pending review is not served: without an event only its author sees it. */
const newReview = z.object({
  body: z.string().max(65_536).default(''),
  event: z.enum(['APPROVE', 'REQUEST_CHANGES', 'COMMENT']),
  comments: z
    .array(z.object({ path: z.string(), line: z.int().positive().optional(), body: z.string().min(1) }))
    .default([]),
});

const STATES = { APPROVE: 'APPROVED', REQUEST_CHANGES: 'CHANGES_REQUESTED', COMMENT: 'COMMENTED' } as const;

type Review = PullRecord['reviews'][number];

async function createReview(call: RepositoryCall): Promise<Answer> {
  const { body, event, comments } = parseBody(call, 'PullRequestReview', newReview);
  const author = call.caller.login ?? LOCAL_USER;
  const pull = await changePull(call, async ({ reviews, reviewers, head, number, author: of }) => {
    if (event !== 'COMMENT' && sameName(author, of))
      throw unprocessable(
        `Can not ${event === 'APPROVE' ? 'approve' : 'request changes on'} your own pull request`,
      );
    if (event !== 'APPROVE' && body === '' && comments.length === 0)
      throw unprocessable('Review must have a body or a comment');
    const id = (call.repository.record.id * 1_000_000 + number) * 1000 + reviews.length;
    const review: Review = {
      ...{ id, author, state: STATES[event], body, commitSha: head.sha },
      submittedAt: new Date().toISOString(),
      comments: comments.map(({ path, line = null, body: text }) => ({ path, line, body: text })),
    };
    // As on github.com, who has reviewed is no longer asked.
    return {
      reviews: [...reviews, review],
      reviewers: reviewers.filter((login) => !sameName(login, author)),
    };
  });
  return { status: 200, body: reviewJson(call, pull, pull.reviews.at(-1)!) };
}

async function listReviews(call: RepositoryCall): Promise<Answer> {
  const pull = await requirePull(call);
  return paginated(call, pull.reviews, (review) => reviewJson(call, pull, review));
}

function reviewJson(
  { github, repository, url, htmlUrl }: RepositoryCall,
  { number }: PullRecord,
  { id, author, state, body, commitSha, submittedAt }: Review,
) {
  const html = `${htmlUrl}/pull/${number}#pullrequestreview-${id}`;
  const pull = `${url}/pulls/${number}`;
  return {
    ...{ id, node_id: nodeId('PullRequestReview', id), user: accountJson(github, author), body, state },
    ...{ html_url: html, pull_request_url: pull, submitted_at: submittedAt, commit_id: commitSha },
    author_association: associationOf(repository, author),
    _links: { html: { href: html }, pull_request: { href: pull } },
  };
}

export const reviewRoutes: readonly RepositoryRoute[] = [
  ['GET', '/pulls/{number}/reviews', 'pull_requests=read', listReviews],
  ['POST', '/pulls/{number}/reviews', 'pull_requests=write', createReview],
];
