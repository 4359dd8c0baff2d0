/** Whether `ALLOWED_REPOSITORIES` admits `owner/name` or `owner/*`; GitHub's names are equal in any case. */
export function isAllowed(allowed: readonly string[], repository: string): boolean {
  const name = repository.toLowerCase();
  const owner = name.split('/')[0];
  return allowed.some((entry) => {
    const pattern = entry.toLowerCase();
    return pattern === name || pattern === `${owner}/*`;
  });
}
