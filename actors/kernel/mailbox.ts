/** A message on its way to an actor. */
export interface Envelope {
  readonly message: unknown;
  /** How often the actor has failed while working on it. */
  attempts: number;
  /** Takes the reply or, from the kernel, a refusal; null for a message without an asker. */
  readonly answer: Answer | null;
  /** A system message: delivered before every ordinary one. */
  readonly signal: boolean;
}

export interface Answer {
  /** True when a reply, a refusal or a time-out has come: what comes later is ignored. */
  readonly settled: boolean;
  reply(value: unknown): void;
  refuse(code: string, reason: string, next: string): void;
  onSettled(callback: () => void): void;
}

/**
 * The messages an actor has not finished, oldest first, in two bounded lanes: system messages go
 * before ordinary ones. The message in work stays at the head of its lane until it is done, so that a
 * failure loses nothing. What the actor has stashed waits apart and still takes room.
 */
export class Mailbox {
  readonly #capacity: number;
  readonly #signalCapacity: number;
  readonly #ordinary = new Lane();
  /** Made when the first system message or stash comes: most actors never have one. */
  #signals: Lane | null = null;
  #stash: Envelope[] | null = null;

  constructor(capacity: number, signalCapacity: number) {
    this.#capacity = capacity;
    this.#signalCapacity = signalCapacity;
  }

  /** Everything held. */
  get size(): number {
    return this.#ordinary.size + (this.#signals?.size ?? 0) + this.stashed;
  }

  /** What peek() would come to. */
  get waiting(): number {
    return this.#ordinary.size + (this.#signals?.size ?? 0);
  }

  get stashed(): number {
    return this.#stash?.length ?? 0;
  }

  /** False when its lane, with `besides` other obligations of the actor, is full; nothing is taken then. */
  offer(envelope: Envelope, besides = 0): boolean {
    if (envelope.signal) {
      this.#signals ??= new Lane();
      if (this.#signals.size >= this.#signalCapacity) return false;
      this.#signals.push(envelope);
      return true;
    }
    if (this.#ordinary.size + this.stashed + besides >= this.#capacity) return false;
    this.#ordinary.push(envelope);
    return true;
  }

  peek(): Envelope | null {
    return this.#signals?.peek() ?? this.#ordinary.peek();
  }

  /** Removes the message in work, which is the head of its lane. */
  remove(envelope: Envelope): void {
    (envelope.signal ? this.#signals : this.#ordinary)?.take();
  }

  /** Removes the head. */
  take(): Envelope | null {
    const envelope = this.peek();
    if (envelope !== null) this.remove(envelope);
    return envelope;
  }

  /** Puts the message in work aside. */
  stash(envelope: Envelope): void {
    this.remove(envelope);
    this.#stash ??= [];
    this.#stash.push(envelope);
  }

  /** What was put aside comes next, in the order in which it first came. */
  unstash(): void {
    if (this.#stash === null) return;
    const stashed = this.#stash;
    this.#stash = null;
    const signals = stashed.filter(({ signal }) => signal);
    if (signals.length > 0) this.#signals?.putBefore(signals);
    this.#ordinary.putBefore(stashed.filter(({ signal }) => !signal));
  }

  /** Empties the mailbox: what was put aside, then system messages, then the others. */
  clear(): readonly Envelope[] {
    this.unstash();
    return [...(this.#signals?.clear() ?? []), ...this.#ordinary.clear()];
  }
}

const nothing: readonly Envelope[] = [];

/** A queue whose array is made when something comes: most actors of a large system are idle. */
class Lane {
  #slots: (Envelope | undefined)[] | null = null;
  #head = 0;

  get size(): number {
    return this.#slots === null ? 0 : this.#slots.length - this.#head;
  }

  push(envelope: Envelope): void {
    if (this.#slots === null) this.#slots = [envelope];
    else this.#slots.push(envelope);
  }

  peek(): Envelope | null {
    return this.#slots?.[this.#head] ?? null;
  }

  take(): void {
    if (this.#slots === null) return;
    this.#slots[this.#head] = undefined;
    this.#head += 1;
    if (this.#head === this.#slots.length) {
      // A short array is kept for what comes next; a long one was a burst.
      if (this.#head <= 32) this.#slots.length = 0;
      else this.#slots = null;
      this.#head = 0;
    } else if (this.#head >= 32 && this.#head * 2 >= this.#slots.length) {
      // Moving the rest costs its length; done only when at least half of the array is empty.
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
  }

  putBefore(envelopes: readonly Envelope[]): void {
    if (envelopes.length === 0) return;
    this.#slots = [...envelopes, ...(this.#slots?.slice(this.#head) ?? [])];
    this.#head = 0;
  }

  clear(): readonly Envelope[] {
    if (this.#slots === null) return nothing;
    const envelopes = this.#slots.slice(this.#head) as Envelope[];
    this.#slots = null;
    this.#head = 0;
    return envelopes;
  }
}
