/**
 * What a cell has refused outside its markets (they count their own), by code. It outlives restarts
 * of the actors that count: the numbers are totals of this process.
 */
export class RefusalCounter {
  readonly #counts = new Map<string, number>();

  count(code: string): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
  }

  read(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
