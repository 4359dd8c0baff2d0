import { StateMachine } from 'aws-local-stepfunctions';

/** The floor of the engine without rows: its library, with one task that does nothing. */
export function libraryAlone(): (item: string) => Promise<void> {
  const machine = new StateMachine({
    StartAt: 'DoNothing',
    States: { DoNothing: { Type: 'Task', Resource: 'arn:aws:states:::lambda:invoke', End: true } },
  });
  return async (item) => {
    const options = { overrides: { taskResourceLocalHandlers: { DoNothing: async () => null } } };
    await machine.run({ item }, options).result;
  };
}
