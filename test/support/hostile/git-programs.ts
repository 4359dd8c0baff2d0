import type { TestFile } from '../worker-stack.ts';
import { CANARIES, type HostileRepository } from './repository.ts';

/** A setting that makes git run `touch canary`, if git reads the tree's configuration during `trigger`. */
type Plant = { has: string; key: string; value?: string; trigger: string; script?: string };

const plants: Plant[] = [
  { has: 'core.fsmonitor', key: 'core.fsmonitor', trigger: 'git status' },
  { has: 'core.hooksPath', key: 'core.hooksPath', value: '$PWD/hooks', trigger: 'git add -f target.txt' },
  { has: 'filter.clean', key: 'filter.planted.clean', trigger: 'git add -f filtered.txt' },
  {
    has: 'filter.smudge',
    key: 'filter.planted.smudge',
    trigger: 'git add -f filtered.txt && rm filtered.txt && git checkout -- filtered.txt',
  },
  { has: 'filter.process', key: 'filter.planted.process', trigger: 'git add -f filtered.txt' },
  {
    has: 'diff.textconv',
    key: 'diff.planted.textconv',
    trigger: 'git add -f target.txt && echo >> target.txt && git diff',
  },
  {
    has: 'diff.external',
    key: 'diff.external',
    trigger: 'git add -f target.txt && echo >> target.txt && git diff',
  },
  {
    has: 'core.sshCommand and core.askPass',
    key: 'core.sshCommand',
    trigger: 'git ls-remote ssh://127.0.0.1/x',
  },
];

/**
 * A repository whose setup, like a malicious install script, plants configurations that make git run a
 * program: in the tree's .git, in a nested repository and in the home of commands. The setup fails if git
 * does not run the program there.
 */
function planted({ has, key, value, trigger }: Plant): HostileRepository {
  const canary = `${CANARIES}/${has.replaceAll(' ', '-')}`;
  const program = value ?? `touch ${canary}; cat`;
  const plant = [
    'set -e; cp target.txt /tmp/$$ && rm -rf .git && git init -q .',
    `git config ${key} "${program}"`,
    'mkdir -p sub $HOME/.config/git && git init -q sub',
    'cp .gitattributes $HOME/.config/git/attributes; echo "*" > $HOME/.config/git/ignore',
    'for file in sub/.git/config $HOME/.gitconfig $HOME/.config/git/config; do cp .git/config $file; done',
    `(${trigger}) > /dev/null 2>&1 || true`,
    `test -e ${canary}; rm ${canary}; mv /tmp/$$ target.txt; echo old > filtered.txt; rm -f .git/index`,
  ];
  const hook = { executable: `#!/bin/sh\ntouch ${canary}\n` };
  return {
    has: `${has} in every configuration that its setup can write`,
    content: {
      'plant.sh': `${plant.join('\n')}\n`,
      // The setup writes filtered.txt, so git reads it again, but its content stays: a change to it would be
      // refused.
      '.gitattributes': 'target.txt diff=planted\nfiltered.txt filter=planted diff=planted\n',
      'filtered.txt': 'old\n',
      'hooks/post-index-change': hook,
      'hooks/post-checkout': hook,
      ...embedded(key, program),
    },
    settings: { setup: ['sh plant.sh'] },
  };
}

/** A bare repository within the tree, which git uses if it runs in that folder. */
function embedded(key: string, program: string): Record<string, TestFile> {
  const [section, ...rest] = key.split('.');
  const name = rest.pop();
  const header = rest.length > 0 ? `[${section} "${rest.join('.')}"]` : `[${section}]`;
  return {
    'bare/HEAD': 'ref: refs/heads/main\n',
    'bare/config': `[core]\n\tworktree = ..\n${header}\n\t${name} = "${program}"\n`,
    'bare/objects/keep': '',
    'bare/refs/keep': '',
  };
}

export const gitPrograms: HostileRepository[] = plants.map(planted);
