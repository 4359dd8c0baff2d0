import { secretFile } from '../local/access/secret.ts';
import type { Stack } from '../local/stack.ts';

/** The text that `serve` prints: where the services listen, and the shell lines for the AWS CLI and SDKs. */
export function describeStack(stack: Stack, dataFolder: string, hasPage: boolean): string {
  // The shell reads the secret from its file, so that it is in no scrollback and no log.
  const readSecret = `"$(cat ${shellQuoted(secretFile(dataFolder))})"`;
  const lines = [
    `Page    ${hasPage ? `${stack.api}/` : 'not built; build it with npm run build:web'}`,
    `API     ${stack.api}`,
    `GitHub  ${stack.gitHub ?? 'github.com, with GITHUB_TOKEN'}`,
    `Model   ${stack.model === 'offline' ? 'the offline model: literal replacements only; set ANTHROPIC_API_KEY to use Claude' : 'Claude, with the key from the settings'}`,
    `Data    ${dataFolder}`,
    `Process ${process.pid}; \`cody-batch serve --stop\` ends it too`,
    '',
    'The official AWS CLI and SDKs work on this stack with',
    ...Object.entries(stack.awsVariables).map(
      ([name, value]) => `  export ${name}=${value === stack.secret ? readSecret : value}`,
    ),
    '',
    'Ctrl-C ends the stack; running jobs continue at the next start.',
  ];
  return `${lines.join('\n')}\n`;
}

function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
