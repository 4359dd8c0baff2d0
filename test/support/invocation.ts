import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { STATE_MACHINE_ARN } from '../../local/environment.ts';
import { PLAIN_ENVIRONMENT, ROOT, type ServedStack } from './stack.ts';

/** The environment of a function that works on this stack. */
export function functionEnvironment(stack: ServedStack): Record<string, string> {
  return {
    ...stack.awsVariables,
    DYNAMODB_TABLE_PREFIX: 'cody-batch-local',
    ARTIFACTS_URL: pathToFileURL(path.join(stack.dataFolder, 'artifacts')).href,
    STATE_MACHINE_ARN,
    GITHUB_API_URL: `${stack.gitHub}/api/v3`,
    GITHUB_THROTTLE: 'false',
    ALLOWED_REPOSITORIES: 'local/*',
  };
}

/** Runs a function of `lambdas` as a process with the environment of a stack and these variables. */
export function invokeAt(
  stack: ServedStack,
  name: string,
  input: object,
  environment: Record<string, string> = {},
): Invocation {
  const child = spawn(
    process.execPath,
    [path.join(ROOT, 'test/support/invoke-function.ts'), name, JSON.stringify(input)],
    {
      cwd: ROOT,
      env: { ...PLAIN_ENVIRONMENT, ...functionEnvironment(stack), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  return new Invocation(child);
}

/** A running function. Its standard output has its log, then its result. */
export class Invocation {
  readonly child: ChildProcess;
  readonly #ended: Promise<{ signal: string | null; output: string }>;

  constructor(child: ChildProcess) {
    this.child = child;
    let output = '';
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (part: string) => {
        output += part;
      });
    }
    this.#ended = once(child, 'close').then(([, signal]) => ({ signal: signal as string | null, output }));
  }

  /** Undefined if it was killed; throws its output if it failed. */
  async result(): Promise<Record<string, unknown> | undefined> {
    const { signal, output } = await this.#ended;
    if (signal) return undefined;
    const last = output.trim().split('\n').at(-1)!;
    if (this.child.exitCode !== 0) throw new Error(output);
    return JSON.parse(last) as Record<string, unknown>;
  }
}
