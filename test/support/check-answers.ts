/**
 * Runs before each test file (jest.config.js): every answer that a test fetches from a path of the API is held against
 * docs/openapi.json, and one that is not as described fails the test that asked for it.
 */
import { afterAll, afterEach } from '@jest/globals';
import { faultOfAnswer } from './described-answers.ts';

/** The first segment of the API's paths; the services of the local stack have none of them. */
const OF_API = /^\/(?:api|health|openapi\.json|me|totals|jobs|repositories|admin)(?:\/|$)/;

const faults: string[] = [];
const plainFetch = globalThis.fetch;

globalThis.fetch = async (input, init) => {
  const response = await plainFetch(input, init);
  const { pathname, hostname } = new URL(input instanceof Request ? input.url : String(input));
  if (hostname !== '127.0.0.1' || !OF_API.test(pathname)) return response;
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  const text = await response
    .clone()
    .text()
    .catch(() => undefined);
  if (text !== undefined) {
    const fault = faultOfAnswer(method, pathname, {
      status: response.status,
      contentType: response.headers.get('content-type'),
      text,
    });
    if (fault) faults.push(fault);
  }
  return response;
};

const report = () => {
  const found = [...new Set(faults.splice(0))];
  if (found.length > 0) throw new Error(`The API answered otherwise than described:\n${found.join('\n')}`);
};
afterEach(report);
afterAll(report);
