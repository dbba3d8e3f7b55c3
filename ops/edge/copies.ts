import type { wire } from "../../schemas/messages.ts";

type L1 = wire.market.v1.IL1;
type L2 = wire.market.v1.IL2;
type Level = wire.market.v1.IBookLevel;
type Trade = wire.market.v1.ITrade;

/** Trades of a market that are kept. */
const tradesKept = 64;
/** Levels that the owner is asked for: as many as it publishes. */
export const levelsKept = 20;
/** Markets kept at most; a first read of one more is refused. */
export const marketsKept = 1_024;
/** A market that nobody has read for this long is kept no longer. */
export const idleMs = 60_000;

/** The book as its owner tells it. */
export interface ConfirmedBook {
  readonly region: string;
  readonly sequence: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
}

/** A copy as it is read. */
export interface CopyView {
  readonly region: string;
  readonly ageMs: number;
  readonly stale: boolean;
  readonly sequence: number;
  readonly bids: readonly Level[];
  readonly asks: readonly Level[];
  readonly l1: L1 | null;
  readonly trades: readonly Trade[];
}

interface Copy {
  region: string;
  /** When the last question was sent that the owner has answered. */
  confirmedAtMs: number;
  changedAtMs: number;
  readAtMs: number;
  sequence: number;
  bids: readonly Level[];
  asks: readonly Level[];
  l1: L1 | null;
  trades: readonly Trade[];
}

/** Copies of markets' public data, each with how old it may be. All times are of one monotonic clock. */
export class Copies {
  readonly boundMs: number;
  readonly #copies = new Map<string, Copy>();

  constructor(boundMs: number) {
    this.boundMs = boundMs;
  }

  get markets(): readonly string[] {
    return [...this.#copies.keys()];
  }
  get full(): boolean {
    return this.#copies.size >= marketsKept;
  }

  /** The age of the oldest copy; 0 with none. */
  oldestMs(nowMs: number): number {
    return [...this.#copies.values()].reduce(
      (oldest, copy) => Math.max(oldest, nowMs - copy.confirmedAtMs),
      0,
    );
  }

  /** Null when the market is not kept. */
  read(market: string, nowMs: number): CopyView | null {
    const copy = this.#copies.get(market);
    if (copy === undefined) return null;
    copy.readAtMs = nowMs;
    const ageMs = Math.max(0, nowMs - copy.confirmedAtMs);
    const { region, sequence, bids, asks, l1, trades } = copy;
    return { region, ageMs, stale: ageMs > this.boundMs, sequence, bids, asks, l1, trades };
  }

  /** The owner's answer to a question that was sent at `askedAtMs`; from now on the market is kept. */
  confirm(market: string, book: ConfirmedBook, askedAtMs: number, nowMs: number): void {
    const kept = this.#copies.get(market);
    if (kept === undefined) {
      if (this.full) return;
      this.#copies.set(market, {
        ...book,
        confirmedAtMs: askedAtMs,
        changedAtMs: nowMs,
        readAtMs: nowMs,
        l1: null,
        trades: [],
      });
      return;
    }
    kept.confirmedAtMs = Math.max(kept.confirmedAtMs, askedAtMs);
    kept.region = book.region;
    // What was published while the answer was under way is newer; else the owner's word counts, also when its
    // sequence is lower, as after a takeover that lost a tail.
    if (book.sequence < kept.sequence && kept.changedAtMs >= askedAtMs) return;
    const { sequence, bids, asks } = book;
    Object.assign(kept, { sequence, bids, asks, changedAtMs: nowMs });
  }

  /** What a market has published; true when it is kept and was behind. */
  takeLevels(market: string, { sequence, bids, asks }: L2, nowMs: number): boolean {
    const copy = this.#copies.get(market);
    if (copy === undefined || (sequence ?? 0) < copy.sequence) return false;
    Object.assign(copy, {
      sequence: sequence ?? 0,
      bids: bids ?? [],
      asks: asks ?? [],
      changedAtMs: nowMs,
    });
    return true;
  }

  takeTouch(market: string, l1: L1): boolean {
    const copy = this.#copies.get(market);
    if (copy === undefined) return false;
    copy.l1 = l1;
    return true;
  }

  takeTrades(market: string, trades: readonly Trade[]): boolean {
    const copy = this.#copies.get(market);
    if (copy === undefined) return false;
    copy.trades = [...copy.trades, ...trades].slice(-tradesKept);
    return true;
  }

  /** Lets go of what nobody reads; the names. */
  sweep(nowMs: number): readonly string[] {
    const idle = [...this.#copies].filter(([, copy]) => nowMs - copy.readAtMs > idleMs);
    for (const [market] of idle) this.#copies.delete(market);
    return idle.map(([market]) => market);
  }
}
