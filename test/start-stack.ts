/** `node test/start-stack.ts OPTIONS`: a stack with these StackOptions, as JSON; prints where it is, and ends by SIGINT. */
import { once } from 'node:events';
import { startStack } from '../local/stack.ts';

const interrupted = once(process, 'SIGINT');
const { api, gitHub, awsVariables, close } = await startStack(JSON.parse(process.argv[2]!));
process.stdout.write(`${JSON.stringify({ api, gitHub, awsVariables })}\n`);
await interrupted;
await close();
