/** The thread that `startDynamoDB` starts. It has the embedded store and its server. */
import { parentPort, workerData } from 'node:worker_threads';
import dynalite from 'dynalite';
import type { Access } from '../access/access.ts';
import { awsSignature } from '../access/aws-signature.ts';
import { listenOnLoopback } from '../access/loopback.ts';

export type ThreadInput = { path: string | undefined; port: number; access: Access };
export type ThreadMessage =
  | { listening: { url: string; port: number } }
  | { failed: { code?: string; message: string } };

const { path, port, access } = workerData as ThreadInput;
const post = (message: ThreadMessage) => parentPort!.postMessage(message);

try {
  const server = await listenOnLoopback(dynalite({ path, createTableMs: 0 }), {
    name: 'dynamodb',
    port,
    access,
    proof: awsSignature,
  });
  post({ listening: { url: server.url, port: server.port } });
  parentPort!.once('message', async () => {
    await server.close();
    parentPort!.close();
  });
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  post({ failed: { code, message } });
}
