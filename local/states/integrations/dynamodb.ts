import type { DynamoDBAnswer } from '../dynamodb-protocol.ts';
import { StateError } from '../state-error.ts';
import type { Integration } from './integration.ts';

const EXPRESSION = ['ConditionExpression', 'ExpressionAttributeNames', 'ExpressionAttributeValues'];
const RETURN = [
  'ReturnConsumedCapacity',
  'ReturnItemCollectionMetrics',
  'ReturnValues',
  'ReturnValuesOnConditionCheckFailure',
];

/** By resource name. The API's operation has the same name with a capital letter, and the same parameters. */
const OPERATIONS: Record<string, Pick<Integration, 'required' | 'optional'>> = {
  getItem: {
    required: ['TableName', 'Key'],
    optional: [
      'ConsistentRead',
      'ProjectionExpression',
      'ExpressionAttributeNames',
      'ReturnConsumedCapacity',
    ],
  },
  putItem: {
    required: ['TableName', 'Item'],
    optional: [...EXPRESSION, ...RETURN],
  },
  updateItem: {
    required: ['TableName', 'Key'],
    optional: ['UpdateExpression', ...EXPRESSION, ...RETURN],
  },
  deleteItem: {
    required: ['TableName', 'Key'],
    optional: [...EXPRESSION, ...RETURN],
  },
};

/** The errors in the API's model of these operations. Step Functions gives all others the name of the SDK's base class. */
const MODELLED = new Set([
  'ConditionalCheckFailedException',
  'InternalServerError',
  'InvalidEndpointException',
  'ItemCollectionSizeLimitExceededException',
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'RequestLimitExceeded',
  'ResourceNotFoundException',
  'ThrottlingException',
  'TransactionConflictException',
]);

function serviceError({ status, requestId, body }: DynamoDBAnswer): StateError {
  // `com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException`
  const type = String(body.__type ?? '')
    .split('#')
    .at(-1)!;
  return new StateError(
    MODELLED.has(type) ? `DynamoDB.${type}` : 'DynamoDB.AmazonDynamoDBException',
    `${body.message ?? body.Message ?? type} (Service: DynamoDb, Status Code: ${status}, Request ID: ${requestId})`,
  );
}

export const dynamodbIntegrations: Readonly<Record<string, Integration>> = Object.fromEntries(
  Object.entries(OPERATIONS).map(([resource, { required, optional }]) => [
    `arn:aws:states:::dynamodb:${resource}`,
    {
      resourceType: 'dynamodb',
      resource,
      required,
      optional,
      async run(parameters, { services, signal }) {
        const operation = resource[0]!.toUpperCase() + resource.slice(1);
        const answer = await services.dynamodb.call(operation, parameters, signal).catch((error) => {
          throw new StateError('DynamoDB.SdkClientException', error.message);
        });
        if (answer.status !== 200) throw serviceError(answer);
        return {
          ...answer.body,
          SdkHttpMetadata: { HttpStatusCode: answer.status },
          SdkResponseMetadata: { RequestId: answer.requestId },
        };
      },
    } satisfies Integration,
  ]),
);
