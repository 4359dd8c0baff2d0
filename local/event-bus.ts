import { EVENT_RULES, type EventFunction } from '../core/events.ts';
import type { JobStateChangeEvent } from './batch/state-change.ts';
import type { StatusChangeEvent } from './states/status-change.ts';

/** Replaces EventBridge: invokes the functions whose rule matches an event. */
export class EventBus {
  readonly #invoke: (name: EventFunction, event: object) => Promise<unknown>;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(invoke: (name: EventFunction, event: object) => Promise<unknown>) {
    this.#invoke = invoke;
  }

  /** Returns at once, as EventBridge does. A function logs its errors, and the reconciler repairs what they leave undone. */
  put(event: StatusChangeEvent | JobStateChangeEvent): void {
    for (const [name, rule] of Object.entries(EVENT_RULES) as [EventFunction, Rule][]) {
      const { source, detailType, statuses } = rule;
      if (event.source !== source || event['detail-type'] !== detailType) continue;
      if (!statuses.includes(event.detail.status ?? '')) continue;
      const delivery = this.#invoke(name, event).catch(() => {});
      this.#underWay.add(delivery);
      delivery.then(() => this.#underWay.delete(delivery));
    }
  }

  /** Waits for the running invocations. */
  async close(): Promise<void> {
    await Promise.all(this.#underWay);
  }
}

type Rule = { source: string; detailType: string; statuses: readonly string[] };
