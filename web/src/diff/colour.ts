import { type HunkData, type HunkTokens, markEdits, tokenize } from 'react-diff-view';
import { refractor } from 'refractor';
import docker from 'refractor/docker';
import hcl from 'refractor/hcl';
import jsx from 'refractor/jsx';
import toml from 'refractor/toml';
import tsx from 'refractor/tsx';

for (const syntax of [jsx, tsx, docker, toml, hcl]) refractor.register(syntax);

/** Languages whose name is not the ending of their files. */
const LANGUAGES: Readonly<Record<string, string>> = {
  cjs: 'javascript',
  cts: 'typescript',
  dockerfile: 'docker',
  gradle: 'java',
  h: 'c',
  hpp: 'cpp',
  htm: 'markup',
  kts: 'kotlin',
  m: 'objectivec',
  mts: 'typescript',
  mjs: 'javascript',
  makefile: 'makefile',
  pl: 'perl',
  sh: 'bash',
  tf: 'hcl',
  vue: 'markup',
  zsh: 'bash',
};

/** react-diff-view expects the nodes without their root. */
const adapter = {
  highlight: (text: string, language: string) => refractor.highlight(text, language).children,
} as unknown as { highlight: typeof refractor.highlight };

/** The tokens of a hunk, with the words that differ between its sides marked. */
export function coloured(hunk: HunkData, name: string): HunkTokens {
  const enhancers = [markEdits([hunk], { type: 'block' })];
  const language = languageOf(name);
  return language === undefined
    ? tokenize([hunk], { enhancers })
    : tokenize([hunk], { enhancers, highlight: true, refractor: adapter, language });
}

function languageOf(name: string): string | undefined {
  const ending = name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('.')) + 1).toLowerCase();
  const language = LANGUAGES[ending] ?? ending;
  return refractor.registered(language) ? language : undefined;
}
