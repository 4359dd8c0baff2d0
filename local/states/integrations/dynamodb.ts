import {
  DeleteItemCommand,
  type DeleteItemCommandInput,
  type DynamoDBClient,
  DynamoDBServiceException,
  GetItemCommand,
  type GetItemCommandInput,
  PutItemCommand,
  type PutItemCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Integration } from '../integrations.ts';
import type { JsonObject } from '../payload.ts';
import { StateError } from '../state-error.ts';

type Send = (
  client: DynamoDBClient,
  parameters: unknown,
  options: { abortSignal: AbortSignal },
) => Promise<{ $metadata: { httpStatusCode?: number; requestId?: string } }>;

const EXPRESSION = ['ConditionExpression', 'ExpressionAttributeNames', 'ExpressionAttributeValues'];
const RETURN = [
  'ReturnConsumedCapacity',
  'ReturnItemCollectionMetrics',
  'ReturnValues',
  'ReturnValuesOnConditionCheckFailure',
];

/** Each by its own command: the parameters are the API's own, attribute values included. */
const OPERATIONS: Record<string, Pick<Integration, 'required' | 'optional'> & { send: Send }> = {
  getItem: {
    required: ['TableName', 'Key'],
    optional: [
      'ConsistentRead',
      'ProjectionExpression',
      'ExpressionAttributeNames',
      'ReturnConsumedCapacity',
    ],
    send: (client, input, options) => client.send(new GetItemCommand(input as GetItemCommandInput), options),
  },
  putItem: {
    required: ['TableName', 'Item'],
    optional: [...EXPRESSION, ...RETURN],
    send: (client, input, options) => client.send(new PutItemCommand(input as PutItemCommandInput), options),
  },
  updateItem: {
    required: ['TableName', 'Key'],
    optional: ['UpdateExpression', ...EXPRESSION, ...RETURN],
    send: (client, input, options) =>
      client.send(new UpdateItemCommand(input as UpdateItemCommandInput), options),
  },
  deleteItem: {
    required: ['TableName', 'Key'],
    optional: [...EXPRESSION, ...RETURN],
    send: (client, input, options) =>
      client.send(new DeleteItemCommand(input as DeleteItemCommandInput), options),
  },
};

/** As Step Functions names them: modelled errors by their name, all others of the service by the SDK's base class. */
function dynamodbError(error: unknown): StateError {
  if (!(error instanceof DynamoDBServiceException)) {
    return new StateError(
      'DynamoDB.SdkClientException',
      error instanceof Error ? error.message : String(error),
    );
  }
  const modelled = Object.getPrototypeOf(error) !== DynamoDBServiceException.prototype;
  const { httpStatusCode, requestId } = error.$metadata;
  return new StateError(
    modelled ? `DynamoDB.${error.name}` : 'DynamoDB.AmazonDynamoDBException',
    `${error.message} (Service: DynamoDb, Status Code: ${httpStatusCode}, Request ID: ${requestId})`,
  );
}

/** Binary attributes cross as base64; the SDK gives bytes. */
function asJson(value: unknown): JsonObject {
  return JSON.parse(
    JSON.stringify(value, function (this: Record<string, unknown>, key: string, field: unknown) {
      const raw = this[key];
      return raw instanceof Uint8Array ? Buffer.from(raw).toString('base64') : field;
    }),
  );
}

export const dynamodbIntegrations: Readonly<Record<string, Integration>> = Object.fromEntries(
  Object.entries(OPERATIONS).map(([resource, { required, optional, send }]) => [
    `arn:aws:states:::dynamodb:${resource}`,
    {
      resourceType: 'dynamodb',
      resource,
      required,
      optional,
      async run(parameters, { services, signal }) {
        try {
          const { $metadata, ...output } = await send(services.dynamodb, parameters, { abortSignal: signal });
          return {
            ...asJson(output),
            SdkHttpMetadata: { HttpStatusCode: $metadata.httpStatusCode },
            SdkResponseMetadata: { RequestId: $metadata.requestId },
          };
        } catch (error) {
          throw dynamodbError(error);
        }
      },
    } satisfies Integration,
  ]),
);
