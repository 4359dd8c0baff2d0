import { once } from 'node:events';
import http from 'node:http';
import { UsageError } from '../../core/errors.ts';

/** Where a browser returns to after a sign-in. */
export type Callback = { address: string; url: Promise<URL>; close(): void };

/** Listens at the first of the addresses whose port is free. */
export async function waitForCallback(addresses: readonly string[]): Promise<Callback> {
  for (const address of addresses) {
    const expected = new URL(address);
    const { promise, resolve } = Promise.withResolvers<URL>();
    const server = http.createServer((request, response) => {
      const url = new URL(request.url ?? '/', address);
      if (url.pathname !== expected.pathname) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
      response.end('You are signed in. Close this page and return to the terminal.\n');
      resolve(url);
    });
    try {
      server.listen(Number(expected.port), '127.0.0.1');
      await once(server, 'listening');
      return { address, url: promise, close: () => void server.close() };
    } catch {
      // The next address is tried.
    }
  }
  throw new UsageError(
    `The ports ${addresses.map((address) => new URL(address).port).join(', ')} are all in use, and the browser returns to one of them. End a program that uses one.`,
  );
}
