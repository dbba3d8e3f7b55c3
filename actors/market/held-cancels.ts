import type { RequestTrace } from "../kernel/ports/tracing.ts";

/** Requests that hold only cancels and reductions, kept while the market may take nothing. */
export const CANCELS_HELD = 1_024;

export interface HeldRequest {
  readonly payload: Uint8Array;
  readonly reply: (payload: Uint8Array) => void;
  readonly trace: RequestTrace | undefined;
}

/**
 * A cell whose lease has lapsed cannot know whether it still owns the market. Orders go elsewhere; who
 * wants to be out of the market is not sent away: the request waits for the lease. Should the ownership
 * have ended, it gets no answer, and the same numbers are sent to the next owner.
 */
export class HeldCancels {
  #held: HeldRequest[] = [];

  get length(): number {
    return this.#held.length;
  }

  /** False when there is no room. */
  hold(request: HeldRequest): boolean {
    if (this.#held.length >= CANCELS_HELD) return false;
    this.#held.push(request);
    return true;
  }

  /** All of them, in the order in which they came. */
  take(): readonly HeldRequest[] {
    const held = this.#held;
    this.#held = [];
    return held;
  }
}
