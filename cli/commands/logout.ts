import { forgetTokens } from '../connect/contexts.ts';
import { TARGET_OPTIONS, type TargetOptions, targetOf } from '../connect/target.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { print } from '../terminal/print.ts';

export const logout = describeCommand('logout', {
  summary: 'forgets the token of a deployment',
  examples: [['logout --context prod', 'the token is removed from this machine']],
});
for (const option of TARGET_OPTIONS()) logout.addOption(option);

onRun<TargetOptions>(logout, async (options) => {
  const target = targetOf(options);
  const place = target.kind === 'api' ? target.url : target.folder;
  print((await forgetTokens(place)) ? `Signed out of ${place}.\n` : `There was no sign-in at ${place}.\n`);
});
