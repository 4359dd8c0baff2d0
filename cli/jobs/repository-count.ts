/** A number of repositories in words. */
export function repositories(count: number): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? 'repository' : 'repositories'}`;
}
