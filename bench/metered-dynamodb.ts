import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/** The read and write units that DynamoDB reports as ConsumedCapacity, and the number of calls. */
export type Consumed = { readUnits: number; writeUnits: number; calls: number };

type Command = { input: Record<string, unknown>; constructor: { name: string } };
type Capacity = { CapacityUnits?: number };
type Answer = { ConsumedCapacity?: Capacity | Capacity[] };
type Send = (command: Command, ...rest: unknown[]) => Promise<Answer>;

/** Meters every document client of this process from now on. The function returned answers what was consumed since its last call. */
export function meterDynamoDB(): () => Consumed {
  let consumed = none();
  const { send } = DynamoDBDocumentClient.prototype;
  DynamoDBDocumentClient.prototype.send = async function (
    this: DynamoDBDocumentClient,
    command: Command,
    ...rest: unknown[]
  ) {
    // In place: the client sends this very object.
    Object.assign(command.input, { ReturnConsumedCapacity: 'TOTAL' });
    const answer = await (send as unknown as Send).call(this, command, ...rest);
    const units = [answer.ConsumedCapacity ?? []]
      .flat()
      .reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
    consumed[isRead(command) ? 'readUnits' : 'writeUnits'] += units;
    consumed.calls += 1;
    return answer;
  } as unknown as typeof send;
  return () => {
    const taken = consumed;
    consumed = none();
    return taken;
  };
}

function none(): Consumed {
  return { readUnits: 0, writeUnits: 0, calls: 0 };
}

function isRead(command: Command): boolean {
  return /^(?:Get|BatchGet|Query|Scan)Command$/.test(command.constructor.name);
}
