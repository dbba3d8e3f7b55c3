import type { StoredMessage } from "../kernel/ports/bus.ts";

/**
 * The messages of one stream as JetStream keeps them: numbered over all subjects, appended if the
 * subject's last message is the expected one. Buckets are streams whose subjects are keys.
 */
export class StreamStore {
  readonly #subjects = new Map<string, StoredMessage[]>();
  /** Subject of each stored message, by stream sequence - 1; null where one was pushed out. */
  readonly #order: (string | null)[] = [];
  readonly #perSubject: number;

  /** `perSubject`: messages of one subject that are kept; the oldest makes room. */
  constructor(perSubject = Number.POSITIVE_INFINITY) {
    this.#perSubject = perSubject;
  }

  get lastSequence(): number {
    return this.#order.length;
  }

  /** Stream sequence of the subject's last message, 0 without one. */
  tailSequence(subject: string): number {
    return this.#subjects.get(subject)?.at(-1)?.streamSequence ?? 0;
  }

  /** Stores the message iff the subject's tail is the expected one; its sequence, or null. */
  append(subject: string, payload: Uint8Array, expectedTail: number): number | null {
    return this.tailSequence(subject) === expectedTail ? this.store(subject, payload) : null;
  }

  /** Stores the message whatever the tail is. */
  store(subject: string, payload: Uint8Array): number {
    const streamSequence = this.#order.length + 1;
    this.#order.push(subject);
    const held = this.#subjects.get(subject);
    const message = { streamSequence, payload: payload.slice() };
    if (held === undefined) this.#subjects.set(subject, [message]);
    else held.push(message);
    if (held !== undefined && held.length > this.#perSubject) {
      const oldest = held.shift();
      if (oldest !== undefined) this.#order[oldest.streamSequence - 1] = null;
    }
    return streamSequence;
  }

  /** Forgets the last `count` sequences; they are given again. */
  loseSuffix(count: number): void {
    for (let lost = 0; lost < count && this.#order.length > 0; lost += 1) {
      const subject = this.#order.pop();
      if (subject !== undefined && subject !== null) this.#subjects.get(subject)?.pop();
    }
  }

  /** Everything on the subject, in stream order. */
  messages(subject: string): readonly StoredMessage[] {
    return this.#subjects.get(subject) ?? [];
  }

  /** Last message on the subject among the first `asOf` of the stream. */
  tail(subject: string, asOf = Number.POSITIVE_INFINITY): StoredMessage | null {
    const held = this.messages(subject);
    return held[firstAtOrAfter(held, asOf + 1) - 1] ?? null;
  }

  /** First message on the subject at or after `from`, among the first `asOf` of the stream. */
  next(subject: string, from: number, asOf = Number.POSITIVE_INFINITY): StoredMessage | null {
    const held = this.messages(subject);
    const found = held[firstAtOrAfter(held, from)];
    return found === undefined || found.streamSequence > asOf ? null : found;
  }

  /** Subjects that hold a message, in the order of their first one. */
  subjects(): readonly string[] {
    return [...this.#subjects].filter(([, held]) => held.length > 0).map(([subject]) => subject);
  }
}

/** Index of the first message at or after the sequence; the length when there is none. */
function firstAtOrAfter(messages: readonly StoredMessage[], sequence: number): number {
  let low = 0;
  for (let high = messages.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((messages[middle]?.streamSequence ?? 0) < sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
