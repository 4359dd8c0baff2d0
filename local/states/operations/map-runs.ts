import { z } from 'zod';
import { MAX_CONCURRENCY } from '../map-runs.ts';
import { ServiceError } from '../service-error.ts';
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

/** As on AWS, 0 sets no limit. The failures that are tolerated are those of the definition. */
export const updateMapRun = operation(
  z.strictObject({ mapRunArn: arn, maxConcurrency: z.int().min(0) }),
  ({ mapRunArn, maxConcurrency }, subject) => {
    const run = requireMapRun(subject, mapRunArn);
    if (run.status !== 'RUNNING') {
      throw new ServiceError('ValidationException', `The Map run '${mapRunArn}' has ended: ${run.status}.`);
    }
    run.maxConcurrency = maxConcurrency || MAX_CONCURRENCY;
    run.resized?.();
    return {};
  },
);
