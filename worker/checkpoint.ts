import { z } from 'zod';
import { CommitSha } from '../core/change-set.ts';
import { Checkpoint } from '../core/outcome.ts';
import type { ArtifactStore } from '../core/store/artifact-store.ts';
import { findArtifactOfRun, findBytes } from '../core/store/artifacts.ts';
import { type Changes, filesWithSecrets } from './checkout/changes.ts';
import type { Git } from './checkout/git.ts';
import type { ConversationState as State } from './conversation/conversation-state.ts';
import { ConversationState } from './conversation/conversation-state.ts';
import type { Log } from './log.ts';
import { persist } from './persist.ts';
import type { Redactor } from './sandbox/redact.ts';

const PATCH_NAMES = ['work-tree.patch', 'work-tree-2.patch'] as const;

/** `checkpoint/conversation.json`: all that another process needs to resume, with the name of the patch's artifact. */
const SavedConversation = ConversationState.extend({
  run: z.int(),
  baseSha: CommitSha,
  patchName: z.enum(PATCH_NAMES).optional(),
});

/** A checkpoint that another attempt can resume from. */
export type Resumable = { state: State; baseSha: string; patch: Buffer };

/** The usage of earlier attempts of this run. */
export type Spent = Pick<State, 'tokenUsage' | 'costUsd' | 'model'>;

type CheckpointOptions = {
  /** The folder of the artifacts. */
  prefix: string;
  run: number;
  log: Log;
  redactor: Redactor;
};

/** Saves the work after every step. The order of the writes makes sure that a partial save is never used. */
export class Checkpoints {
  readonly #store: ArtifactStore;
  readonly #options: CheckpointOptions;
  readonly #prefix: string;
  readonly #run: number;
  #patchName: (typeof PATCH_NAMES)[number] | undefined;
  /** Whether no patch can restore the tree any longer. The last save before that stays valid. */
  #isBehind = false;

  constructor(store: ArtifactStore, options: CheckpointOptions) {
    this.#store = store;
    this.#options = options;
    this.#prefix = options.prefix;
    this.#run = options.run;
  }

  /**
   * Loads what earlier attempts of this run saved: `spent` if they saved anything, `resumed` if the work can be resumed.
   * Damaged artifacts are logged and ignored.
   */
  async load(): Promise<{ resumed?: Resumable; spent?: Spent }> {
    const [saved, usage] = await Promise.all([
      this.#find('conversation.json', SavedConversation),
      this.#find('usage.json', Checkpoint),
    ]);
    // Either may be newer: only the usage has interrupted answers, and a kill may come between the two writes.
    const isUsageNewer = (usage?.tokenUsage.total ?? 0) > (saved?.tokenUsage.total ?? 0);
    const newest = isUsageNewer ? usage : (saved ?? usage);
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
      log.warn(`The checkpoint's patch ${patchName} is missing; the work starts over.`);
      return { spent };
    }
    this.#patchName = patchName;
    return { spent, resumed: { state: { ...state, tokenUsage, costUsd }, baseSha, patch } };
  }

  /** The patch to save for these changes, or `unkept` if they have none or it contains one of the worker's credentials. */
  async patchToKeep(git: Git, changes: Changes): Promise<Buffer | 'unkept'> {
    const { patch } = changes;
    const { redactor } = this.#options;
    if (!patch || redactor.isIn(patch)) return 'unkept';
    const withSecrets = await filesWithSecrets(git, changes, redactor);
    return withSecrets.length === 0 ? patch : 'unkept';
  }

  /** Without `patch`, the tree is the same as at the last save. */
  async save(state: State, baseSha: string, patch?: Buffer | 'unkept'): Promise<void> {
    if (patch) this.#isBehind = patch === 'unkept';
    if (this.#isBehind) return;
    if (patch instanceof Buffer) {
      // Never overwrites the patch that conversation.json names: a save is valid only once that file is written.
      const patchName = this.#patchName === PATCH_NAMES[0] ? PATCH_NAMES[1] : PATCH_NAMES[0];
      await persist(this.#store, this.#options.log, this.#prefix + patchName, patch, { durable: true });
      this.#patchName = patchName;
    }
    await this.#write('conversation.json', {
      ...state,
      run: this.#run,
      baseSha,
      patchName: this.#patchName,
    });
  }

  /** `checkpoint/usage.json`: a snapshot of the usage, which is billed even if the worker is lost. */
  async saveUsage(state: State, baseSha: string, model: string): Promise<void> {
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

  /** Redacts secrets that the model wrote, as in the outcome. */
  async #write(name: string, value: unknown): Promise<void> {
    const text = this.#options.redactor.text(JSON.stringify(value));
    await persist(this.#store, this.#options.log, this.#prefix + name, text, {
      contentType: 'application/json',
      durable: true,
    });
  }
}
