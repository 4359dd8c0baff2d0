import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { main } from '../../cli/main.ts';
import { CLIENT, type Issuer, startIssuer } from '../support/command-issuer.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let issuer: Issuer;

beforeAll(async () => {
  folder = await temporaryFolder();
  process.env.CODY_BATCH_CONFIG_DIR = path.join(folder.path, 'config');
  issuer = await startIssuer();
});
beforeEach(async () => {
  await rm(path.join(folder.path, 'config'), { recursive: true, force: true });
  Object.assign(issuer, { refuses: false, lifetime: 3600, tokenAnswers: [], grants: [] });
});
afterAll(async () => {
  delete process.env.CODY_BATCH_CONFIG_DIR;
  await issuer.close();
  await folder.remove();
});

type Session = {
  /** What was printed, as far as it is there. */
  printed(): string;
  /** Waits for text, and returns its first group. */
  sees(expected: RegExp): Promise<string>;
  types(line: string): void;
  ended: Promise<{ status: number; text: string }>;
};

/** Runs the command in this process, as on a terminal whose user types lines. */
function codyBatch(...args: string[]): Session {
  const [output, input] = [new PassThrough(), new PassThrough()];
  let text = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const out = Object.assign(output, { isTTY: true, columns: 2000 });
  const status = main([...args, '--api', issuer.url], {
    ...{ out, err: out },
    in: Object.assign(input, { isTTY: true }),
  });
  return {
    printed: () => text,
    sees: async (expected) => {
      await until(`${expected} on the terminal`, () => expected.test(text));
      return expected.exec(text)![1]!;
    },
    types: (line) => void input.write(`${line}\n`),
    ended: status.then((code) => ({ status: code, text })),
  };
}

const LOGIN = () => ['login', '--issuer', issuer.url, '--client-id', CLIENT];
const ADDRESS = /Sign in at (\S+)/;
const DEVICE = /Open (\S+) and enter/;
const CODE = /enter the code (\S+)\./;
const SIGNED_IN = /^Signed in at /m;

const jobs = () => codyBatch('jobs', '--json').ended;

async function byPaste(change: (address: URL) => void = () => {}) {
  const session = codyBatch(...LOGIN(), '--no-browser');
  const address = new URL(await issuer.browse(await session.sees(ADDRESS)));
  change(address);
  await session.sees(/paste the address/);
  session.types(address.href);
  return session.ended;
}

test('a provider of OpenID Connect signs in by the code flow with PKCE, and the API admits the token', async () => {
  const session = codyBatch(...LOGIN(), '--no-browser');
  const address = await session.sees(ADDRESS);
  expect(new URL(address).searchParams.get('code_challenge_method')).toBe('S256');
  const page = await fetch(await issuer.browse(address));
  expect(await page.text()).toContain('You are signed in');
  expect(await session.ended).toEqual({ status: 0, text: expect.stringMatching(SIGNED_IN) });
  expect(await jobs()).toMatchObject({ status: 0, text: '[]\n' });
});

test('a browser elsewhere: the address that it ends at is pasted, after a line that is none', async () => {
  const session = codyBatch(...LOGIN(), '--no-browser');
  const address = await issuer.browse(await session.sees(ADDRESS));
  await session.sees(/paste the address/);
  session.types('what now?');
  await session.sees(/not such an address: it begins with http:\/\/localhost:52817/);
  session.types(address);
  expect(await session.ended).toEqual({ status: 0, text: expect.stringMatching(SIGNED_IN) });
  expect(await jobs()).toMatchObject({ status: 0 });
});

test.each<[string, (address: URL) => void, RegExp]>([
  ['of another sign-in', (address) => address.searchParams.set('state', 'x'), /is not of this sign-in/],
  [
    'of another issuer',
    (address) => address.searchParams.set('iss', 'https://evil.example'),
    /is not of this sign-in/,
  ],
  ['with a code that is made up', (address) => address.searchParams.set('code', 'x'), /invalid_grant/],
])('an address %s signs no one in', async (_name, change, expected) => {
  const { status, text } = await byPaste(change);
  expect([status, text]).toEqual([2, expect.stringMatching(expected)]);
  expect(await jobs()).toMatchObject({ status: 2, text: expect.stringMatching(/401/) });
});

