/** The section of docs/runbook.md about an alarm, as a link if the environment names where the runbook can be read. */
export function runbookSection(runbookUrl: string | undefined, part: string): string {
  return `${runbookUrl ?? 'docs/runbook.md'}#${part}`;
}
