import type { Message, ToolResultBlockParam, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { ModelRequestError } from '../../core/errors.ts';
import type { RecordedJudgement } from '../../core/judgement.ts';
import { isPriced, unpricedNote } from '../../core/models.ts';
import type { Verification } from '../../core/repository-result.ts';
import { subtractCosts, subtractTokens } from '../../core/usage.ts';
import type { Changes } from '../checkout/changes.ts';
import { WorkTree } from '../checkout/work-tree.ts';
import { ContextExceededError, ModelThrottledError, ThinkingRefusedError } from '../claude/errors.ts';
import { sharedBytes } from '../claude/prompt.ts';
import { SharedPrefix } from '../claude/shared-prefix.ts';
import type { Cloned } from '../clone-into.ts';
import { Judge } from '../judge/judge.ts';
import type { ToolContext } from '../tools/tool.ts';
import { runTools } from '../tools/tool-box.ts';
import { whileStopping } from '../while-stopping.ts';
import { Budget } from './budget.ts';
import { type Conclusion, ConversationEnded, limitReached, throttled } from './conclusion.ts';
import type { ConversationState } from './conversation-state.ts';
import { removeThinking, sendable } from './messages.ts';
import { planReply } from './plan-reply.ts';
import { isStuck } from './stuck.ts';
import { Submissions } from './submissions.ts';

export type Conversed = {
  conclusion: Conclusion;
  /** The submitted changes; undefined if no submission ended the conversation. */
  changes?: Changes | undefined;
};

/** The conversation with the model about one repository. Every answer is saved before its tools run. */
export class Conversation {
  readonly state: ConversationState;
  readonly #cloned: Cloned;
  readonly #tree: WorkTree;
  readonly #budget: Budget;
  readonly #prefix: SharedPrefix;
  readonly #submissions: Submissions;
  readonly #toolContext: ToolContext;

  constructor(cloned: Cloned, state: ConversationState, prompt: string) {
    const { job, control, settings, workspace, clone, model, log, redactor, signal, progress } = cloned;
    this.state = state;
    this.#cloned = cloned;
    this.#tree = new WorkTree(clone, workspace);
    this.#budget = new Budget({
      job,
      repositoryName: cloned.repositoryName,
      control,
      state,
      model: model.name,
      prices: settings.MODEL_PRICES,
      log,
      signal,
    });
    this.#prefix = new SharedPrefix(job, control, {
      repositoryName: cloned.repositoryName,
      model: model.name,
      bytes: model.prefixBytes + sharedBytes(state.messages[0]!),
      log,
    });
    const context = {
      workspace,
      git: clone.git,
      tree: this.#tree,
      settings: job.settings,
      protectedGlobs: settings.PROTECTED_FILES,
      redactor,
      signal,
    };
    const judge = job.settings.judge && this.#judge(prompt);
    this.#submissions = new Submissions({ ...context, state, progress, judge });
    this.#toolContext = { ...context, baseline: state.baseline, submit: this.#submissions.submit };
    progress.count(state.turns);
  }

  #judge(prompt: string): Judge {
    const { state } = this;
    return new Judge({ cloned: this.#cloned, prompt, state, budget: this.#budget, save: () => this.save() });
  }

  get toolNames(): string[] {
    return this.#cloned.tools.map(({ name }) => name);
  }

  /** The checks of the last submission. */
  get verification(): Verification[] {
    return this.#submissions.verification;
  }

  /** The last judgement, with the cost of all. Returns undefined if the judge was never asked. */
  get judgement(): RecordedJudgement | undefined {
    const { judgements } = this.state;
    const last = judgements?.rounds.at(-1);
    if (!judgements || !last) return undefined;
    const { submission: _, ...judgement } = last;
    return { ...judgements, ...judgement, rounds: judgements.rounds.length };
  }

  /** Throws CodyBatchError for an expected failure, and the signal's reason. */
  async run(): Promise<Conversed> {
    const { job, control, settings, model, log, progress, stop } = this.#cloned;
    if (!isPriced(model.name, settings.MODEL_PRICES)) log.warn(unpricedNote(model.name));
    progress.record('conversing');
    const turnsBefore = this.state.turns.length;
    let conclusion: Conclusion;
    try {
      conclusion = this.#submissions.explain(await this.#converse());
    } catch (error) {
      // After an answer, a refused key may be one that was replaced, and the other workers have the new one.
      if (error instanceof ModelRequestError && error.isForAll && this.state.turns.length === turnsBefore)
        await control.stop(job.jobId, job.run, 'modelRefused', error.message);
      throw error;
    } finally {
      await whileStopping(Promise.all([this.#budget.settle(), this.#prefix.recorded()]), stop);
    }
    if (conclusion.end === 'throttled') await this.saveUsage();
    return { conclusion, changes: this.#submissions.conclusion && this.#submissions.changes };
  }

  async #converse(): Promise<Conclusion> {
    const { settings } = this.#cloned.job;
    try {
      for (;;) {
        const conclusion = await this.#step();
        if (conclusion) return conclusion;
      }
    } catch (error) {
      if (error instanceof ConversationEnded) return error.conclusion;
      if (error instanceof ContextExceededError) return limitReached('contextExceeded', settings);
      if (error instanceof ModelThrottledError) return throttled(error);
      throw error;
    }
  }

  /** Asks the model, runs its tools, and saves. Returns the conclusion once there is one. */
  async #step(): Promise<Conclusion | undefined> {
    // A resumed conversation may end with an answer whose tools did not all run.
    if (this.state.messages.at(-1)!.role === 'user') await this.#ask();
    await this.#reply();
    if (this.#submissions.conclusion) return this.#submissions.conclusion;
    // Calls before an instruction are no sign that the model makes no progress with it.
    const { messages, instruction = 0 } = this.state;
    return isStuck(messages.slice(instruction))
      ? limitReached('stuck', this.#cloned.job.settings)
      : undefined;
  }

  async #ask(): Promise<void> {
    const { state } = this;
    if (state.turns.length === 0) await this.#prefix.ready(this.#cloned.signal);
    const startedAt = new Date();
    const { tokenUsage, costUsd } = state;
    const answer = await this.#completeAnswer().finally(() => this.#prefix.over());
    // The answer is paid for: nothing is awaited before its save.
    state.messages.push({ role: 'assistant', content: sendable(answer.content) });
    state.turns.push({
      message: state.messages.length - 1,
      startedAt: startedAt.toISOString(),
      seconds: (Date.now() - startedAt.getTime()) / 1000,
      stopReason: answer.stop_reason,
      ...(answer.stop_details?.explanation && { stopExplanation: answer.stop_details.explanation }),
      // Includes interrupted answers before this one.
      tokenUsage: subtractTokens(state.tokenUsage, tokenUsage),
      costUsd: subtractCosts(state.costUsd, costUsd),
    });
    await this.save();
  }

  /** Asks until an answer is complete. Interrupted answers are paid for too, so the limits apply to each request. */
  async #completeAnswer(): Promise<Message> {
    const { model, signal, log } = this.#cloned;
    const { messages } = this.state;
    const options = { signal, spend: this.#budget.spend, onBegun: this.#prefix.begun };
    for (;;) {
      this.#budget.check();
      const promptBytes = model.prefixBytes + Buffer.byteLength(JSON.stringify(messages));
      try {
        const ask = () => model.ask(messages, options);
        const answer = await this.#budget.within(promptBytes, model.maxTokens, ask);
        if (answer) return answer;
        await this.saveUsage();
      } catch (error) {
        // At most once: a history without thinking cannot be refused for its thinking.
        if (!(error instanceof ThinkingRefusedError) || !removeThinking(messages)) throw error;
        log.warn(`The request is sent again without the thinking of earlier turns: ${error.message}`);
      }
    }
  }

  async #reply(): Promise<void> {
    const { messages } = this.state;
    const { calls, blocks } = planReply(this.state, this.#cloned.job.settings);
    const results = await this.#runTools(calls);
    const message = { role: 'user' as const, content: [...results, ...blocks] };
    if (this.#submissions.conclusion) {
      messages.push(message);
      return;
    }
    // Read before the message is added: a worker that is stopped here runs the tools again, on the tree before them.
    const changes = await this.#tree.changesToSave();
    messages.push(message);
    this.#cloned.progress.record('conversing');
    await this.save(changes);
  }

  async #runTools(calls: readonly ToolUseBlock[]): Promise<ToolResultBlockParam[]> {
    const { tools, redactor, log } = this.#cloned;
    const results = await runTools(tools, calls, this.#toolContext, (text) => redactor.text(text));
    for (const [i, { name, input }] of calls.entries()) {
      const path = (input as { path?: unknown } | null)?.path;
      log.info(`${name}${typeof path === 'string' ? ` ${path}` : ''}`, { isError: results[i]!.is_error });
    }
    return results;
  }

  /** Saves the conversation after a complete step. Without `changes`, the tree is the same as at the last save. */
  async save(changes?: Changes): Promise<void> {
    const { checkpoints, clone, clock } = this.#cloned;
    this.state.seconds = clock.seconds;
    const patch = changes && (await checkpoints.patchToKeep(clone.git, changes));
    await Promise.all([checkpoints.save(this.state, clone.baseSha, patch), this.saveUsage()]);
  }

  /** Saves only the usage. Within a step nothing else can be saved: another attempt repeats the step. */
  async saveUsage(): Promise<void> {
    const { checkpoints, clone, job } = this.#cloned;
    await checkpoints.saveUsage(this.state, clone.baseSha, job.settings.model);
  }
}
