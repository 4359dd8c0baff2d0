import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

export type Update = { tableName: string; partitionKey: string; attributes: string[] };

/** Records every UpdateItem that `work` sends, with the attributes that IAM compares with dynamodb:Attributes. */
export async function recordUpdates(
  work: (client: DynamoDBDocumentClient) => Promise<unknown>,
): Promise<Update[]> {
  const updates: Update[] = [];
  const server = createServer(async (request, response) => {
    const body = JSON.parse(await text(request));
    updates.push({
      tableName: body.TableName,
      partitionKey: body.Key.jobId.S,
      attributes: [...Object.keys(body.Key), ...attributesOf(body)],
    });
    response.setHeader('content-type', 'application/x-amz-json-1.0').end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    await work(DynamoDBDocumentClient.from(client));
  } finally {
    client.destroy();
    server.close();
    server.closeAllConnections();
  }
  return updates;
}

/** Keywords of DynamoDB's expressions; all other words are attributes. */
const WORDS =
  /^(?:SET|ADD|REMOVE|DELETE|size|contains|attribute_type|list_append|AND|OR|NOT|IN|BETWEEN|attribute_exists|attribute_not_exists|if_not_exists|begins_with)$/;

/** The attributes in the expressions of a request. */
export function attributesOf(update: {
  UpdateExpression?: string;
  ConditionExpression?: string;
  ProjectionExpression?: string;
  ExpressionAttributeNames?: Record<string, string>;
}): string[] {
  const { UpdateExpression = '', ConditionExpression = '', ProjectionExpression = '' } = update;
  const { ExpressionAttributeNames: names = {} } = update;
  const words = `${UpdateExpression} ${ConditionExpression} ${ProjectionExpression}`.match(/[#:]?\w+/g) ?? [];
  return words
    .filter((word) => !word.startsWith(':') && !WORDS.test(word))
    .map((word) => names[word] ?? word);
}
