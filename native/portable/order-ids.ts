/** Ids of orders: `generation * 2^24 + slot`, each given once (native/engine/README.md, Order ids). */

const SLOT_FACTOR = 2 ** 24;
const LAST_SLOT = SLOT_FACTOR - 1;
/** A slot that has reached this generation is not used again, so that ids stay safe integers. */
const LAST_GENERATION = 2 ** 29 - 1;

export class OrderIds {
  /** Freed slots, the most recent one last. */
  readonly #freed: number[] = [];
  /** Of each slot that was ever used; the slots are 1, 2, 3, … */
  readonly #generations = [0];

  /** True when every id has been given. */
  get exhausted(): boolean {
    return this.#freed.length === 0 && this.#generations.length > LAST_SLOT;
  }

  /** The next id; not when exhausted. */
  take(): number {
    const slot = this.#freed.pop() ?? this.#generations.length;
    const generation = (this.#generations[slot] ?? 0) + 1;
    this.#generations[slot] = generation;
    return generation * SLOT_FACTOR + slot;
  }

  /** Gives back the slot of an id, unless it is used up. */
  free(id: number): void {
    if (canBeFreed(id)) this.#freed.push(id % SLOT_FACTOR);
  }

  /** True when there would be no id to take even after `id` was freed. */
  exhaustedAfterFreeing(id: number): boolean {
    return this.exhausted && !canBeFreed(id);
  }
}

const canBeFreed = (id: number): boolean => Math.floor(id / SLOT_FACTOR) < LAST_GENERATION;
