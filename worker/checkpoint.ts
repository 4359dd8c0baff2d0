import { z } from 'zod';
import { type ArtifactStore, artifactKeys, writeArtifact } from '../core/artifacts.ts';
import { Checkpoint } from '../core/outcome.ts';
import { ConversationState } from './conversation-state.ts';

/** `checkpoint/thread.json`: what another process needs to go on, all but the patch, which it names. */
const SavedConversation = ConversationState.extend({
  run: z.int(),
  baseSha: z.string(),
  patchName: z.string().optional(),
});

export type Resumable = { state: ConversationState; baseSha: string; patch: Buffer };

/** Saves after every step what a reclaimed host would lose, in an order that leaves no half of a save in use. */
export class Checkpoints {
  readonly #store: ArtifactStore;
  readonly #prefix: string;
  readonly #run: number;
  #patchName: string | undefined;
  /** Whether the tree is past what a patch can bring back: the last save before that then stays the one to go on from. */
  #isBehind = false;

  constructor(
    store: ArtifactStore,
    { jobId, repositoryName, run }: { jobId: string; repositoryName: string; run: number },
  ) {
    this.#store = store;
    this.#prefix = artifactKeys.checkpoint(jobId, repositoryName);
    this.#run = run;
  }

  /** Undefined where this run has none. */
  async load(): Promise<Resumable | undefined> {
    const saved = await this.#read('thread.json', SavedConversation);
    if (saved?.run !== this.#run) return undefined;
    const { run, baseSha, patchName, ...state } = saved;
    const patch = patchName ? await this.#store.read(this.#prefix + patchName) : Buffer.alloc(0);
    if (!patch) return undefined;
    this.#patchName = patchName;
    const tally = await this.#read('state.json', Checkpoint);
    // The tally may know more: answers that broke off after the last whole turn.
    const isNewer = tally?.run === this.#run && tally.tokenUsage.total > state.tokenUsage.total;
    const { tokenUsage, costUsd } = isNewer ? tally : state;
    return { state: { ...state, tokenUsage, costUsd }, baseSha, patch };
  }

  /** `patch` is left out where the tree is as it was at the save before, and `unkept` where no patch can be kept. */
  async save(state: ConversationState, baseSha: string, patch?: Buffer | 'unkept'): Promise<void> {
    if (patch) this.#isBehind = patch === 'unkept';
    if (this.#isBehind) return;
    if (patch instanceof Buffer) {
      // Never over the patch that thread.json names: writing that file is what makes a save count.
      const patchName = this.#patchName === PATCH_NAMES[0] ? PATCH_NAMES[1] : PATCH_NAMES[0];
      await this.#store.write(this.#prefix + patchName, patch);
      this.#patchName = patchName;
    }
    await writeArtifact(this.#store, `${this.#prefix}thread.json`, {
      ...state,
      run: this.#run,
      baseSha,
      patchName: this.#patchName,
    });
  }

  /** `checkpoint/state.json`: what was spent so far, which counts even if this worker is lost for good. */
  async saveTally(state: ConversationState, baseSha: string, model: string): Promise<void> {
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
    await writeArtifact(this.#store, `${this.#prefix}state.json`, checkpoint);
  }

  async #read<S extends z.ZodType>(name: string, schema: S): Promise<z.infer<S> | undefined> {
    const body = await this.#store.read(this.#prefix + name);
    return body && schema.parse(JSON.parse(body.toString('utf8')));
  }
}

const PATCH_NAMES = ['work-tree.patch', 'work-tree-2.patch'] as const;
