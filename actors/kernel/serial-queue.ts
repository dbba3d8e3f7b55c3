/** Something to do; it is finished when it returns or its promise settles. */
export type Operation = () => void | Promise<void>;

/**
 * Does one thing after another, in the order of asking. What can be done at once is done before
 * `enqueue` returns. Its owner bounds what is asked.
 */
export class SerialQueue {
  #waiting: Operation[] = [];
  #busy = false;

  enqueue(operation: Operation): void {
    this.#waiting.push(operation);
    if (!this.#busy) this.#drain();
  }

  /** Keeps operations waiting until release(). */
  hold(): void {
    this.#busy = true;
  }

  release(): void {
    this.#drain();
  }

  /** Takes out what has not begun. */
  takeWaiting(): readonly Operation[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }

  #drain(): void {
    this.#busy = true;
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      const pending = next();
      if (pending === undefined) continue;
      void pending.finally(() => this.#drain());
      return;
    }
    this.#busy = false;
  }
}
