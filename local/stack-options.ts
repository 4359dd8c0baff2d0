import type { Variables } from '../core/secrets.ts';
import type { Functions } from './functions.ts';
import type { GitHubOptions } from './github/server.ts';

/** The options that the command line sets. */
export type StackOptions = {
  /** Has everything that is kept: tables, artifacts, executions, repositories, logs. For one stack at a time. */
  dataFolder: string;
  /**
   * The API's port. The other services use the six ports after it.
   * @default - free ports
   */
  port?: number;
  /**
   * The local GitHub's port if it is free, so that the addresses of pull requests last. `port` comes before it.
   * @default - a free port
   */
  gitHubPort?: number;
  /** The settings that the user gave in the environment and in `.env`. */
  given: Variables;
  gitHub: 'local' | 'remote';
  model: 'offline' | 'claude';
  /** The most workers at once. */
  maxRunning: number;
  /** Whether other commands over the same data folder may use this stack. */
  shared: boolean;
  /**
   * Whether this user's own processes need the secret too. One of them may act for other users.
   * @default false
   */
  requireSecret?: boolean;
  /** Gets a line for each request to the API: its method, path, status and duration. */
  onRequest?: (line: string) => void;
  /**
   * Whether jobs that were running continue, and schedules run.
   * @default true
   */
  resumes?: boolean;
  /**
   * How often pull requests are looked at.
   * @default - as on AWS
   */
  trackingSeconds?: number;
  /**
   * The folder of the built page, which the API's port serves too.
   * @default - no page
   */
  page?: string;
} & TestOnlyOptions;

/** The options that only tests and benchmarks set. */
export type TestOnlyOptions = {
  /**
   * Tokens, apps, limits and faults of the local GitHub.
   * @default - everything is allowed, and nothing is limited
   */
  gitHubOptions?: Omit<GitHubOptions, 'dataFolder' | 'port' | 'access'>;
  /**
   * Divides every wait of the state machine and of the schedules.
   * @default 1
   */
  timeScale?: number;
  /**
   * The command that Batch runs for a repository, with the arguments of `WORKER_ARGUMENTS` (core/execution.ts).
   * @default - the worker
   */
  workerCommand?: string[];
  /**
   * Services that replace those of this stack, or proxies in front of them. The state machine calls them as `accessKeyId`.
   * @default - this stack's services, called as `local`
   */
  elsewhere?: {
    dynamodbUrl: string;
    batchUrl: string;
    artifactsUrl: string;
    accessKeyId: string;
    /** The variables by which functions and workers find them. */
    variables: Record<string, string>;
  };
  /**
   * Runs the functions out of this process.
   * @default - in this process
   */
  functions?: (environment: () => Record<string, string>) => Promise<Functions & { close(): Promise<void> }>;
};
