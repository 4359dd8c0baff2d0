/** `node test/invoke-step.ts NAME INPUT`: a function of `lambdas/steps`, as Lambda runs it; prints what it returns. */
import { functionContext } from '../local/function-context.ts';

const [name, input] = process.argv.slice(2) as [string, string];
const { handler } = await import(`../lambdas/steps/${name}.ts`);
const output = await handler(JSON.parse(input), functionContext(name));
process.stdout.write(`${JSON.stringify(output ?? null)}\n`);
