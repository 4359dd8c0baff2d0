import type { Figure, Row } from './figure.ts';
import { describeMachine } from './machine.ts';

const COLUMNS = ['', 'median', 'seen', 'floor', 'ratio', 'goal', 'met'] as const;

function cells({ quantity, value, spread, floor, ratio, goal, met }: Row): string[] {
  const verdict = met === undefined ? '' : met ? 'yes' : 'no';
  return [quantity, value, spread ?? '', floor ?? '', ratio ?? '', goal ?? '', verdict];
}

/** A table for a terminal, with aligned columns. */
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

/** The content of `bench/RESULTS.md`. */
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
    `Written by \`${command}\` on ${date}: ${describeMachine()}. Everything runs on loopback with a model that answers at once, so the figures are the product's own cost. A real model adds the same time to the product and to its floors. "Seen" is the smallest and the largest value.`,
    '',
    ...sections,
  ].join('\n');
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
