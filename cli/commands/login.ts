import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { storeTokens } from '../connect/contexts.ts';
import { issuerOf } from '../connect/issuer.ts';
import { signIn } from '../connect/sign-in.ts';
import { TARGET_OPTIONS, type TargetOptions, targetOf } from '../connect/target.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { print } from '../terminal/print.ts';

export const login = describeCommand('login', {
  summary: 'signs in at a deployment',
  description:
    'Signs in at a deployment in your browser (OIDC, code flow with PKCE), and keeps the token for this user alone. Issuer and client come from the config.json of the page, or from the outputs of the stack by --issuer and --client-id.',
  examples: [
    ['login --context prod', 'in the browser'],
    ['login --api https://API --issuer https://ISSUER --client-id ID', 'without a page'],
    ['login --context prod --no-browser', 'prints the address, for a machine without a browser'],
  ],
})
  .addOption(new Option('--issuer <url>', 'the OIDC issuer'))
  .addOption(new Option('--client-id <id>', 'the client of people'))
  .addOption(new Option('--device', 'signs in with a code on another device, if the issuer can'))
  .addOption(new Option('--no-browser', 'opens no browser, and takes the address that it ends at'));
for (const option of TARGET_OPTIONS()) login.addOption(option);

type Options = TargetOptions & { issuer?: string; clientId?: string; device?: boolean; browser: boolean };

onRun<Options>(login, async (options) => {
  const target = targetOf(options);
  if (target.kind === 'data') {
    throw new UsageError('This machine needs no sign-in. Name a deployment by --api or --context.');
  }
  const issuer = await issuerOf(target.url, options);
  const way = options.device ? 'device' : options.browser ? 'browser' : 'address';
  await storeTokens(target.url, await signIn(issuer, way));
  print(`Signed in at ${target.url}.\n`);
});
