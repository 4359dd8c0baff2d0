/** `node test/support/invoke-function.ts NAME INPUT`: runs a function of `lambdas`, such as `steps/open-pull-request`, and prints its result. */
import { functionContext } from '../../local/function-context.ts';

const [name, input] = process.argv.slice(2) as [string, string];
const { handler } = await import(`../../lambdas/${name}.ts`);
const output = await handler(JSON.parse(input), functionContext(name));
process.stdout.write(`${JSON.stringify(output ?? null)}\n`);
