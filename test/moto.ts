/**
 * `npm run test:moto`: tables and artifacts judged by moto, an independent DynamoDB and S3, and the template by cfn-lint,
 * both installed for this run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { installAwsCli } from './support/aws-cli.ts';
import { installPythonTools } from './support/python-tools.ts';
import { PLAIN_ENVIRONMENT, ROOT } from './support/stack.ts';

/**
 * One request at a time: moto's own command serves each in a thread without a lock, so that two conditional writes of
 * one item could both hold, which DynamoDB rules out.
 */
const SERVE = `
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
`;

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`Nothing was judged by moto and cfn-lint. ${error.message}\n`);
  return 1;
});

async function main(args: readonly string[]): Promise<number> {
  const python = await installPythonTools();
  try {
    const server = spawn(python.program('python'), ['-c', SERVE], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(server, 'close');
    try {
      const judges = {
        MOTO_URL: await addressOf(server),
        CFN_LINT: python.program('cfn-lint'),
        SCHEMATHESIS: python.program('schemathesis'),
        PYTHON: python.program('python'),
        AWS_CLI: await installAwsCli(python.folder, python.program('python')),
      };
      return await judge(judges, args);
    } finally {
      server.kill();
      await ended;
    }
  } finally {
    await python.remove();
  }
}

/** The address that the server prints once it listens. */
async function addressOf(server: ChildProcess): Promise<string> {
  const printed: string[] = [];
  for await (const line of createInterface({ input: server.stderr! })) {
    printed.push(line);
    const url = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(line)?.[1];
    // Read on, or the pipe fills.
    if (url) server.stderr!.resume();
    if (url) return url;
  }
  throw new Error(`moto ended before it listened: ${printed.join('\n')}`);
}

async function judge(judges: Record<string, string>, args: readonly string[]): Promise<number> {
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = spawn(process.execPath, [...flags, 'node_modules/jest/bin/jest.js', ...args], {
    cwd: ROOT,
    env: { ...PLAIN_ENVIRONMENT, TEST_TIER: 'moto', ...judges },
    stdio: 'inherit',
  });
  const [status] = (await once(jest, 'close')) as [number | null];
  return status ?? 1;
}
