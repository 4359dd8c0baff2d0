import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { signalGroup } from './process-group.ts';
import type { RunningChildren } from './running-children.ts';
import type { AttemptScratch } from './scratch.ts';

export type AttemptOptions = {
  command: readonly string[];
  environment: Record<string, string>;
  cwd: string | undefined;
  scratch: AttemptScratch | undefined;
  /** Receives stdout and stderr. */
  logFile: string;
  timeoutSeconds: number;
  /** The time from SIGTERM to SIGKILL. */
  stopTimeoutSeconds: number;
  runningChildren: RunningChildren;
};

export type AttemptEnd = {
  /** Like a container's: 128 + the signal's number if a signal ended the process. Absent if it never started. */
  exitCode?: number;
  /** The reason why the process failed to start. */
  reason?: string;
  timedOut: boolean;
};

export type Attempt = {
  /** Undefined if the program could not be started. `ended` then has the reason. */
  readonly pid: number | undefined;
  /** Resolves when the program has ended, its group is killed and its scratch folder is removed. Never rejects. */
  readonly ended: Promise<AttemptEnd>;
  /** Sends SIGTERM to the whole group, and SIGKILL if the program has not ended after the stop time-out. */
  stop(): void;
};

// A longer timer (24.8 days) fires at once.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs a job's command once, as the leader of a new process group, so that all of its processes can be ended. */
export function startAttempt(options: AttemptOptions): Attempt {
  let child: ChildProcess;
  try {
    child = spawnChild(options);
  } catch (error) {
    const ended = removed(options.scratch).then(() => failedStart(error as Error));
    return { pid: undefined, ended, stop: () => {} };
  }
  const { pid } = child;
  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;

  const stop = () => {
    if (pid === undefined || killTimer) return;
    signalGroup(pid, 'SIGTERM');
    killTimer = setTimeout(() => signalGroup(pid, 'SIGKILL'), options.stopTimeoutSeconds * 1000);
  };
  const timeout = setTimeout(
    () => {
      timedOut = true;
      stop();
    },
    Math.min(options.timeoutSeconds * 1000, MAX_TIMER_MS),
  );

  const ended = new Promise<AttemptEnd>((resolve) => {
    const end = (outcome: AttemptEnd) => {
      clearTimeout(timeout);
      clearTimeout(killTimer);
      resolve(removed(options.scratch).then(() => outcome));
    };
    child.once('error', (error) => end(failedStart(error)));
    child.once('exit', (code, signal) => {
      // A container ends with its first process, and so does the group.
      signalGroup(pid!, 'SIGKILL');
      options.runningChildren.remove(pid!);
      end({ exitCode: code ?? 128 + constants.signals[signal!], timedOut });
    });
  });
  return { pid, ended, stop };
}

async function removed(scratch: AttemptScratch | undefined): Promise<void> {
  await scratch?.remove();
}

function spawnChild(options: AttemptOptions): ChildProcess {
  const { command, environment, cwd, logFile, scratch, runningChildren } = options;
  mkdirSync(path.dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  try {
    const [program, ...args] = command;
    const child = spawn(program!, args, {
      cwd,
      env: { ...environment, ...scratch?.create() },
      detached: true,
      stdio: ['ignore', log, log],
    });
    if (child.pid !== undefined) record(child.pid, runningChildren);
    return child;
  } finally {
    closeSync(log);
  }
}

/** Kills a child that cannot be recorded: after a kill -9 of this process, the next one would not find it. */
function record(pid: number, runningChildren: RunningChildren): void {
  try {
    runningChildren.add(pid);
  } catch (error) {
    signalGroup(pid, 'SIGKILL');
    throw error;
  }
}

/** The words of ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
function failedStart(error: Error): AttemptEnd {
  return { reason: `CannotStartContainerError: ${error.message}`.slice(0, 255), timedOut: false };
}
