import { Argument } from 'commander';
import { describeCommand, onRun } from '../frame/command.ts';
import { COMPLETION_SCRIPTS } from '../frame/completion-scripts.ts';
import { print } from '../terminal/print.ts';

export const completion = describeCommand('completion', {
  summary: 'prints a completion script for bash, zsh or fish',
  examples: [
    ['completion bash > ~/.local/share/bash-completion/completions/cody-batch', 'for bash'],
    ['completion zsh > "${fpath[1]}/_cody-batch"', 'for zsh'],
    ['completion fish > ~/.config/fish/completions/cody-batch.fish', 'for fish'],
  ],
}).addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(COMPLETION_SCRIPTS)));

onRun(completion, async (_options, shell: string) => {
  print(COMPLETION_SCRIPTS[shell]!);
});
