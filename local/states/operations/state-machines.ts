import { z } from 'zod';
import { seconds } from './descriptions.ts';
import { arn, operation, page, ROLE_ARN, requireMachine } from './operation.ts';

export const describeStateMachine = operation(
  z.strictObject({ stateMachineArn: arn }),
  ({ stateMachineArn }, subject) => {
    requireMachine(subject, stateMachineArn);
    const { machine } = subject;
    return {
      stateMachineArn: machine.arn,
      name: machine.name,
      status: 'ACTIVE',
      definition: machine.definition,
      roleArn: ROLE_ARN,
      type: 'STANDARD',
      creationDate: seconds(machine.creationDate),
      loggingConfiguration: { level: 'OFF', includeExecutionData: false },
    };
  },
);

export const describeStateMachineForExecution = operation(
  z.strictObject({ executionArn: arn }),
  ({ executionArn }, { executions, machine }) => {
    const { stateMachineArn, mapRunArn } = executions.get(executionArn);
    return {
      stateMachineArn,
      name: stateMachineArn.slice(stateMachineArn.lastIndexOf(':') + 1),
      definition: machine.definition,
      roleArn: ROLE_ARN,
      updateDate: seconds(machine.creationDate),
      mapRunArn,
    };
  },
);

export const listStateMachines = operation(z.strictObject(page), (_request, { machine }) => ({
  stateMachines: [
    {
      stateMachineArn: machine.arn,
      name: machine.name,
      type: 'STANDARD',
      creationDate: seconds(machine.creationDate),
    },
  ],
}));
