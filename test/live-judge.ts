import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type Anthropic from '@anthropic-ai/sdk';
import type { TextBlockParam } from '@anthropic-ai/sdk/resources/messages';
import { JUDGE_FORMAT, JudgeAnswer, judgeMessage, judgeSystem } from '../worker/judge/judge-prompt.ts';
import { git } from './support/git.ts';
import { SEEDED_BASE, SEEDED_CHANGE, SEEDED_FAULTS, SEEDED_PROMPT } from './support/seeded-changes.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { repositoryOf } from './support/work-trees.ts';

const KINDS = 10;

type Judged = {
  /** What was judged: the task's own change, or a kind of fault beside it. */
  kind: string;
  decision: string;
  usage: Anthropic.Usage;
  model: string;
};

/** Lets the real model judge the change that a task asks for, and then ten kinds of bad changes. */
export async function* judgeSeeded(client: Anthropic, model: string): AsyncGenerator<Judged> {
  const folder = await temporaryFolder();
  try {
    const tree = path.join(folder.path, 'pay');
    await repositoryOf(tree, SEEDED_BASE);
    const write = (files: Record<string, string>) =>
      Promise.all(Object.entries(files).map(([file, text]) => writeFile(path.join(tree, file), text)));
    for (const [kind, fault] of [
      ['the change itself', undefined],
      ...Object.entries(SEEDED_FAULTS),
    ] as const) {
      await write({ ...SEEDED_BASE, ...SEEDED_CHANGE });
      if (fault?.after !== undefined) await write({ [fault.file]: fault.after });
      else if (fault) await rm(path.join(tree, fault.file));
      const patch = await git(tree, 'diff', 'HEAD');
      const message = judgeMessage(SEEDED_PROMPT, undefined, {
        patch: `${patch}\n`,
        leftOut: [],
        verification: [],
      });
      const answer = await client.messages.create({
        model,
        max_tokens: 8192,
        thinking: { type: 'adaptive' },
        system: judgeSystem() as TextBlockParam[],
        messages: [message],
        output_config: { format: JUDGE_FORMAT },
      });
      const text = answer.content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
      yield { kind, decision: decisionOf(text), usage: answer.usage, model: answer.model };
      if (kind === Object.keys(SEEDED_FAULTS)[KINDS - 1]) return;
    }
  } finally {
    await folder.remove();
  }
}

function decisionOf(text: string): string {
  try {
    return JudgeAnswer.parse(JSON.parse(text)).decision;
  } catch {
    return `no judgement: ${text.slice(0, 100)}`;
  }
}
