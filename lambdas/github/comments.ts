/** Readers do not see it: it marks the comments of this product, so that they are not taken for those of people. */
const MARK = '<!-- cody-batch:';

/** The comment with a mark of its job and of what it is about, which comes first: code that is left open would show it. */
export function marked(comment: string, jobId: string, about: string | number): string {
  return `${MARK}${jobId} ${about} -->\n\n${comment}`;
}

/** Whether this product wrote the comment. */
export function isByUs(body: string): boolean {
  return body.includes(MARK);
}
