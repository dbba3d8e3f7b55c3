import { isBetter, type Side } from "./events.ts";
import type { BookRange, BookRow } from "./lobster.ts";

/**
 * Compares the best bid and offer states of a replay with those of a book file. Both files of one
 * session with the same number of rows are compared row by row; else the distinct consecutive states
 * of the replay are looked for, in order, among those of the file.
 */

/** How many distinct file states after the last one found are searched. */
export const SEARCH_WINDOW = 30;

export interface BookCheckSummary {
  readonly method: "row by row" | "distinct states in order";
  /** States compared: rows, or distinct consecutive states of the exchange. */
  readonly states: number;
  /** Those that the file confirms. */
  readonly found: number;
  /** Rows of the file that could not be read. */
  readonly malformed: number;
  /** States left out because a reply of the exchange was lost and came back without its touch. */
  readonly unknown: number;
}

const VALUES_OF_ROW = 6;

/** The states of a book file, best level only, and the ends of its range: 48 bytes a row. */
export class BookStates {
  #values = new Float64Array(VALUES_OF_ROW * 1024);
  #rows = 0;
  #levels: number | null = null;
  malformed = 0;

  /** Price levels of a side in every row; null when the rows differ or do not tell. */
  get levels(): number | null {
    return this.#levels;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Null is a row that could not be read: it keeps its place and equals nothing. */
  add(row: BookRow | null, range: BookRange = wholeBook): void {
    const at = this.#rows * VALUES_OF_ROW;
    if (at + VALUES_OF_ROW > this.#values.length) {
      const grown = new Float64Array(this.#values.length * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    if (row === null) {
      this.malformed += 1;
      this.#values.fill(Number.NaN, at, at + 4);
    } else {
      const first = this.#rows === this.malformed;
      if (first || this.#levels !== range.levels) this.#levels = first ? range.levels : null;
      const { lastBid, lastAsk } = range;
      this.#values.set(
        [row.bidPrice, row.bidQuantity, row.askPrice, row.askQuantity, lastBid, lastAsk],
        at,
      );
    }
    this.#rows += 1;
  }

  /** Whether the row (0, 1, …) has the price of that side within its levels; true if not known. */
  covers(index: number, side: Side, price: number): boolean {
    if (index < 0 || index >= this.#rows) return true;
    const last = this.#values[index * VALUES_OF_ROW + (side === "buy" ? 4 : 5)] ?? 0;
    return last === 0 || !isBetter(side, last, price);
  }

  equals(index: number, row: BookRow): boolean {
    const at = index * VALUES_OF_ROW;
    return (
      index < this.#rows &&
      this.#values[at] === row.bidPrice &&
      this.#values[at + 1] === row.bidQuantity &&
      this.#values[at + 2] === row.askPrice &&
      this.#values[at + 3] === row.askQuantity
    );
  }

  /** The same states without unreadable rows and without repetitions in a row. */
  distinct(): BookStates {
    const result = new BookStates();
    result.malformed = this.malformed;
    for (let index = 0; index < this.#rows; index += 1) {
      const row = this.#row(index);
      if (Number.isNaN(row.bidPrice)) continue;
      if (result.rows > 0 && result.equals(result.rows - 1, row)) continue;
      result.add(row);
    }
    return result;
  }

  #row(index: number): BookRow {
    const at = index * VALUES_OF_ROW;
    const [bidPrice = 0, bidQuantity = 0, askPrice = 0, askQuantity = 0] = this.#values.subarray(
      at,
      at + 4,
    );
    return { bidPrice, bidQuantity, askPrice, askQuantity };
  }
}

const wholeBook: BookRange = { levels: null, lastBid: 0, lastAsk: 0 };

/** Takes the state of the exchange after each row of the session. */
export class BookCheck {
  readonly #byRow: boolean;
  readonly #file: BookStates;
  #row = 0;
  #next = 0;
  #last: BookRow | null = null;
  #states = 0;
  #found = 0;
  #unknown = 0;

  /** `sessionRows`: rows of the session's file, malformed ones included. */
  constructor(file: BookStates, sessionRows: number) {
    this.#byRow = file.rows === sessionRows;
    this.#file = this.#byRow ? file : file.distinct();
  }

  /** Null: the state after this row is not known. */
  afterRow(state: BookRow | null): void {
    const row = this.#row;
    this.#row += 1;
    if (state === null) {
      this.#unknown += 1;
      return;
    }
    if (this.#byRow) {
      this.#states += 1;
      if (this.#file.equals(row, state)) this.#found += 1;
      return;
    }
    if (this.#last !== null && sameState(this.#last, state)) return;
    this.#last = state;
    this.#states += 1;
    const end = Math.min(this.#next + SEARCH_WINDOW, this.#file.rows);
    for (let index = this.#next; index < end; index += 1) {
      if (!this.#file.equals(index, state)) continue;
      this.#next = index + 1;
      this.#found += 1;
      return;
    }
  }

  summary(): BookCheckSummary {
    return {
      method: this.#byRow ? "row by row" : "distinct states in order",
      states: this.#states,
      found: this.#found,
      malformed: this.#file.malformed,
      unknown: this.#unknown,
    };
  }
}

const sameState = (a: BookRow, b: BookRow): boolean =>
  a.bidPrice === b.bidPrice &&
  a.bidQuantity === b.bidQuantity &&
  a.askPrice === b.askPrice &&
  a.askQuantity === b.askQuantity;
