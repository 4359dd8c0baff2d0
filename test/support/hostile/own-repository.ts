import { expect } from '@jest/globals';
import { call, calls, submit } from '../worker-stack.ts';
import { CANARIES, editTarget, type HostileRepository } from './repository.ts';

const canary = `touch ${CANARIES}/own-repository`;

/** Plants settings, hooks and attributes that make git run a program, in the commands' repository. */
const PLANT = [
  'set -e',
  ...['core.fsmonitor', 'core.sshCommand', 'core.pager', 'diff.external', 'filter.planted.clean'].map(
    (key) => `git config ${key} "${canary}; cat"`,
  ),
  `git config filter.planted.smudge "${canary}; cat"`,
  `git config filter.planted.process "${canary}"`,
  `git config diff.planted.textconv "${canary}; cat"`,
  `git config core.worktree /`,
  'echo "* filter=planted diff=planted" > .git/info/attributes',
  'echo "*" > .git/info/exclude; echo /nowhere > .git/objects/info/alternates',
  'mkdir -p .git/hooks',
  'for hook in post-index-change post-checkout pre-commit reference-transaction; do',
  `printf '#!/bin/sh\\n${canary}\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done`,
  // The planted programs run under a git that reads this repository.
  'git --work-tree=. status > /dev/null 2>&1 || true',
  `test -e ${CANARIES}/own-repository; rm ${CANARIES}/own-repository`,
].join('\n');

/** Commands that replace the git directory, in sequence; `kept` is the planted one. */
const REPLACED = [
  'mv .git "$HOME/kept" && echo "gitdir: $HOME/kept" > .git && ln -s .git shown && ln -s "$HOME/kept" sub',
  'rm .git shown sub && ln -s "$HOME/kept" .git && mkdir -p sub && cp -r "$HOME/kept" sub/.git',
  'rm -r .git sub && mkfifo .git',
  'rm .git && printf "\\0\\1" > .git',
  'rm .git && cp -r "$HOME/kept" .git && printf broken > .git/index && rm .git/HEAD && chmod 000 .git/objects',
  'chmod 700 .git/objects && rm -rf .git',
];

const look = [
  call('list_files', {}),
  call('search_code', { pattern: 'old|new', filesOnly: true }),
  call('read_file', { path: 'target.txt' }),
];

const turns = REPLACED.map((command) => calls(call('shell', { command }), ...look));

const refused = [
  call('read_file', { path: '.git/config' }),
  call('write_file', { path: '.git/hooks/pre-commit', content: canary }),
  call('edit_file', { path: '.git/HEAD', oldText: 'ref', newText: 'x' }),
  call('delete_file', { path: '.git/index' }),
  call('list_files', { path: '.git' }),
  call('search_code', { pattern: 'planted', path: '.git' }),
];

const planted: HostileRepository = {
  has: 'commands that plant programs in their git repository, and then replace it',
  content: { 'kept.txt': 'kept\n' },
  settings: { setup: [PLANT], shell: true, verify: ['true'] },
  script: [calls(editTarget, ...refused), ...turns, submit],
  expects: ({ exchanges }) => {
    const attempts = exchanges.slice(1, 1 + refused.length);
    expect(attempts.map(({ isError }) => isError)).toEqual(attempts.map(() => true));
    const after = exchanges.slice(1 + refused.length, -1);
    expect(after.filter(({ isError }) => isError)).toEqual([]);
    const searches = after.filter(({ name }) => name === 'search_code');
    expect(new Set(searches.map(({ result }) => result))).toEqual(new Set(['1 file matches.\ntarget.txt']));
  },
};

export const ownRepository: HostileRepository[] = [planted];
