import { z } from 'zod';
import { accountJson, LOCAL_USER, nodeId } from '../accounts/accounts.ts';
import type { Answer, RepositoryCall, RepositoryRoute } from '../rest/call.ts';
import { paginated } from '../rest/paginated.ts';
import { parseBody } from '../rest/parse-body.ts';
import { associationOf } from './pull-json.ts';
import type { PullRecord } from './pull-requests.ts';
import { changePull, requirePull } from './pulls.ts';

const newComment = z.object({ body: z.string().min(1).max(65_536) });

type Comment = PullRecord['comments'][number];

async function createComment(call: RepositoryCall): Promise<Answer> {
  const { body } = parseBody(call, 'IssueComment', newComment);
  const createdAt = new Date().toISOString();
  const pull = await changePull(call, async ({ comments }) => ({
    comments: [...comments, { author: call.caller.login ?? LOCAL_USER, body, createdAt }],
  }));
  const comment = commentJson(call, pull, pull.comments.length - 1);
  return { status: 201, headers: { location: comment.url }, body: comment };
}

async function listComments(call: RepositoryCall): Promise<Answer> {
  const pull = await requirePull(call);
  return paginated(call, [...pull.comments.keys()], (index) => commentJson(call, pull, index));
}

function commentJson(call: RepositoryCall, { number, comments }: PullRecord, index: number) {
  const { github, repository, url, htmlUrl } = call;
  const { author, body, createdAt } = comments[index] as Comment;
  // Ids are unique across repositories and pull requests.
  const id = (repository.record.id * 1_000_000 + number) * 1000 + index;
  return {
    id,
    node_id: nodeId('IssueComment', id),
    url: `${url}/issues/comments/${id}`,
    html_url: `${htmlUrl}/pull/${number}#issuecomment-${id}`,
    issue_url: `${url}/issues/${number}`,
    user: accountJson(github, author),
    created_at: createdAt,
    updated_at: createdAt,
    author_association: associationOf(repository, author),
    body,
  };
}

/** A pull request and its issue have the same number. */
export const commentRoutes: readonly RepositoryRoute[] = [
  ['GET', '/issues/{number}/comments', 'issues=read; pull_requests=read', listComments],
  ['POST', '/issues/{number}/comments', 'issues=write; pull_requests=write', createComment],
];
