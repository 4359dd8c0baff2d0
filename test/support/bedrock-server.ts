import { createHash, createHmac } from 'node:crypto';
import type http from 'node:http';
import { buffer } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { listenOnLoopback } from '../../local/access/loopback.ts';
import type { MessageRequest } from '../../local/model/conversation.ts';
import { messageEvents } from '../../local/model/message-events.ts';
import { type Answer, messageOf } from '../../local/model/reply.ts';

/** What a task's role gives, for a while: the server knows the secret and checks each signature with it. */
const ROLE = {
  AccessKeyId: 'ASIATASKROLE',
  SecretAccessKey: 'secret-of-the-role',
  Token: 'token-of-the-role',
};

/** Bedrock's own errors: before the answer with a status, or as a frame of the stream. */
export type BedrockReply =
  | Answer
  | { status: number; errorType: string; message: string }
  | { exception: string; message: string };

export type BedrockServer = {
  url: string;
  /** `AWS_CONTAINER_CREDENTIALS_FULL_URI`: where a task finds its role's credentials. */
  credentialsUrl: string;
  requests: { model: string; body: Record<string, unknown>; headers: http.IncomingHttpHeaders }[];
  close(): Promise<void>;
};

/**
 * InvokeModelWithResponseStream of Amazon Bedrock on loopback, with the binary encoding of event streams and the check
 * of AWS Signature Version 4 written out here, so that the client's own libraries do not prove themselves.
 */
export async function startBedrock(replies: readonly BedrockReply[]): Promise<BedrockServer> {
  const requests: BedrockServer['requests'] = [];
  const server = await listenOnLoopback(
    (request, response) => {
      void answer(request, response).catch((error: Error) => {
        response.writeHead(500, { 'x-amzn-errortype': 'InternalFailure' });
        response.end(JSON.stringify({ message: `the test's server: ${error.stack}` }));
      });
    },
    { access: 'anyone', name: 'Bedrock' },
  );

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    if (request.url === '/credentials') {
      const Expiration = new Date(Date.now() + 3_600_000).toISOString();
      response.end(JSON.stringify({ ...ROLE, Expiration }));
      return;
    }
    const raw = await buffer(request);
    const model = /^\/model\/([^/]+)\/invoke-with-response-stream$/.exec(request.url!)?.[1];
    const refuse = (status: number, errorType: string, message: string) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': errorType });
      response.end(JSON.stringify({ message }));
    };
    if (request.method !== 'POST' || !model)
      return refuse(404, 'UnknownOperationException', `${request.method} ${request.url}`);
    const wrong = signatureFault(request, raw);
    if (wrong) return refuse(403, 'InvalidSignatureException', wrong);
    const body = JSON.parse(raw.toString()) as Record<string, unknown>;
    requests.push({ model: decodeURIComponent(model), body, headers: request.headers });
    const reply = replies[requests.length - 1];
    if (!reply) return refuse(400, 'ValidationException', 'the script is over');
    if ('status' in reply) return refuse(reply.status, reply.errorType, reply.message);

    response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream' });
    if ('exception' in reply) {
      const payload = JSON.stringify({ message: reply.message });
      response.end(frame({ ':message-type': 'exception', ':exception-type': reply.exception }, payload));
      return;
    }
    // Bedrock's answers name the model without its profile.
    const plain = { ...body, model: 'claude-sonnet-5-5' } as unknown as MessageRequest;
    const usage = { input_tokens: 0, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 };
    for (const event of messageEvents(messageOf(reply, plain, { ...usage, cache_creation: null }))) {
      if (event.type === 'ping') continue;
      const payload = JSON.stringify({ bytes: Buffer.from(JSON.stringify(event)).toString('base64') });
      response.write(frame({ ':message-type': 'event', ':event-type': 'chunk' }, payload));
    }
    response.end();
  }

  return {
    url: server.url,
    credentialsUrl: `${server.url}/credentials`,
    requests,
    close: server.close,
  };
}

/** `vnd.amazon.eventstream`: lengths, their checksum, headers of strings, payload, checksum of all. */
function frame(headers: Record<string, string>, payload: string): Buffer {
  const encoded = Buffer.concat(
    Object.entries({ ...headers, ':content-type': 'application/json' }).map(([name, value]) => {
      const length = Buffer.alloc(3);
      length.writeUInt8(7);
      length.writeUInt16BE(Buffer.byteLength(value), 1);
      return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)]);
    }),
  );
  const body = Buffer.from(payload);
  const prelude = Buffer.alloc(12);
  prelude.writeUInt32BE(16 + encoded.length + body.length);
  prelude.writeUInt32BE(encoded.length, 4);
  prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8);
  const message = Buffer.concat([prelude, encoded, body]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(message));
  return Buffer.concat([message, checksum]);
}

/** Why AWS would refuse the request's signature; undefined where it is the role's. */
function signatureFault({ method, url, headers }: http.IncomingMessage, body: Buffer): string | undefined {
  const signed =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? '',
    );
  if (!signed) return `no signature: ${headers.authorization}`;
  const [, keyId, date, region, service, names, signature] = signed as unknown as string[];
  if (keyId !== ROLE.AccessKeyId || headers['x-amz-security-token'] !== ROLE.Token)
    return 'not the credentials of the role';
  if (service !== 'bedrock') return `signed for ${service}`;
  const [path, query = ''] = url!.split('?') as [string, string?];
  // Every service but S3 signs the path as it is on the wire, encoded once more.
  const canonicalPath = path.split('/').map(encodeURIComponent).join('/');
  const canonicalHeaders = names!
    .split(';')
    .map((name) => `${name}:${String(headers[name]).trim().replace(/ +/g, ' ')}\n`)
    .join('');
  const request = [method, canonicalPath, query, canonicalHeaders, names, sha256(body)].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', headers['x-amz-date'], scope, sha256(request)].join('\n');
  const key = [date!, region!, service, 'aws4_request'].reduce<Buffer | string>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    `AWS4${ROLE.SecretAccessKey}`,
  );
  const expected = createHmac('sha256', key).update(toSign).digest('hex');
  return expected === signature ? undefined : `signature does not match, for\n${request}`;
}

function sha256(data: Buffer | string): string {
  return createHash('sha256').update(data).digest('hex');
}
