/** The HTTP status of an error of Octokit; undefined if it has none, such as for a lost connection. */
export function statusOf(error: unknown): number | undefined {
  return (error as { status?: number }).status;
}
