import { functionContext } from '../../local/function-context.ts';
import { functionEnvironment } from './invocation.ts';
import { keepLog } from './keep-log.ts';
import type { ServedStack } from './stack.ts';

/**
 * Runs functions of `lambdas` in this process, which costs a tenth of a process of their own. For one stack a file, because a
 * function reads its settings once.
 */
export function functionsHere(stack: ServedStack): (name: string, input?: object) => Promise<unknown> {
  Object.assign(process.env, functionEnvironment(stack));
  keepLog();
  return async (name, input = {}) => {
    const { handler } = await import(`../../lambdas/${name}.ts`);
    return handler(input, functionContext(name));
  };
}
