import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';

export type ConditionalUpdate = {
  /** Attributes to set; undefined ones are left as they are. */
  set?: Record<string, unknown>;
  add?: Record<string, number>;
  remove?: readonly string[];
  condition: string;
  names?: Record<string, string>;
  values?: Record<string, unknown>;
};

export type ConditionalPut = {
  TableName: string;
  Item: Record<string, unknown>;
  condition: string;
  values?: Record<string, unknown>;
};

/** One conditional update of one item. Returns false if the condition does not hold. */
export async function updateWhere(
  client: DynamoDBDocumentClient,
  item: { TableName: string; Key: Record<string, string> },
  { set = {}, add = {}, remove = [], condition, names = {}, values = {} }: ConditionalUpdate,
): Promise<boolean> {
  const sets = Object.entries(set).filter(([, value]) => value !== undefined);
  const adds = Object.entries(add);
  const clauses = [
    sets.length > 0 && `SET ${sets.map((_, i) => `#s${i} = :s${i}`).join(', ')}`,
    remove.length > 0 && `REMOVE ${remove.map((_, i) => `#r${i}`).join(', ')}`,
    adds.length > 0 && `ADD ${adds.map((_, i) => `#a${i} :a${i}`).join(', ')}`,
  ].filter(Boolean);
  const attributeNames = {
    ...names,
    ...Object.fromEntries(sets.map(([name], i) => [`#s${i}`, name])),
    ...Object.fromEntries(adds.map(([name], i) => [`#a${i}`, name])),
    ...Object.fromEntries(remove.map((name, i) => [`#r${i}`, name])),
  };
  const update = new UpdateCommand({
    ...item,
    UpdateExpression: clauses.join(' '),
    ConditionExpression: condition,
    ExpressionAttributeNames: attributeNames,
    ...valuesOf({
      ...values,
      ...Object.fromEntries(sets.map(([, value], i) => [`:s${i}`, value])),
      ...Object.fromEntries(adds.map(([, value], i) => [`:a${i}`, value])),
    }),
  });
  return conditionHeld(client.send(update));
}

/** One conditional put of one item. Returns false if the condition does not hold. */
export async function putWhere(
  client: DynamoDBDocumentClient,
  { TableName, Item, condition, values = {} }: ConditionalPut,
): Promise<boolean> {
  const put = new PutCommand({ TableName, Item, ConditionExpression: condition, ...valuesOf(values) });
  return conditionHeld(client.send(put));
}

async function conditionHeld(sent: Promise<unknown>): Promise<boolean> {
  try {
    await sent;
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

// DynamoDB refuses an empty map of values.
function valuesOf(values: Record<string, unknown>) {
  return Object.keys(values).length > 0 ? { ExpressionAttributeValues: values } : {};
}
