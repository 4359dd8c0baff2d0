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
  /** Where stdout and stderr go. */
  logFile: string;
  timeoutSeconds: number;
  /** From SIGTERM to SIGKILL. */
  stopTimeoutSeconds: number;
  runningChildren: RunningChildren;
};

export type AttemptEnd = {
  /** As a container's: 128 + the signal's number for a process that a signal ended. Absent when it never started. */
  exitCode?: number;
  /** Why the container failed to start. */
  reason?: string;
  timedOut: boolean;
};

export type Attempt = {
  /** Undefined when the program could not be started; `ended` says why. */
  readonly pid: number | undefined;
  /** Resolves when the program has ended, the rest of its group is killed and its scratch is removed; never rejects. */
  readonly ended: Promise<AttemptEnd>;
  /** SIGTERM to the whole group, and SIGKILL if the program has not ended after the stop timeout. */
  stop(): void;
};

// setTimeout fires at once beyond this: 24.8 days.
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Runs a job's command once, as the leader of a process group of its own, so that it can be ended whole. */
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
      // A container ends with its first process; so does the group.
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

/** A child that is not on record would outlive a kill -9 of this process, so it may not run. */
function record(pid: number, runningChildren: RunningChildren): void {
  try {
    runningChildren.add(pid);
  } catch (error) {
    signalGroup(pid, 'SIGKILL');
    throw error;
  }
}

/** In the words of ECS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html */
function failedStart(error: Error): AttemptEnd {
  return { reason: `CannotStartContainerError: ${error.message}`.slice(0, 255), timedOut: false };
}
