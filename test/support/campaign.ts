import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeMachine } from '../../bench/machine.ts';

const FILE = path.join(import.meta.dirname, '../CAMPAIGN.md');

/** Writes what a campaign came to into its row of CAMPAIGN.md, with the date and the machine. */
export function recordCampaign(name: string, figure: string): void {
  const date = new Date().toISOString().slice(0, 10);
  const row = `| ${name} | ${figure} | ${date} | ${describeMachine()} |`;
  const lines = readFileSync(FILE, 'utf8').trimEnd().split('\n');
  const at = lines.findIndex((line) => line.startsWith(`| ${name} |`));
  if (at < 0) lines.push(row);
  else lines[at] = row;
  writeFileSync(FILE, `${lines.join('\n')}\n`);
}
