import http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { listenOnLoopback } from '../../local/access/loopback.ts';

/**
 * What happens to a call: `dropped` closes the connection before the call is carried out, `refused` answers an error, and
 * `throttled` one that clients try again.
 */
export type DynamoDBFate = 'answered' | 'dropped' | 'refused' | 'throttled';

export type DynamoDBProxy = {
  /** For DYNAMODB_ENDPOINT. */
  readonly url: string;
  /** The operations that were carried out, such as `UpdateItem`. */
  readonly carriedOut: string[];
  /** The operations that were throttled. */
  readonly throttled: string[];
  /** Decides the fate of each call from now on, by its operation. */
  decide(fate: (operation: string) => DynamoDBFate): void;
  close(): Promise<void>;
};

/** A proxy between the product and its tables that fails the calls that a test chooses. */
export async function startDynamoDBProxy(dynamoDbUrl: string): Promise<DynamoDBProxy> {
  const carriedOut: string[] = [];
  const throttled: string[] = [];
  let fateOf: (operation: string) => DynamoDBFate = () => 'answered';
  const { host } = new URL(dynamoDbUrl);

  async function pass(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await buffer(request);
    const operation = String(request.headers['x-amz-target']).replace(/^.*\./, '');
    const fate = fateOf(operation);
    if (fate === 'dropped') return void response.destroy();
    if (fate === 'refused' || fate === 'throttled') {
      if (fate === 'throttled') throttled.push(operation);
      const answer = fate === 'refused' ? REFUSAL : THROTTLED;
      response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(answer);
      return;
    }
    carriedOut.push(operation);
    const forwarded = http.request(
      dynamoDbUrl,
      { method: request.method, path: request.url, headers: { ...request.headers, host } },
      (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    forwarded.on('error', (error) => response.destroy(error)).end(body);
  }

  const server = await listenOnLoopback(
    (request, response) => {
      pass(request, response).catch((error: Error) => response.destroy(error));
    },
    { access: 'anyone', name: 'dynamodb proxy' },
  );
  return {
    url: server.url,
    carriedOut,
    throttled,
    decide(fate) {
      fateOf = fate;
    },
    close: server.close,
  };
}

/** An error that no client retries. */
const REFUSAL = JSON.stringify({
  __type: 'com.amazon.coral.service#AccessDeniedException',
  message: 'not authorized, says the test',
});

const THROTTLED = JSON.stringify({
  __type: 'com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException',
  message: 'The level of configured provisioned throughput for the table was exceeded.',
});
