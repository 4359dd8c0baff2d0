import type { Figure, Row } from './figure.ts';
import { describeMachine } from './machine.ts';

const COLUMNS = ['', 'median', 'seen', 'floor', 'ratio', 'goal', 'met'] as const;

function cells({ quantity, value, spread, floor, ratio, goal, met }: Row): string[] {
  const verdict = met === undefined ? '' : met ? 'yes' : 'no';
  return [quantity, value, spread ?? '', floor ?? '', ratio ?? '', goal ?? '', verdict];
}

/** For a terminal: columns of equal width. */
export function table({ title, rows }: Figure): string {
  const lines = [[title, ...COLUMNS.slice(1)], ...rows.map(cells)];
  const widths = COLUMNS.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** `bench/RESULTS.md`. */
export function markdown(figures: readonly Figure[], command: string): string {
  const date = new Date().toISOString().slice(0, 10);
  const sections = figures.map(({ title, method, rows }) =>
    [
      `## ${title}`,
      '',
      ...method.flatMap((paragraph) => [paragraph, '']),
      line(COLUMNS),
      line(COLUMNS.map(() => '---')),
      ...rows.map((row) => line(cells(row))),
      '',
    ].join('\n'),
  );
  return [
    '# Figures',
    '',
    `Written by \`${command}\` on ${date}: ${describeMachine()}. Everything on loopback, with a model that answers at once, so that what is left is the product's own. Times of a real model come on top, for the product as for its floors. "Seen" is the least and the most.`,
    '',
    ...sections,
  ].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
