import { DEFAULT_GITHUB_PORT } from '../connect/ports.ts';

/** How to see pull requests of the local GitHub, which ends with the command. */
export function keptNote(url: string, dataFolder: string): string {
  const { port } = new URL(url);
  const onPort = Number(port) === DEFAULT_GITHUB_PORT ? '' : ` --port ${Number(port) - 4}`;
  return `The pull requests are kept. \`cody-batch serve --data ${dataFolder}${onPort}\` shows them at these addresses.`;
}
