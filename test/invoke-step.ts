/** `node test/invoke-step.ts STATE INPUT`: the function of a state, as Lambda runs it; prints what it returns. */
import { invokeStep } from '../local/functions.ts';

const [name, input] = process.argv.slice(2) as [string, string];
process.stdout.write(`${JSON.stringify(await invokeStep(name, JSON.parse(input)))}\n`);
