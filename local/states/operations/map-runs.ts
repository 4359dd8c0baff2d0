import { z } from 'zod';
import { mapRunDetail, mapRunItem } from './descriptions.ts';
import { arn, operation, page, requireMapRun } from './operation.ts';
import { paginate } from './paginate.ts';

export const describeMapRun = operation(z.strictObject({ mapRunArn: arn }), ({ mapRunArn }, subject) =>
  mapRunDetail(requireMapRun(subject, mapRunArn)),
);

export const listMapRuns = operation(
  z.strictObject({ executionArn: arn, ...page }),
  ({ executionArn, ...request }, { executions, mapRuns }) => {
    const runs = mapRuns.ofExecution(executions.get(executionArn).arn);
    const { items, nextToken } = paginate(runs, (run) => run.arn, request);
    return { mapRuns: items.map(mapRunItem), nextToken };
  },
);
