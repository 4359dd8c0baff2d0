import type { ChangeSet } from '../../core/change-set.ts';
import { filled, type JobRow } from '../../core/job.ts';
import { failedOnBase, type RepositoryResult, type Verification } from '../../core/repository-result.ts';
import type { Settings } from '../../core/settings.ts';
import type { Base } from './base.ts';
import { fillTemplate } from './fill-template.ts';
import { plainLine, plainText, safeLine, safeMarkdown } from './untrusted-text.ts';

/** GitHub's limit of a title. */
const MAX_TITLE = 256;
/** The model's text; with the product's own it stays below GitHub's limit of 65,536 characters. */
const MAX_DESCRIPTION = 40_000;
const MAX_COMMANDS = 20;
const MAX_FILES = 20;
const MAX_REASON = 600;

export type Subject = {
  job: JobRow;
  /** The user's text, in which mentions and references are intended. */
  wanted: { title?: string | undefined; body?: string | undefined };
  row: RepositoryResult;
  changeSet: ChangeSet;
  settings: Pick<Settings, 'PUBLIC_URL'>;
};

/** The title from the job, or else the model's, made safe. It is also the commit's subject. */
export function titleOf({ job, row, changeSet, wanted }: Subject): string {
  const own = wanted.title && filled(wanted.title, { ...job, repositoryName: row.repositoryName });
  const title = own ? plainLine(own, MAX_TITLE) : safeLine(changeSet.title, MAX_TITLE);
  return title || safeLine(job.name, MAX_TITLE) || `Change by ${job.jobId}`;
}

/**
 * The model's description of the change, in the repository's template if it has one, then facts about it. The same analysis on
 * the same base gives the same text, so writing it again changes nothing.
 */
export function bodyOf(subject: Subject, base: Base, template = ''): string {
  const { changeSet, wanted } = subject;
  const description =
    wanted.body === undefined
      ? safeMarkdown(changeSet.body || changeSet.summary, MAX_DESCRIPTION)
      : plainText(wanted.body, MAX_DESCRIPTION);
  const sections = [
    fillTemplate(template, { description, verification: verification(subject.row.verification ?? []) }),
    baseNote(subject, base),
    judgement(subject.row),
    facts(subject),
  ];
  return sections.filter(Boolean).join('\n\n');
}

function baseNote({ changeSet }: Subject, { branch, changedMeanwhile }: Base): string {
  if (changedMeanwhile.length === 0) return '';
  const some = changedMeanwhile.slice(0, MAX_FILES).map(code).join(', ');
  const more = changedMeanwhile.length > MAX_FILES ? ` and ${changedMeanwhile.length - MAX_FILES} more` : '';
  return `> [!WARNING]\n> ${code(branch)} has new commits since this change was made, which also changed ${some}${more}. The commit is based on ${changeSet.baseSha.slice(0, 10)}, which the change was made from: check the result of the merge.`;
}

function verification(results: readonly Verification[]): string {
  if (results.length === 0) return '';
  const lines = results.slice(0, MAX_COMMANDS).map((result) => {
    const { command, exitCode, seconds } = result;
    const end = exitCode === 0 ? 'passed' : exitCode === null ? 'was killed' : `exited ${exitCode}`;
    const before = exitCode !== 0 && failedOnBase(result) ? ', and failed before the change too' : '';
    return `- ${code(command)} ${end}${before} (${seconds.toFixed(1)} s)`;
  });
  return `**Verification**\n\n${lines.join('\n')}`;
}

/** The judge's view, which a model wrote after it read the repository: untrusted, as the description is. */
function judgement({ judgement }: Pick<RepositoryResult, 'judgement'>): string {
  if (!judgement || judgement.decision === 'none') return '';
  const { risk, reasons, model } = judgement;
  const lines = reasons.map(({ file, line, text }) => {
    const place = file && `${code(line ? `${file}:${line}` : file)}: `;
    return `- ${place}${safeLine(text, MAX_REASON)}`;
  });
  const by = model ? ` by ${code(model)}` : '';
  return [`**Judged${by}**: risk ${risk ?? 'unknown'}`, lines.join('\n')].filter(Boolean).join('\n\n');
}

function facts({ job, row, changeSet, settings }: Subject): string {
  const { jobId } = job;
  const { repositoryName, tokenUsage, costUsd, turns, model } = row;
  const route = `/jobs/${jobId}/repositories/${repositoryName}`;
  const url = settings.PUBLIC_URL?.replace(/\/+$/, '');
  const cost = costUsd === undefined ? 'no known price' : `$${costUsd.toFixed(4)}`;
  const tokens = (tokenUsage?.total ?? 0).toLocaleString('en-US');
  const by = model ? ` by ${code(model)}` : '';
  const thread = `${route}/claude-thread`;
  return [
    '---',
    `Made by Cody Batch${by} for the job ${code(plainLine(job.name, 200))} (${code(jobId)}): ${cost}, ${tokens} tokens, ${turns ?? 0} turns.`,
    `The conversation: ${url ? `[${thread}](${url}${thread})` : code(`GET ${thread}`)}`,
    `To make the same commit by hand, on ${code(changeSet.baseSha)}:`,
    `\`\`\`sh\ncurl -s "${url ?? '$CODY_BATCH_API'}${route}/diff" | git apply --cached && git commit\n\`\`\``,
  ].join('\n\n');
}

/** Inline code, with a fence that is longer than any run of backticks in the text. */
function code(text: string): string {
  const line = plainLine(text, 300);
  const longest = Math.max(0, ...[...line.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return longest > 0 ? `${fence} ${line} ${fence}` : `${fence}${line}${fence}`;
}
