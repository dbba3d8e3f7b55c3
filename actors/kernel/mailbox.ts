/** A message on its way to an actor. */
export interface Envelope {
  readonly message: unknown;
  /** How often the actor has failed while working on it. */
  attempts: number;
  /** Takes the reply or, from the kernel, a refusal; null for a message without an asker. */
  readonly answer: Answer | null;
}

export interface Answer {
  /** True when a reply, a refusal or a time-out has come: what comes later is ignored. */
  readonly settled: boolean;
  reply(value: unknown): void;
  refuse(code: string, reason: string, next: string): void;
  onSettled(callback: () => void): void;
}

/**
 * The messages an actor has not finished: a bounded queue, oldest first. The message in work stays
 * at the head until it is done, so that a failure loses nothing.
 */
export class Mailbox {
  readonly #capacity: number;
  #slots: (Envelope | undefined)[] = [];
  #head = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#slots.length - this.#head;
  }

  /** False when the mailbox with `besides` other obligations of the actor is full; nothing is taken then. */
  offer(envelope: Envelope, besides = 0): boolean {
    if (this.size + besides >= this.#capacity) return false;
    this.#slots.push(envelope);
    return true;
  }

  peek(): Envelope | null {
    return this.#slots[this.#head] ?? null;
  }

  /** Removes the head. */
  take(): Envelope | null {
    const envelope = this.peek();
    if (envelope === null) return null;
    this.#slots[this.#head] = undefined;
    this.#head += 1;
    // Moving the rest costs its length; done only when at least half of the array is empty.
    if (this.#head * 2 >= this.#slots.length) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    return envelope;
  }

  /** Empties the mailbox, oldest first. */
  clear(): readonly Envelope[] {
    const envelopes = this.#slots.slice(this.#head) as Envelope[];
    this.#slots = [];
    this.#head = 0;
    return envelopes;
  }
}
