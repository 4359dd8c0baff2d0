import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { BatchClient } from '@aws-sdk/client-batch';
import {
  DescribeExecutionCommand,
  DescribeMapRunCommand,
  GetExecutionHistoryCommand,
  ListMapRunsCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { openArtifacts } from '../../core/store/artifacts.ts';
import { ACCOUNT_ID, REGION } from '../../local/environment.ts';
import { startStates } from '../../local/states/server.ts';

/** The product's default for a job. */
export const CONCURRENCY = 20;

export const CONNECTION = {
  region: REGION,
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
};

/** For services that the definition does not use; nothing listens there. */
const NOWHERE = 'http://127.0.0.1:9';

export type EngineRun = {
  folder: string;
  definition: string;
  substitutions: Record<string, string>;
  jobId: string;
  repositoryNames: readonly string[];
  /** @default none, for a definition without updateItem */
  dynamoDbUrl?: string;
  /** The secret of that DynamoDB. */
  secret?: string;
};

/**
 * Starts the engine and runs one execution over all items through its protocol. Returns its history's
 * length.
 */
export async function runEngine(run: EngineRun): Promise<number> {
  const artifacts = openArtifacts(pathToFileURL(path.join(run.folder, 'artifacts')).href);
  const items = run.repositoryNames.map((repositoryName) => ({
    repositoryName,
    batchJobName: repositoryName.replace('/', '_'),
    attemptSeconds: 60,
  }));
  await artifacts.write('items.json', JSON.stringify(items), { plain: true });
  const states = await startStates({
    access: 'anyone',
    dataFolder: path.join(run.folder, 'states'),
    name: 'bench',
    definition: run.definition,
    substitutions: run.substitutions,
    region: REGION,
    accountId: ACCOUNT_ID,
    dynamodbUrl: run.dynamoDbUrl ?? NOWHERE,
    dynamodbSecret: run.secret,
    batch: new BatchClient({ ...CONNECTION, endpoint: NOWHERE }),
    subscribeToBatch: () => {},
    readObject: async (_bucket, key) => (await artifacts.read(key))!,
    writeObject: (_bucket, key, body) => artifacts.write(key, body, { plain: true }),
    invokeFunction: async (name, payload) => {
      if (name === 'fail') throw new Error(`A row failed: ${JSON.stringify(payload)}`);
      return null;
    },
  });
  const client = new SFNClient({ ...CONNECTION, endpoint: states.url });
  try {
    const manifest = { key: 'items.json', prefix: 'results', concurrency: CONCURRENCY, count: items.length };
    const input = JSON.stringify({ jobId: run.jobId, run: 1, analyze: manifest });
    const { executionArn } = await client.send(
      new StartExecutionCommand({ stateMachineArn: states.stateMachineArn, name: 'bench', input }),
    );
    for (;;) {
      const { status, cause } = await client.send(new DescribeExecutionCommand({ executionArn }));
      if (status === 'SUCCEEDED') break;
      if (status !== 'RUNNING') throw new Error(`The execution ended as ${status}: ${cause}`);
      await sleep(20);
    }
    const { mapRuns } = await client.send(new ListMapRunsCommand({ executionArn }));
    const { mapRunArn } = mapRuns![0]!;
    // A failed child does not fail the Map, so the counts are checked.
    const { itemCounts } = await client.send(new DescribeMapRunCommand({ mapRunArn }));
    if (itemCounts?.succeeded !== items.length)
      throw new Error(`Only ${itemCounts?.succeeded} of ${items.length} children succeeded.`);
    const history = await client.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
    return history.events!.length;
  } finally {
    client.destroy();
    await states.close();
  }
}
