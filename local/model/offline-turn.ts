import { type MessageRequest, promptTexts, toolExchanges } from './conversation.ts';
import { offlineJudgement } from './offline-judge.ts';
import { describeChange, quoted, times } from './offline-report.ts';
import { type Progress, progressOf } from './replacement-progress.ts';
import { namedReplacements, type Replacement } from './replacements.ts';
import type { Answer, ReplyBlock } from './reply.ts';

const MAX_EDITS_PER_TURN = 25;

const TOOLS = ['search_code', 'edit_file', 'task_complete'] as const;

const WHAT_THIS_IS =
  'I am the offline model of Cody Batch, not Claude: I run on this machine without a key and I understand nothing. ' +
  "I carry out literal replacements that the prompt names in quotes and without conditions, such as: Replace all occurrences of 'a(' with 'b('. " +
  'For anything else set ANTHROPIC_API_KEY and run the job again.';

/**
 * The offline model's next turn. It is derived from the conversation alone, without other state, so a resumed
 * conversation continues correctly.
 */
export function nextTurn(request: MessageRequest): Answer {
  if (request.output_config?.format) return offlineJudgement(request);
  const replacements = namedReplacements(promptTexts(request));
  if (replacements.length === 0) return say(`The prompt names no literal replacement. ${WHAT_THIS_IS}`);
  const absent = TOOLS.filter((name) => !offersTool(request, name));
  if (absent.length > 0)
    return say(`I need the tools ${absent.join(', ')}, which were not offered. ${WHAT_THIS_IS}`);

  const exchanges = toolExchanges(request);
  const submitted = exchanges.findLast(({ name }) => name === 'task_complete');
  if (submitted?.isError) {
    return say(`The work was refused, and a literal replacement is all I can do about it. ${WHAT_THIS_IS}`);
  }
  if (submitted) return say(`The task is complete; I have nothing to add. ${WHAT_THIS_IS}`);

  const progresses: Progress[] = [];
  for (const replacement of replacements) {
    const progress = progressOf(replacement, exchanges);
    if (progress.blocked) return say(`I cannot go on: ${progress.blocked}. ${WHAT_THIS_IS}`);
    if (progress.next) return workTurn(replacement, progress.next);
    progresses.push(progress);
  }
  return { content: [text('That was all I can do here; this is the result.'), complete(progresses)] };
}

function workTurn({ from, to }: Replacement, next: NonNullable<Progress['next']>): Answer {
  if (next.kind === 'search') {
    const { pattern, literal } = next;
    const why = next.again
      ? 'The list left files out, so I look again for'
      : 'I look for every file that holds';
    return {
      content: [
        text(`${why} ${quoted(from)}.`),
        toolUse('search_code', { pattern, literal, filesOnly: true }),
      ],
    };
  }
  const paths = next.paths.slice(0, MAX_EDITS_PER_TURN);
  const which =
    paths.length < next.paths.length
      ? `the next ${paths.length} of ${next.paths.length} files`
      : times(paths.length, 'file');
  return {
    content: [
      text(`I replace ${quoted(from)} with ${quoted(to)} in ${which}.`),
      ...paths.map((path) => toolUse('edit_file', { path, oldText: from, newText: to, replaceAll: true })),
    ],
  };
}

function complete(progresses: readonly Progress[]): ReplyBlock {
  return toolUse('task_complete', {
    ...describeChange(progresses),
    wereChangesNecessary: progresses.some(({ found }) => found.length > 0),
  });
}

function offersTool({ tools = [], tool_choice }: MessageRequest, name: string): boolean {
  return tool_choice?.type !== 'none' && tools.some((tool) => 'name' in tool && tool.name === name);
}

function say(message: string): Answer {
  return { content: [text(message)], stopReason: 'end_turn' };
}

function text(message: string): ReplyBlock {
  return { type: 'text', text: message };
}

function toolUse(name: (typeof TOOLS)[number], input: object): ReplyBlock {
  return { type: 'tool_use', name, input };
}
