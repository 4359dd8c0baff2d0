import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type http from 'node:http';
import path from 'node:path';
import { type LoopbackServer, listenOnLoopback, readBody } from '../../../local/access/loopback.ts';

export type InstanceOptions = {
  name: string;
  /** What the function's code is, and all that it has. */
  folder: string;
  handler: string;
  /** The whole environment but what Lambda itself sets. */
  environment: Record<string, string>;
  /** Where the function's output goes, as CloudWatch has it. */
  logFile: string;
};

type Invocation = {
  id: string;
  payload: unknown;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
};

const BOOTSTRAP = path.join(import.meta.dirname, 'bootstrap.mjs');
/** The most that Lambda takes of an invocation and gives of an answer. */
const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** A function's execution environment: one process, one invocation at a time, and the Runtime API that it asks for more. */
export class Instance {
  readonly #waiting: Invocation[] = [];
  readonly #underWay = new Map<string, Invocation>();
  readonly #asking: http.ServerResponse[] = [];
  readonly #server: LoopbackServer;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #failure: Error | undefined;

  private constructor(server: LoopbackServer, child: ChildProcess) {
    this.#server = server;
    this.#child = child;
    this.#ended = once(child, 'exit').then(([code, signal]) => {
      this.#fail(new Error(`RequestId: Error: Runtime exited with ${code ?? signal}`));
    });
  }

  static async start(options: InstanceOptions): Promise<Instance> {
    let instance: Instance | undefined;
    const server = await listenOnLoopback((request, response) => void instance?.answer(request, response), {
      access: 'anyone',
      name: 'lambda',
    });
    const log = openSync(options.logFile, 'a');
    const child = spawn(process.execPath, [BOOTSTRAP], {
      cwd: options.folder,
      stdio: ['ignore', log, log],
      env: {
        // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        AWS_LAMBDA_FUNCTION_NAME: `cody-batch-dev-${options.name}`,
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
        AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${server.port}`,
        AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
        LAMBDA_TASK_ROOT: options.folder,
        _HANDLER: options.handler,
        TZ: ':UTC',
        LANG: 'en_US.UTF-8',
        PATH: '/nothing',
        ...options.environment,
      },
    });
    closeSync(log);
    instance = new Instance(server, child);
    return instance;
  }

  /** Throws an error under the name that the function's own had, as Step Functions reads it. */
  invoke(payload: unknown): Promise<unknown> {
    if (this.#failure) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ id: randomUUID(), payload, resolve, reject });
      this.#giveNext();
    });
  }

  /** The Runtime API. */
  async answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const [, what, id, end] =
      /^\/2018-06-01\/runtime\/(invocation|init)\/([\w-]+)(?:\/(\w+))?$/.exec(request.url ?? '') ?? [];
    if (request.method === 'GET' && id === 'next') {
      this.#asking.push(response);
      this.#giveNext();
      return;
    }
    const body = await readBody(request, MAX_PAYLOAD_BYTES);
    if (!body) {
      response.writeHead(413).end();
      return;
    }
    const value = JSON.parse(body.toString());
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}');
    if (what === 'init') {
      this.#fail(errorOf(value));
      return;
    }
    const invocation = this.#underWay.get(id!);
    this.#underWay.delete(id!);
    if (end === 'response') invocation?.resolve(value);
    else invocation?.reject(errorOf(value));
  }

  #giveNext(): void {
    if (this.#waiting.length === 0 || this.#asking.length === 0) return;
    const invocation = this.#waiting.shift()!;
    this.#underWay.set(invocation.id, invocation);
    this.#asking
      .shift()!
      .writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': invocation.id,
        'lambda-runtime-deadline-ms': String(Date.now() + TIMEOUT_MS),
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:us-east-1:000000000000:function:one',
        'lambda-runtime-trace-id': 'Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0',
      })
      .end(JSON.stringify(invocation.payload));
  }

  #fail(failure: Error): void {
    this.#failure ??= failure;
    for (const { reject } of [...this.#waiting, ...this.#underWay.values()]) reject(this.#failure);
    this.#waiting.length = 0;
    this.#underWay.clear();
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
    await this.#server.close();
  }
}

function errorOf({
  errorType,
  errorMessage,
  trace,
}: {
  errorType: string;
  errorMessage: string;
  trace?: string[];
}): Error {
  return Object.assign(new Error(errorMessage), { name: errorType, stack: trace?.join('\n') });
}
