/** What is still to happen, earliest first; what was added first goes first among equals. A binary heap. */
export class Agenda<T> {
  readonly #items: { readonly time: number; readonly order: number; readonly value: T }[] = [];
  #added = 0;

  /** Time of the earliest item; infinity when there is none. */
  get next(): number {
    return this.#items[0]?.time ?? Number.POSITIVE_INFINITY;
  }

  add(time: number, value: T): void {
    const item = { time, order: this.#added, value };
    this.#added += 1;
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** The earliest item, which leaves; null when there is none. */
  take(): T | null {
    const first = this.#items[0];
    const last = this.#items.pop();
    if (first === undefined || last === undefined) return null;
    if (first === last) return first.value;
    this.#items[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < this.#items.length && this.#before(child, least)) least = child;
      if (least === at) return first.value;
      this.#swap(at, least);
      at = least;
    }
  }

  #before(left: number, right: number): boolean {
    const [a, b] = [this.#items[left]!, this.#items[right]!];
    return a.time < b.time || (a.time === b.time && a.order < b.order);
  }

  #swap(left: number, right: number): void {
    [this.#items[left], this.#items[right]] = [this.#items[right]!, this.#items[left]!];
  }
}
