import { script } from '@bomb.sh/tab';
import { Argument } from 'commander';
import { BASH_COMPLETION } from '../frame/bash-completion.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { print } from '../terminal/print.ts';

export const completion = describeCommand('completion', {
  summary: 'prints a completion script for bash, zsh or fish',
  examples: [
    ['completion bash > ~/.local/share/bash-completion/completions/cody-batch', 'for bash'],
    ['completion zsh > "${fpath[1]}/_cody-batch"', 'for zsh'],
    ['completion fish > ~/.config/fish/completions/cody-batch.fish', 'for fish'],
  ],
}).addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish']));

onRun(completion, async (_options, shell: string) => {
  if (shell === 'bash') print(BASH_COMPLETION);
  else script(shell, 'cody-batch', 'cody-batch');
});
