/**
 * `npm run test:moto`: tables and artifacts judged by moto, an independent DynamoDB and S3, and the template by cfn-lint,
 * both installed for this run.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { installAwsCli } from './support/aws-cli.ts';
import { firstLine } from './support/first-line.ts';
import { installPythonTools } from './support/python-tools.ts';
import { PLAIN_ENVIRONMENT, ROOT } from './support/stack.ts';

/**
 * One request at a time: moto's own command serves each in a thread without a lock, so that two conditional writes of
 * one item could both hold, which DynamoDB rules out. The modules are listed once and requests are not logged: both for each
 * request would be a fifth of the server's CPU.
 */
const SERVE = `
import logging
from moto import backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
modules = list(backends.list_of_moto_modules())
backends.list_of_moto_modules = lambda: modules
server = make_server("127.0.0.1", 0, DomainDispatcherApplication(create_backend_app), threaded=False)
logging.getLogger("werkzeug").setLevel(logging.WARNING)
print(f"http://127.0.0.1:{server.port}", flush=True)
server.serve_forever()
`;

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  process.stderr.write(`Nothing was judged by moto and cfn-lint. ${error.message}\n`);
  return 1;
});

async function main(args: readonly string[]): Promise<number> {
  const python = await installPythonTools();
  try {
    const server = spawn(python.program('python'), ['-c', SERVE], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(server, 'close');
    try {
      const judges = {
        // The server prints its address once it listens.
        MOTO_URL: await firstLine(server, 'moto'),
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
