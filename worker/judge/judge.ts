import { createHash } from 'node:crypto';
import type { Message } from '@anthropic-ai/sdk/resources/messages';
import { ModelRequestError, ModelUnavailableError } from '../../core/errors.ts';
import type { Judgement, JudgementReason } from '../../core/judgement.ts';
import type { Verification } from '../../core/repository-result.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { ContextExceededError } from '../claude/errors.ts';
import type { Model } from '../claude/model.ts';
import { type Cloned, openModel } from '../clone-into.ts';
import type { Budget } from '../conversation/budget.ts';
import { ConversationEnded } from '../conversation/conclusion.ts';
import type { ConversationState } from '../conversation/conversation-state.ts';
import { boundedPatch } from './bounded-patch.ts';
import { JUDGE_FORMAT, JudgeAnswer, judgeMessage, judgeSystem } from './judge-prompt.ts';

/** What is kept of an answer. */
const MAX_REASONS = 5;
const MAX_REASON_CHARACTERS = 600;
const MAX_FILE_CHARACTERS = 300;

export type JudgeContext = {
  cloned: Cloned;
  prompt: string;
  state: ConversationState;
  budget: Budget;
  /** Saves the conversation, with its judgements, as of the last complete step. */
  save(): Promise<void>;
};

/**
 * Judges submissions by a second model that sees only the task, the checks and the change. Each judgement is saved before
 * it is used, so that another attempt of the worker does not pay for it again.
 */
export class Judge {
  readonly #context: JudgeContext;
  #model: Promise<Model> | undefined;

  constructor(context: JudgeContext) {
    this.#context = context;
  }

  /** Throws ModelThrottledError, with which the work pauses, and the signal's reason. */
  async judge(patch: Buffer, verification: readonly Verification[]): Promise<Judgement> {
    const { cloned, prompt, state, save } = this.#context;
    const { redactor, job } = cloned;
    const submitted = { ...boundedPatch(redactor.bytes(patch)), verification };
    const message = judgeMessage(prompt, job.settings.judge?.instructions, submitted);
    const submission = createHash('sha256').update(patch).digest('hex');
    const earlier = state.judgements?.rounds.find((round) => round.submission === submission);
    if (earlier) return earlier;
    cloned.progress.record('judging');
    const judgement = await this.#ask(message);
    cloned.log.info('judged', { decision: judgement.decision, risk: judgement.risk });
    const { rounds, ...sums } = state.judgements ?? NOTHING_JUDGED;
    state.judgements = { ...sums, rounds: [...rounds, { submission, ...judgement }] };
    await save();
    return judgement;
  }

  async #ask(message: ReturnType<typeof judgeMessage>): Promise<Judgement> {
    const { cloned, budget } = this.#context;
    this.#model ??= openModel(cloned, {
      model: cloned.job.settings.judge?.model ?? cloned.job.settings.model,
      system: judgeSystem(),
      tools: [],
      format: JUDGE_FORMAT,
    });
    const model = await this.#model;
    const options = { signal: cloned.signal, spend: budget.spendOnJudge(model.name), marked: true };
    const promptBytes = model.prefixBytes + Buffer.byteLength(JSON.stringify(message));
    try {
      for (;;) {
        budget.checkCost();
        const ask = () => model.ask([message], options);
        const answer = await budget.within(promptBytes, model.maxTokens, ask, model.name);
        if (answer) return read(answer, (text) => cloned.redactor.text(text));
        await this.#context.save();
      }
    } catch (error) {
      return without(error);
    }
  }
}

const NOTHING_JUDGED = { rounds: [], tokenUsage: NO_TOKENS, costUsd: 0 };

/** The answer as it is recorded. A refused, incomplete or unreadable one is `none`. */
function read({ content, stop_reason, stop_details }: Message, redact: (text: string) => string): Judgement {
  if (stop_reason === 'refusal')
    return none(`The judge refused to answer. ${redact(stop_details?.explanation ?? '')}`.trim());
  if (stop_reason !== 'end_turn') return none(`The judge's answer is incomplete (${stop_reason}).`);
  const text = content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('');
  const { data } = JudgeAnswer.safeParse(parsed(text));
  if (!data) return none("The judge's answer is not in the form that was asked for.");
  return {
    decision: data.decision,
    risk: data.risk,
    reasons: data.reasons.slice(0, MAX_REASONS).map(
      ({ file, line, text }): JudgementReason => ({
        file: redact(file).slice(0, MAX_FILE_CHARACTERS),
        ...(Number.isSafeInteger(line) && line > 0 && { line }),
        text: redact(text).slice(0, MAX_REASON_CHARACTERS),
      }),
    ),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The judgement if the judge could not be asked. Throws the error again if the work has to pause or stop for it. */
function without(error: unknown): Judgement {
  if (error instanceof ConversationEnded) return none(`The judge was not asked. ${error.conclusion.summary}`);
  if (error instanceof ContextExceededError) return none("The change does not fit the judge's context.");
  if (error instanceof ModelRequestError || error instanceof ModelUnavailableError)
    return none(`The judge could not be asked. ${error.message}`);
  throw error;
}

function none(why: string): Judgement {
  return { decision: 'none', reasons: [{ file: '', text: why.slice(0, MAX_REASON_CHARACTERS) }] };
}

/** The judgement for the model that made the change. */
export function describeJudgement({ reasons }: Judgement): string {
  const lines = reasons.map(({ file, line, text }) => {
    const place = file && `${file}${line ? `:${line}` : ''}: `;
    return `- ${place}${text}`;
  });
  return ['A reviewer of the change asks for corrections:', ...lines].join('\n');
}
