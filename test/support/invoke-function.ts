/** `node test/support/invoke-function.ts NAME INPUT`: a function of `lambdas`, such as `steps/open-pull-request`, as Lambda runs it; prints what it returns. */
import { functionContext } from '../../local/function-context.ts';

const [name, input] = process.argv.slice(2) as [string, string];
const { handler } = await import(`../../lambdas/${name}.ts`);
const output = await handler(JSON.parse(input), functionContext(name));
process.stdout.write(`${JSON.stringify(output ?? null)}\n`);
