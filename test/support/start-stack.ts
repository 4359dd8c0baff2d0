/**
 * `node test/support/start-stack.ts OPTIONS`: starts a stack with these StackOptions, given as JSON. With `assembled`, its
 * functions come out of a cloud assembly. Prints its endpoints as JSON, and ends by SIGINT.
 */
import { once } from 'node:events';
import { startStack } from '../../local/stack.ts';
import type { StackOptions } from '../../local/stack-options.ts';
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
