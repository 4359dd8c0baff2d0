import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isPublic } from '../../../lambdas/notices/addresses.ts';
import { postNotice } from '../../../lambdas/notices/post.ts';
import { type NoticeReceiver, startNoticeReceiver } from '../../support/notice-receiver.ts';

let receiver: NoticeReceiver;
beforeAll(async () => {
  receiver = await startNoticeReceiver();
});
afterAll(() => receiver.close());

test.each([
  ...['127.0.0.1', '127.9.9.9', '0.0.0.0', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  ...['169.254.169.254', '169.254.170.2', '100.64.0.1', '198.18.0.1', '224.0.0.1', '255.255.255.255'],
  ...['::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', '::ffff:127.0.0.1'],
  ...['::ffff:169.254.169.254', '::ffff:a9fe:a9fe', '0:0:0:0:0:ffff:0a00:0001', '64:ff9b::a9fe:a9fe'],
  ...['2002:7f00:1::', '2001:0:1:2::3', '2001:db8::1'],
])('a webhook at %s would reach into a private network, and is not called', (address) => {
  expect(isPublic(address)).toBe(false);
});

test.each(['1.1.1.1', '172.32.0.1', '169.253.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8'])(
  'a webhook at %s is on the public internet',
  (address) => {
    expect(isPublic(address)).toBe(true);
  },
);

const post = (url: string, allowLoopback: boolean) => postNotice(url, '{}', {}, { allowLoopback });

test.each([
  ['https://127.0.0.1/x', 'not a public address'],
  ['https://[::ffff:127.0.0.1]/x', 'not a public address'],
  ['https://2130706433/x', 'not a public address'],
  ['https://0x7f.1/x', 'not a public address'],
  ['https://169.254.169.254/latest/meta-data', 'not a public address'],
  ['http://example.com/x', 'not reached by https'],
])('%s is refused for good', async (url, why) => {
  await expect(post(url, false)).rejects.toMatchObject({
    name: 'NotDeliveredError',
    isFinal: true,
    message: expect.stringContaining(why),
  });
});

test('a name that leads to this machine is refused when the connection looks it up', async () => {
  await expect(post('https://localhost/x', false)).rejects.toThrow('localhost is not at a public address');
});

test('loopback is called only where the local stack allows it, and other private addresses are not even there', async () => {
  await expect(post(`${receiver.url}/hook`, false)).rejects.toThrow('not reached by https');
  expect(receiver.received).toHaveLength(0);
  await post(`${receiver.url}/hook`, true);
  expect(receiver.received).toHaveLength(1);
  await expect(post('http://10.0.0.1/x', true)).rejects.toThrow('not reached by https');
  await expect(post('https://10.0.0.1/x', true)).rejects.toThrow('not a public address');
});

test('a redirect is not followed, and an error does not repeat the path of the URL', async () => {
  receiver.answer = 302;
  const before = receiver.received.length;
  const failed = post(`${receiver.url}/secret-path`, true);
  await expect(failed).rejects.toThrow('answered 302');
  await expect(failed).rejects.not.toThrow('secret-path');
  expect(receiver.received).toHaveLength(before + 1);
});
