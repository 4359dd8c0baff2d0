import { z } from 'zod';
import { CommitSha } from '../core/change-set.ts';
import { Checkpoint } from '../core/outcome.ts';
import { type ArtifactStore, artifactKeys, findArtifactOfRun, findBytes } from '../core/store/artifacts.ts';
import type { ConversationState as State } from './conversation/conversation-state.ts';
import { ConversationState } from './conversation/conversation-state.ts';
import type { Log } from './log.ts';
import type { Redactor } from './sandbox/redact.ts';

const PATCH_NAMES = ['work-tree.patch', 'work-tree-2.patch'] as const;

/** `checkpoint/conversation.json`: what another process needs to go on, all but the patch, which it names. */
const SavedConversation = ConversationState.extend({
  run: z.int(),
  baseSha: CommitSha,
  patchName: z.enum(PATCH_NAMES).optional(),
});

export type Resumable = { state: State; baseSha: string; patch: Buffer };

/** What attempts before this one have spent in this run. */
export type Spent = Pick<State, 'tokenUsage' | 'costUsd' | 'model'>;

type CheckpointOptions = {
  jobId: string;
  repositoryName: string;
  run: number;
  log: Log;
  redactor: Redactor;
};

/** Saves after every step what a reclaimed host would lose, in an order that leaves no half of a save in use. */
export class Checkpoints {
  readonly #store: ArtifactStore;
  readonly #options: CheckpointOptions;
  readonly #prefix: string;
  readonly #run: number;
  #patchName: (typeof PATCH_NAMES)[number] | undefined;
  /** Whether the tree is past what a patch can bring back: the last save before that then stays the one to go on from. */
  #isBehind = false;

  constructor(store: ArtifactStore, options: CheckpointOptions) {
    this.#store = store;
    this.#options = options;
    this.#prefix = artifactKeys.checkpoint(options.jobId, options.repositoryName);
    this.#run = options.run;
  }

  /**
   * What this run has saved: `spent` wherever anything was, `resumed` where the work can go on. What is there and cannot
   * be read is left aside, and the work begins again.
   */
  async load(): Promise<{ resumed?: Resumable; spent?: Spent }> {
    const [saved, tally] = await Promise.all([
      this.#find('conversation.json', SavedConversation),
      this.#find('usage.json', Checkpoint),
    ]);
    // Either may know more: the tally of answers that broke off, the conversation where a kill came between the two.
    const isTallyNewer = (tally?.tokenUsage.total ?? 0) > (saved?.tokenUsage.total ?? 0);
    const newest = isTallyNewer ? tally : (saved ?? tally);
    if (!newest) return {};
    const { tokenUsage, costUsd, model } = newest;
    const spent = { tokenUsage, costUsd, model };
    if (!saved) return { spent };

    const { run, baseSha, patchName, ...state } = saved;
    const { log } = this.#options;
    const patch = patchName
      ? await findBytes(this.#store, this.#prefix + patchName, (why) => log.warn(why))
      : Buffer.alloc(0);
    if (!patch) {
      log.warn(`The checkpoint names ${patchName}, which is not there: the work begins again.`);
      return { spent };
    }
    this.#patchName = patchName;
    return { spent, resumed: { state: { ...state, tokenUsage, costUsd }, baseSha, patch } };
  }

  /** `patch` is left out where the tree is as it was at the save before, and `unkept` where no patch can be kept. */
  async save(state: State, baseSha: string, patch?: Buffer | 'unkept'): Promise<void> {
    if (patch) this.#isBehind = patch === 'unkept';
    if (this.#isBehind) return;
    if (patch instanceof Buffer) {
      // Never over the patch that conversation.json names: writing that file is what makes a save count.
      const patchName = this.#patchName === PATCH_NAMES[0] ? PATCH_NAMES[1] : PATCH_NAMES[0];
      await this.#store.write(this.#prefix + patchName, patch, { durable: true });
      this.#patchName = patchName;
    }
    await this.#write('conversation.json', {
      ...state,
      run: this.#run,
      baseSha,
      patchName: this.#patchName,
    });
  }

  /** `checkpoint/usage.json`: what was spent so far, which counts even if this worker is lost for good. */
  async saveTally(state: State, baseSha: string, model: string): Promise<void> {
    const { turns, tokenUsage, costUsd } = state;
    const checkpoint: Checkpoint = {
      run: this.#run,
      turns: turns.length,
      tokenUsage,
      costUsd,
      model: state.model ?? model,
      baseSha,
      savedAt: new Date().toISOString(),
    };
    await this.#write('usage.json', checkpoint);
  }

  #find<S extends z.ZodType>(name: string, schema: S): Promise<z.infer<S> | undefined> {
    const { log } = this.#options;
    const of = { run: this.#run, schema };
    return findArtifactOfRun(this.#store, this.#prefix + name, of, (why) => log.warn(why));
  }

  /** A secret that the model wrote itself stays out of the store, as it does in the outcome. */
  async #write(name: string, value: unknown): Promise<void> {
    const text = this.#options.redactor.text(JSON.stringify(value));
    await this.#store.write(this.#prefix + name, text, { contentType: 'application/json', durable: true });
  }
}
