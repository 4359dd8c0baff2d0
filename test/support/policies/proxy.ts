import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LoopbackServer, listenOnLoopback, readBody } from '../../../local/access/loopback.ts';
import { type Call, refusal, type Statement } from './evaluate.ts';
import { callsOf, functionOf, parseAuthorization } from './requests.ts';

/** By the access key id, which is the role's logical id: every role has its own. */
export type Roles = ReadonlyMap<string, readonly Statement[]>;
/** `session` is the policy that the credentials were issued with: what both it and the role allow is allowed. */
export type Seen = { role: string; call: Call; session?: readonly Statement[] };

export type PolicyProxyOptions = {
  /** The statements of a session's policy. */
  sessionStatements(policy: string): readonly Statement[];
  /** Functions that may be invoked, by name. What they throw is their FunctionError. */
  invoke(name: string, payload: unknown): Promise<unknown>;
};

export type PolicyProxy = {
  url: string;
  /** The same, for STS and SNS. */
  stsUrl: string;
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
export function judge(roles: Roles, { role, call, session }: Seen): string | undefined {
  const statements = roles.get(role);
  const ofRole = statements ? refusal(statements, call) : 'there is no such role';
  const ofSession = session && refusal(session, call);
  const why = ofRole ?? (ofSession && `by the policy of its session, ${ofSession}`);
  return why && `${role} may not ${call.action} on ${call.resource}: ${why}`;
}

/** AWS as its clients see it where IAM holds: each call is judged by its role's policy, and an allowed one goes on. */
export async function startPolicyProxy(roles: Roles, options: PolicyProxyOptions): Promise<PolicyProxy> {
  const sessions = new Map<string, Omit<Seen, 'call'>>();
  const upstreams = new Map<string, string>();
  const seen: Seen[] = [];
  const faults: string[] = [];
  const missing: Seen[] = [];
  const agent = new http.Agent({ keepAlive: true });

  const listener: http.RequestListener = (request, response) => {
    answer(request, response).catch((error: Error) => {
      faults.push(error.message);
      if (response.headersSent) response.destroy();
      else response.writeHead(400).end(error.message);
    });
  };
  const server: LoopbackServer = await listenOnLoopback(listener, { access: 'anyone', name: 'policy proxy' });
  // What STS and SNS are sent is a form, which the guard of loopback refuses.
  const sts = http.createServer(listener).listen(0, '127.0.0.1');
  await once(sts, 'listening');

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
    const who = sessions.get(accessKeyId) ?? { role: accessKeyId };
    const calls = callsOf(asked).map((call) => ({ ...who, call }));
    seen.push(...calls);
    const refused = calls.flatMap((one) => judge(roles, one) ?? []);
    if (refused.length > 0) {
      faults.push(...refused);
      return deny(response, service, refused[0]!);
    }
    if (service === 'sts') return assumeRole(response, new URLSearchParams(body.toString()));
    if (service === 'sns') return published(response);
    if (service === 'lambda')
      return invoke(response, functionOf(asked.url), JSON.parse(body.toString() || '{}'));
    const upstream = upstreams.get(service);
    if (!upstream) throw new Error(`There is no ${service} behind this proxy yet.`);
    const answered = await forward(upstream, request, body);
    // S3 tells 404 only to those who may list the bucket; to others a missing object is 403.
    if (service === 's3' && asked.method === 'GET' && answered.statusCode === 404) {
      const resource = calls[0]!.call.resource.replace(/\/.*$/s, '');
      const list = { ...who, call: { action: 's3:ListBucket', resource, context: {} } };
      if (judge(roles, list)) {
        answered.resume();
        missing.push(calls[0]!);
        return deny(response, service, 'Access Denied');
      }
    }
    response.writeHead(answered.statusCode!, answered.headers);
    answered.pipe(response);
  }

  /** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
  function assumeRole(response: http.ServerResponse, form: URLSearchParams): void {
    const policy = form.get('Policy')!;
    const seconds = Number(form.get('DurationSeconds'));
    const name = form.get('RoleSessionName')!;
    // A role that a role assumes has an hour at most.
    if (policy.length > 2048 || seconds > 3600 || !/^[\w+=,.@-]{2,64}$/.test(name))
      throw new Error(
        `STS takes no policy of ${policy.length} characters for ${seconds} s under the name ${name}.`,
      );
    const accessKeyId = `ASIA${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`;
    const role = form.get('RoleArn')!.split('/').at(-1)!;
    sessions.set(accessKeyId, { role, session: options.sessionStatements(policy) });
    const expiration = new Date(Date.now() + seconds * 1000).toISOString();
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(
        `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>${expiration}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      );
  }

  /** https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
  function published(response: http.ServerResponse): void {
    response
      .writeHead(200, { 'content-type': 'text/xml' })
      .end(
        `<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>${randomUUID()}</MessageId></PublishResult></PublishResponse>`,
      );
  }

  /** https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
  async function invoke(response: http.ServerResponse, name: string, payload: unknown): Promise<void> {
    const head = { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST' };
    try {
      const answer = await options.invoke(name, payload);
      response.writeHead(200, head).end(JSON.stringify(answer));
    } catch (error) {
      const { name: errorType, message: errorMessage } = error as Error;
      response
        .writeHead(200, { ...head, 'x-amz-function-error': 'Unhandled' })
        .end(JSON.stringify({ errorType, errorMessage, trace: [] }));
    }
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
    stsUrl: `http://127.0.0.1:${(sts.address() as AddressInfo).port}`,
    upstreams,
    seen,
    faults,
    missing,
    async close() {
      agent.destroy();
      sts.closeAllConnections();
      sts.close();
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
