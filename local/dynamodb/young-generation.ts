import v8 from 'node:v8';

/**
 * Keeps V8's young generation at its first size: it grows with the garbage that a job of thousands of short-lived states
 * leaves, and that needs no room. 10,000 of them then peak at two thirds of the memory (`npm run bench`). For a process
 * that hosts a stack, at its start.
 */
export function keepYoungGenerationSmall(): void {
  v8.setFlagsFromString('--semi-space-growth-factor=1');
  // Of threads to come, such as the store's, which parses and copies more than 1 MiB at a time would hold.
  v8.setFlagsFromString('--min-semi-space-size=8');
}
