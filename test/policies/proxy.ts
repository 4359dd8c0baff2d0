import http from 'node:http';
import { type LoopbackServer, listenOnLoopback, readBody } from '../../local/loopback.ts';
import { type Call, refusal, type Statement } from './evaluate.ts';
import { callsOf, parseAuthorization } from './requests.ts';

/** By the access key id, which is the role's logical id: every role has its own. */
export type Roles = ReadonlyMap<string, readonly Statement[]>;
export type Seen = { role: string; call: Call };

export type PolicyProxy = {
  url: string;
  /** Where requests of a service go on to, by the service's name in the signature. */
  upstreams: Map<string, string>;
  seen: readonly Seen[];
  /** Objects that are not there, of which one who may not list is told 403. */
  missing: readonly Seen[];
  /** What was refused, and what could not be judged, in words. */
  faults: readonly string[];
  close(): Promise<void>;
};

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** Why the role may not do it, in words; undefined where it may. */
export function judge(roles: Roles, { role, call }: Seen): string | undefined {
  const statements = roles.get(role);
  const why = statements ? refusal(statements, call) : 'there is no such role';
  return why && `${role} may not ${call.action} on ${call.resource}: ${why}`;
}

/** AWS as its clients see it where IAM holds: each call is judged by its role's policy, and an allowed one goes on. */
export async function startPolicyProxy(roles: Roles): Promise<PolicyProxy> {
  const upstreams = new Map<string, string>();
  const seen: Seen[] = [];
  const faults: string[] = [];
  const missing: Seen[] = [];
  const agent = new http.Agent({ keepAlive: true });

  const server: LoopbackServer = await listenOnLoopback(
    (request, response) => {
      answer(request, response).catch((error: Error) => {
        faults.push(error.message);
        if (response.headersSent) response.destroy();
        else response.writeHead(400).end(error.message);
      });
    },
    { access: 'anyone', name: 'policy proxy' },
  );

  async function answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const body = await readBody(request, MAX_BODY_BYTES);
    if (!body) throw new Error(`${request.method} ${request.url} is too long for this proxy.`);
    const { accessKeyId, service } = parseAuthorization(request.headers.authorization);
    const asked = {
      service,
      method: request.method!,
      url: new URL(request.url!, 'http://aws'),
      target: request.headers['x-amz-target'] as string | undefined,
      body,
    };
    const calls = callsOf(asked).map((call) => ({ role: accessKeyId, call }));
    seen.push(...calls);
    const refused = calls.flatMap((one) => judge(roles, one) ?? []);
    if (refused.length > 0) {
      faults.push(...refused);
      return deny(response, service, refused[0]!);
    }
    const upstream = upstreams.get(service);
    if (!upstream) throw new Error(`There is no ${service} behind this proxy yet.`);
    const answered = await forward(upstream, request, body);
    // S3 tells 404 only to those who may list the bucket; to others a missing object is 403.
    if (service === 's3' && asked.method === 'GET' && answered.statusCode === 404) {
      const resource = calls[0]!.call.resource.replace(/\/.*$/s, '');
      const list = { role: accessKeyId, call: { action: 's3:ListBucket', resource, context: {} } };
      if (judge(roles, list)) {
        answered.resume();
        missing.push(calls[0]!);
        return deny(response, service, 'Access Denied');
      }
    }
    response.writeHead(answered.statusCode!, answered.headers);
    answered.pipe(response);
  }

  function forward(upstream: string, request: http.IncomingMessage, body: Buffer) {
    return new Promise<http.IncomingMessage>((resolve, reject) => {
      const { host } = new URL(upstream);
      http
        .request(new URL(request.url!, upstream), {
          method: request.method,
          headers: { ...request.headers, host },
          agent,
        })
        .once('response', resolve)
        .once('error', reject)
        .end(body);
    });
  }

  return {
    url: server.url,
    upstreams,
    seen,
    faults,
    missing,
    async close() {
      agent.destroy();
      await server.close();
    },
  };
}

function deny(response: http.ServerResponse, service: string, message: string): void {
  if (service === 's3')
    response
      .writeHead(403, { 'content-type': 'application/xml' })
      .end(`<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`);
  else
    response
      .writeHead(service === 'batch' ? 403 : 400, {
        'content-type': 'application/x-amz-json-1.0',
        'x-amzn-errortype': 'AccessDeniedException',
      })
      .end(JSON.stringify({ __type: 'AccessDeniedException', message }));
}
