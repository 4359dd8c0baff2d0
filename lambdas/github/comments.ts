import type { Octokit } from '@octokit/rest';
import type { Repository } from './base.ts';

/** Readers do not see it: it marks the comments of this product, so that they are not taken for those of people. */
const MARK = '<!-- cody-batch:';

/** A comment with a mark of its job and of what it is about, by which it is found again. */
export type MarkedComment = { text: string; mark: string };

export function marked(text: string, jobId: string, about: string | number): MarkedComment {
  return { text, mark: `${MARK}${jobId} ${about} -->` };
}

/** The mark comes first: code that is left open would show it. */
export function bodyOfComment({ text, mark }: MarkedComment): string {
  return `${mark}\n\n${text}`;
}

/** Whether this product wrote the comment. */
export function isByUs(body: string): boolean {
  return body.includes(MARK);
}

const PER_PAGE = 100;

/** Comments unless the comment is there already, since GitHub has no condition for it. */
export async function commentOnce(
  github: Octokit,
  repository: Repository,
  number: number,
  comment: MarkedComment,
): Promise<void> {
  const there = { ...repository, issue_number: number };
  for await (const { data } of github.paginate.iterator(github.rest.issues.listComments, {
    ...there,
    per_page: PER_PAGE,
  })) {
    if (data.some(({ body }) => body?.includes(comment.mark))) return;
  }
  await github.rest.issues.createComment({ ...there, body: bodyOfComment(comment) });
}
