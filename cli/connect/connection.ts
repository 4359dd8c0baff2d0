import { ApiClient } from './api-client.ts';
import type { OpenStack } from './open-stack.ts';
import { type Target, type TargetOptions, targetOf } from './target.ts';

/** An API with which a command works on jobs. */
export type Connection = {
  api: ApiClient;
  target: Target;
  /** Present on this machine only. */
  stack?: OpenStack;
  close(): Promise<void>;
};

export type ConnectOptions = TargetOptions & {
  github?: boolean;
  /** Whether running jobs may continue on a stack that this command starts. @default false */
  resumes?: boolean;
  /** Whether a data folder without jobs is made. @default false */
  creates?: boolean;
};

/** Opens the API that the options name. On this machine it starts a stack if none runs over the data folder. */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const target = targetOf(options);
  if (target.kind === 'api') {
    const { authorizationOf } = await import('./tokens.ts');
    return { api: new ApiClient(target.url, authorizationOf(target.url)), target, close: async () => {} };
  }
  const { openStackOnJobs } = await import('./open-stack.ts');
  const { userVariables } = await import('./user-settings.ts');
  const stack = await openStackOnJobs(
    target.folder,
    { isOnGitHub: options.github ?? false, resumes: options.resumes ?? false, creates: options.creates },
    () => userVariables(options.settings),
  );
  return { api: new ApiClient(stack.api, stack.secret), target, stack, close: () => stack.close() };
}

/** Connects, does the work, and ends what was started for it. */
export async function withConnection<T>(
  options: ConnectOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await connect(options);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}

/** Where the last job of this place is remembered. */
export function placeOf(target: Target): string {
  return target.kind === 'api' ? target.url : target.folder;
}
