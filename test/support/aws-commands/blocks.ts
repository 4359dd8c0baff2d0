import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../stack.ts';

/** A block of shell commands in a document. */
export type Block = {
  /** `docs/operations.md:12`. */
  at: string;
  /** Marked `<!-- needs AWS -->`: it is not run. */
  needsAws: boolean;
  text: string;
};

const MARK = '<!-- needs AWS -->';

/** The blocks marked as `sh` of a document. */
export function blocksOf(document: string): Block[] {
  const lines = readFileSync(path.join(ROOT, document), 'utf8').split('\n');
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i += 1) {
    const indent = /^( *)```sh$/.exec(lines[i]!)?.[1];
    if (indent === undefined) continue;
    const end = lines.findIndex((line, j) => j > i && line === `${indent}\`\`\``);
    const before = lines.slice(0, i).findLast((line) => line.trim() !== '');
    blocks.push({
      at: `${document}:${i + 1}`,
      needsAws: before?.trim() === MARK,
      text: lines
        .slice(i + 1, end)
        .map((line) => line.slice(indent.length))
        .join('\n'),
    });
    i = end;
  }
  return blocks;
}

/** The arguments of each `aws` command of a script, as a shell would split them. Variables and substitutions stay as they are. */
export function awsCommandsOf(script: string): string[][] {
  const joined = script.replace(/\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap(commandsIn)
    .filter(([program]) => program === 'aws')
    .map(([, ...args]) => args);
}

/** The words of each command in a line: quotes hold words together, and `|`, `;`, `&&`, `$(` and `(` begin another command. */
function commandsIn(line: string): string[][] {
  const words = /"(?:[^"\\]|\\.)*"|'[^']*'|\$\(|&&|\|\||[|;()]|[^\s"'|;()]+/g;
  const commands: string[][] = [[]];
  let end = 0;
  for (const { 0: word, index } of line.matchAll(words)) {
    const current = commands.at(-1)!;
    if (/^(?:\$\(|&&|\|\||[|;()])$/.test(word)) commands.push([]);
    else if (index === end && current.length > 0 && index > 0) current.push(current.pop()! + unquoted(word));
    else current.push(unquoted(word));
    end = index + word.length;
  }
  return commands;
}

function unquoted(word: string): string {
  return /^["']/.test(word) ? word.slice(1, -1) : word;
}
