/**
 * `node test/support/start-stack.ts OPTIONS`: a stack with these StackOptions, as JSON, its functions out of a cloud assembly
 * where `assembled` says so; prints where it is, and ends by SIGINT.
 */
import { once } from 'node:events';
import { type StackOptions, startStack } from '../../local/stack.ts';
import type { AssembledStack } from './lambda-runtime/assembled-functions.ts';

export type TestStackOptions = StackOptions & { assembled?: AssembledStack };

const interrupted = once(process, 'SIGINT');
const { assembled, ...options }: TestStackOptions = JSON.parse(process.argv[2]!);
const { api, gitHub, awsVariables, close } = await startStack({
  ...options,
  ...(assembled && {
    functions: async (environment) =>
      (await import('./lambda-runtime/assembled-functions.ts')).assembledFunctions(assembled, environment),
  }),
});
process.stdout.write(`${JSON.stringify({ api, gitHub, awsVariables })}\n`);
await interrupted;
await close();
