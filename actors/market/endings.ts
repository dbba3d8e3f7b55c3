import type { Failure } from "../kernel/result.ts";

/** Thrown to the supervisor when this cell's ownership of the market ended: a restart claims it anew. */
export class OwnershipEnded extends Error {
  override readonly name = "OwnershipEnded";
}

/** The log has gone another way than the journal; the records that the chain cut off are written down. */
export class Diverged extends Error {
  override readonly name = "Diverged";
  /** Sequences of the records that were put in quarantine. */
  readonly first: number;
  readonly last: number;

  constructor(reason: string, first: number, last: number) {
    super(reason);
    this.first = first;
    this.last = last;
  }
}

/** Only an operator can help: the market stays in the tree as `failed` and says why. */
export class MarketFailed extends Error {
  override readonly name = "MarketFailed";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.reason}; ${failure.next}`);
    this.failure = failure;
  }
}