test.each([
  ['browser', ['--no-browser']],
  ['device', ['--device']],
])('a refusal in the %s is said, with what to do', async (way, options) => {
  issuer.refuses = true;
  const session = codyBatch(...LOGIN(), ...options);
  if (way === 'device') await issuer.enterCode(await session.sees(DEVICE), await session.sees(CODE));
  else await fetch(await issuer.browse(await session.sees(ADDRESS)));
  const { status, text } = await session.ended;
  expect([status, text]).toEqual([2, expect.stringMatching(/failed: access_denied .*Run the command again/)]);
});

test('a device signs in by its code, and asks less often once the provider says that it asks too often', async () => {
  issuer.tokenAnswers = [{ error: 'authorization_pending' }, { error: 'slow_down' }];
  const session = codyBatch(...LOGIN(), '--device');
  await issuer.enterCode(await session.sees(DEVICE), await session.sees(CODE));
  expect(await session.ended).toEqual({ status: 0, text: expect.stringMatching(SIGNED_IN) });
  const [first, second, third] = issuer.grants.map(({ at }) => at);
  // RFC 8628: five seconds more. Timers never fire early, but they count in whole milliseconds.
  expect(third! - second!).toBeGreaterThan(second! - first! + 4000);
  expect(await jobs()).toMatchObject({ status: 0 });
});

test('a code that is entered too late is said to have expired', async () => {
  const isExpired = { status: 2, text: expect.stringMatching(/failed: the code has expired\. .*new code/) };
  issuer.tokenAnswers = [{ error: 'expired_token' }];
  expect(await codyBatch(...LOGIN(), '--device').ended).toEqual(isExpired);
  // A provider that answers "pending" until then.
  issuer.lifetime = 1;
  expect(await codyBatch(...LOGIN(), '--device').ended).toEqual(isExpired);
});

test('a token is renewed before it expires, and a refresh token that is withdrawn asks for a sign-in', async () => {
  // Shorter than the margin before the end.
  issuer.lifetime = 30;
  expect(await byPaste()).toMatchObject({ status: 0 });
  const file = path.join(folder.path, 'config/tokens.json');
  const before = await readFile(file, 'utf8');
  issuer.lifetime = 3600;
  expect(await jobs()).toMatchObject({ status: 0 });
  expect(await jobs()).toMatchObject({ status: 0 });
  expect(issuer.grants.map(({ type }) => type)).toEqual(['authorization_code', 'refresh_token']);
  const after = await readFile(file, 'utf8');
  expect(after).not.toBe(before);

  const stored = JSON.parse(after);
  stored[issuer.url].expiresAt = new Date().toISOString();
  await writeFile(file, JSON.stringify(stored));
  issuer.revoke();
  const { status, text } = await jobs();
  expect([status, text]).toEqual([2, expect.stringMatching(/has expired\. Sign in again: cody-batch login/)]);
});

test('an issuer that is not there, or is another one, is named', async () => {
  const at = (url: string) =>
    codyBatch('login', '--issuer', url, '--client-id', CLIENT, '--no-browser').ended;
  expect(await at('http://127.0.0.1:52816')).toEqual({
    status: 2,
    text: expect.stringMatching(
      /The issuer http:\/\/127\.0\.0\.1:52816 cannot be used: .*ECONNREFUSED.*Check --issuer/,
    ),
  });
  const other = issuer.url.replace('127.0.0.1', 'localhost');
  expect(await at(other)).toMatchObject({ status: 2, text: expect.stringContaining('Check --issuer') });
  const client = codyBatch('login', '--issuer', issuer.url, '--client-id', 'other', '--device');
  expect(await client.ended).toMatchObject({ status: 2, text: expect.stringContaining('check --client-id') });
});
