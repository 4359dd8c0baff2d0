import { blocksOf, type MessageRequest } from './conversation.ts';
import { namedReplacements, type Replacement } from './replacements.ts';
import type { Answer } from './reply.ts';

const MAX_REASONS = 5;

type Reason = { file: string; line: number; text: string };

/**
 * The offline model's judgement of a change. It understands nothing, so it compares each changed line with the literal
 * replacements that the task names: a change that consists of them is approved, any other is sent back.
 */
export function offlineJudgement({ messages }: MessageRequest): Answer {
  const texts = blocksOf(messages[0]!.content).flatMap((block) =>
    block.type === 'text' ? [block.text] : [],
  );
  const patch = /<change>(.*)<\/change>\s*$/s.exec(texts.at(-1) ?? '')?.[1] ?? '""';
  const replacements = namedReplacements(texts.slice(0, 1));
  const reasons = faultsOf(JSON.parse(patch) as string, replacements);
  const isApproved = reasons.length === 0;
  const approval = {
    file: '',
    line: 0,
    text: 'Each changed line is a literal replacement that the task names.',
  };
  const answer = {
    reasons: isApproved ? [approval] : reasons.slice(0, MAX_REASONS),
    risk: isApproved ? 'low' : 'high',
    decision: isApproved ? 'approve' : 'revise',
  };
  return { content: [{ type: 'text', text: JSON.stringify(answer) }], stopReason: 'end_turn' };
}

/** The places of a patch of git that are not literal replacements, one a hunk. */
function faultsOf(patch: string, replacements: readonly Replacement[]): Reason[] {
  return patch
    .split(/^(?=diff --git )/m)
    .filter(Boolean)
    .flatMap((file) => {
      const [header = '', ...hunks] = file.split(/^(?=@@ )/m);
      const name = /^\+\+\+ (?:b\/)?(.*?)\t?$/m.exec(header)?.[1] ?? header.split('\n')[0]!;
      const isEdit = hunks.length > 0 && !/^(?:new|deleted) file|^(?:new mode|rename|copy) /m.test(header);
      if (!isEdit) return [{ file: name, line: 0, text: 'The task names no change of this kind.' }];
      return hunks.flatMap((hunk) => faultOf(name, hunk, replacements));
    });
}

function faultOf(file: string, hunk: string, replacements: readonly Replacement[]): Reason[] {
  const [place = '', ...lines] = hunk.split('\n');
  const after = lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
  const replaced = lines
    .filter((line) => line.startsWith('-'))
    .map((line) => replace(line.slice(1), replacements));
  // A replacement may add or remove line ends.
  if (replaced.join('\n') === after.join('\n')) return [];
  const line = Number(/\+(\d+)/.exec(place)?.[1] ?? 0);
  return [{ file, line, text: 'These lines differ from the literal replacements that the task names.' }];
}

function replace(line: string, replacements: readonly Replacement[]): string {
  return replacements.reduce((text, { from, to }) => text.replaceAll(from, () => to), line);
}
