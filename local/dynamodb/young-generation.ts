import v8 from 'node:v8';

/**
 * Keeps V8's young generation at its initial size. It would grow with the garbage of a job of thousands of short-lived
 * states, without need: 10,000 repositories then peak at two thirds of the memory (`npm run bench`). Call it at the start
 * of a process that runs a stack.
 */
export function keepYoungGenerationSmall(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1');
  // For later threads: the thread of the store parses and copies more at a time than the default of 1 MiB holds.
  v8.setFlagsFromString('--min-semi-space-size=8');
}
