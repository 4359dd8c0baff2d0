import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { closeOnce } from '../ending.ts';
import { type Figure, interleave, type Log, type Row, row, type Unit } from '../figure.ts';
import { plainEnvironment } from '../measured-process.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';

const SERVER = fileURLToPath(new URL('server.ts', import.meta.url));
const ROUNDS = 3;
const SECONDS_A_ROUND = 2;
const FEW = 10;
const MANY = 10_000;
/** The goal: with 10,000 jobs and repositories, a list and a job take at most this many times as long as with 10. */
const MAX_GROWTH = 1.5;

const RATE: Unit = { name: 'requests/s', digits: 0 };
const MILLISECONDS: Unit = { name: 'ms', digits: 2 };

/** The polls of a page, by what they show. Rows of a large job are the only answer that may grow, by their bytes. */
const ROUTES = [
  { name: 'GET /jobs', path: () => '/jobs', mayGrow: false },
  { name: 'GET /jobs/{jobId}?limit=0', path: (jobId: string) => `/jobs/${jobId}?limit=0`, mayGrow: false },
  { name: 'GET /jobs/{jobId}?limit=10', path: (jobId: string) => `/jobs/${jobId}?limit=10`, mayGrow: false },
  { name: 'GET …/rows', path: (jobId: string) => `/jobs/${jobId}/rows`, mayGrow: true },
  {
    name: 'GET …/repositories/{owner}/{name}',
    path: (jobId: string) => `/jobs/${jobId}/repositories/acme/r00003`,
    mayGrow: false,
  },
] as const;

type Server = { api: string; control: string; jobId: string };
type Answer = { bytes: number; etag: string | undefined; body: Buffer };

/** Measures requests a second, bytes and read units of each route that is polled, in a small and in a large store. */
export function measureApi(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    log(`api: stores of ${FEW} and of ${MANY} jobs, and a job of as many repositories in each`);
    const few = await startServer(FEW, path.join(folder, 'few'));
    const many = await startServer(MANY, path.join(folder, 'many'));
    const rows: Row[] = [];
    const before = (await readings(many)).memory;
    for (const { name, path: pathOf, mayGrow } of ROUTES) {
      log(`api: ${name}`);
      const [fewPath, manyPath] = [pathOf(few.jobId), pathOf(many.jobId)];
      // Unmeasured, so that both processes are warm.
      for (const [server, at] of [
        [few, fewPath],
        [many, manyPath],
      ] as const)
        for (let i = 0; i < 20; i++) await get(server.api + at);
      rows.push(...(await poll(name, few, fewPath, many, manyPath)));
      for (const connections of [1, 32]) {
        const answer = await get(few.api + fewPath);
        const floor = await startFloor(answer.body);
        const [ours, bare] = await interleave(ROUNDS, [
          () => rate(few.api + fewPath, connections),
          () => rate(floor.url, connections),
        ]);
        floor.close();
        rows.push(row(`${name}, ${connections} connections`, RATE, ours!, { floor: bare! }));
      }
      const [grown, small] = await interleave(ROUNDS, [
        () => latency(many.api + manyPath),
        () => latency(few.api + fewPath),
      ]);
      rows.push(
        row(`${name}, time with ${MANY.toLocaleString('en')}`, MILLISECONDS, grown!, {
          floor: small!,
          ...(!mayGrow && { maxRatio: MAX_GROWTH }),
        }),
      );
    }
    const after = (await readings(many)).memory;
    rows.push({
      quantity: `memory of the process with ${MANY.toLocaleString('en')}, after all of these`,
      value: `${Math.round(after / 2 ** 20)} MiB`,
      floor: `${Math.round(before / 2 ** 20)} MiB before`,
      ratio: (after / before).toFixed(2),
    });
    return {
      title: 'Polling the API',
      method: [
        `The handler of the API behind the local HTTP server, over dynalite in the same process; the store has ${FEW} ended jobs, or ${MANY.toLocaleString('en')}, and its first job has as many repositories. Requests accept gzip. The floor of requests a second is a bare HTTP server that answers the same bytes; that of a time is the store with ${FEW}. Medians of ${ROUNDS} interleaved rounds of ${SECONDS_A_ROUND} s.`,
        'Bytes are of a body as it is sent, with none for a 304. Read units are what DynamoDB would charge for the answer by ConsumedCapacity; a 304 reads the same. The floor of both is the store with few.',
      ],
      rows,
    };
  });
}

async function poll(
  name: string,
  few: Server,
  fewPath: string,
  many: Server,
  manyPath: string,
): Promise<Row[]> {
  const measure = async (server: Server, at: string) => {
    await readings(server);
    const { bytes, etag } = await get(server.api + at);
    const { units, calls } = await readings(server);
    const again = etag ? (await get(server.api + at, etag)).bytes : bytes;
    return { bytes, units, calls, again };
  };
  const small = await measure(few, fewPath);
  const large = await measure(many, manyPath);
  return [
    {
      quantity: `${name}, a poll`,
      value: `${large.bytes.toLocaleString('en')} bytes, ${large.units} units, ${large.calls} calls`,
      spread: large.again === large.bytes ? 'no ETag' : `${large.again} bytes unchanged`,
      floor: `${small.bytes.toLocaleString('en')} bytes, ${small.units} units, ${small.calls} calls`,
    },
  ];
}

/** The API in a process of its own, over so many jobs and repositories; with the page, if the file of a patch is given. */
export async function startServer(count: number, folder: string, patch?: string): Promise<Server> {
  const child: ChildProcess = spawn(
    process.execPath,
    [SERVER, String(count), String(count), folder, ...(patch ? [patch] : [])],
    {
      env: { ...plainEnvironment() },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(child, 'exit');
  closeOnce(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout! })) return JSON.parse(line) as Server;
  throw new Error('The API of the bench did not start. Run bench/api/server.ts by hand to see why.');
}

async function readings({ control }: Server): Promise<{ units: number; calls: number; memory: number }> {
  const response = await fetch(control, { method: 'POST' });
  return (await response.json()) as { units: number; calls: number; memory: number };
}

const kept = new http.Agent({ keepAlive: true });

/** Bytes as they are sent: `fetch` would decompress them. */
function get(url: string, etag?: string, agent = kept): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': 'gzip', ...(etag && { 'if-none-match': etag }) };
    http
      .get(url, { agent, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('end', () => {
          const body = Buffer.concat(parts);
          if (![200, 304].includes(response.statusCode!))
            return reject(new Error(`${url} answered ${response.statusCode}: ${body}`));
          resolve({ body, bytes: body.length, etag: response.headers.etag });
        });
      })
      .on('error', reject);
  });
}

async function rate(url: string, connections: number): Promise<number> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const start = performance.now();
  const end = start + SECONDS_A_ROUND * 1000;
  let answered = 0;
  const connection = async () => {
    for (; performance.now() < end; answered++) await get(url, undefined, agent);
  };
  await Promise.all(Array.from({ length: connections }, connection));
  const seconds = (performance.now() - start) / 1000;
  agent.destroy();
  return answered / seconds;
}

async function latency(url: string): Promise<number> {
  return 1000 / (await rate(url, 1));
}

async function startFloor(body: Buffer): Promise<{ url: string; close(): void }> {
  const server = http.createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}
