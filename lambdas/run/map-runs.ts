import {
  DescribeMapRunCommand,
  ExecutionDoesNotExist,
  ListMapRunsCommand,
  SFNClient,
  UpdateMapRunCommand,
} from '@aws-sdk/client-sfn';
import { executionName, type RunId } from '../../core/execution.ts';
import { required, type Settings } from '../../core/settings.ts';

export type RunningMap = { mapRunArn: string; maxConcurrency: number };

/** The Map runs of a job's run that are under way. */
export async function runningMaps(run: RunId, settings: Settings): Promise<RunningMap[]> {
  const client = new SFNClient({});
  const executionArn = `${required(settings, 'STATE_MACHINE_ARN').replace(':stateMachine:', ':execution:')}:${executionName(run)}`;
  const found: RunningMap[] = [];
  let nextToken: string | undefined;
  try {
    do {
      const page = await client.send(new ListMapRunsCommand({ executionArn, nextToken }));
      for (const { mapRunArn, stopDate } of page.mapRuns ?? []) {
        if (stopDate) continue;
        const described = await client.send(new DescribeMapRunCommand({ mapRunArn }));
        if (described.status === 'RUNNING')
          found.push({ mapRunArn: mapRunArn!, maxConcurrency: described.maxConcurrency! });
      }
      nextToken = page.nextToken;
    } while (nextToken);
  } catch (error) {
    if (!(error instanceof ExecutionDoesNotExist)) throw error;
  }
  return found;
}

/** Step Functions starts more children at once, and fewer as those under way end. */
export async function setMapConcurrency(mapRunArn: string, maxConcurrency: number): Promise<void> {
  await new SFNClient({}).send(new UpdateMapRunCommand({ mapRunArn, maxConcurrency }));
}
