/** The thread that `startDynamoDB` starts. It has the embedded store and its server. */
import { parentPort, workerData } from 'node:worker_threads';
import dynalite from 'dynalite';
import store, { type Item } from 'dynalite/db/index.js';
import { JOB_CHANGES } from '../../core/events.ts';
import type { Access } from '../access/access.ts';
import { awsSignature } from '../access/aws-signature.ts';
import { listenOnLoopback } from '../access/loopback.ts';

export type ThreadInput = { path: string | undefined; port: number; access: Access; streamed: string };
/** A change of an item, as DynamoDB's streams have it. */
export type StreamRecord = { dynamodb: { OldImage?: Item; NewImage?: Item } };
export type ThreadMessage =
  | { changed: StreamRecord }
  | { listening: { url: string; port: number } }
  | { failed: { code?: string; message: string } };

const { path, port, access, streamed } = workerData as ThreadInput;
const isStreamed = (item: Item) =>
  JOB_CHANGES.some((wanted) => Object.entries(wanted).every(([name, value]) => item[name]?.S === value));
const post = (message: ThreadMessage) => parentPort!.postMessage(message);

// The store has no streams. Every write goes through this function, with both images.
const { updateIndexes } = store;
store.updateIndexes = (of, table, before, after, done) =>
  updateIndexes(of, table, before, after, (error) => {
    done(error);
    if (error || table.TableName !== streamed || !after || !isStreamed(after)) return;
    post({
      changed: { dynamodb: { ...(before && { OldImage: before }), NewImage: after } },
    });
  });

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
