import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from '@jest/globals';
import { LOCAL_AWS } from '../support/aws-clients.ts';
import { serveStack } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

test('serve takes the table prefix, the folder for clones and the allowed repositories that the user has set', async () => {
  const folder = await temporaryFolder();
  const stack = await serveStack({
    environment: {
      DYNAMODB_TABLE_PREFIX: 'mine',
      TEMP_DIR: folder.path,
      ALLOWED_REPOSITORIES: 'my-org/*, !local/secret',
      AWS_REGION: 'eu-west-1',
    },
  });
  try {
    const client = new DynamoDBClient({
      ...LOCAL_AWS,
      endpoint: stack.awsVariables.AWS_ENDPOINT_URL_DYNAMODB!,
    });
    const { TableNames } = await client.send(new ListTablesCommand({}));
    client.destroy();
    expect(TableNames).toEqual(['mine-jobs', 'mine-repositories']);
    expect(readdirSync(folder.path)).toEqual([expect.stringMatching(/^cody-batch-[0-9a-f]{12}$/)]);
    expect(existsSync(path.join(stack.dataFolder, 'tmp'))).toBe(false);
    const post = async (name: string) => {
      const response = await fetch(`${stack.api}/jobs`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ prompt: 'Do it.', repositories: [name] }),
      });
      return { status: response.status, detail: ((await response.json()) as { detail?: string }).detail };
    };
    expect(await post('local/secret')).toMatchObject({
      status: 400,
      detail: expect.stringMatching(/Not allowed: local\/secret/),
    });
    expect((await post('local/other')).status).toBe(201);
  } finally {
    await stack.close();
    await folder.remove();
  }
});
