import type { Result } from "../result.ts";
import type { DurationNs, Epoch } from "../units.ts";

/** The right of this cell to own shards (DESIGN §8.1–8.3), as markets see it. */
export interface Ownership {
  /** region/cell#incarnation, as it stands in fences. */
  readonly holder: string;
  /**
   * Takes the shard for this cell with an epoch above `floor` (the highest epoch in the market's
   * journal) and above the one recorded: compare-and-set on own.<shard>. `lastHolder` is the holder in
   * the journal's last fence, null or absent when it has none: a lost ownership record is made anew
   * only for that cell. Failure codes: not_owner (another live cell has it, or an operator must
   * decide), unavailable (try again). May take seconds: a silent owner is watched before it is fenced.
   */
  claim(shard: string, floor: Epoch, lastHolder?: string | null): Promise<Result<Epoch>>;
  /** Epoch of the shard as recorded; null when it never had an owner. Failure code: unavailable. */
  recordedEpoch(shard: string): Promise<Result<Epoch | null>>;
  /** Monotonic time until which this cell's lease is valid; compare with Clock.monotonic(). */
  validUntil(): DurationNs;
  /**
   * Calls the listener at once, and whenever `validUntil` has changed, until the function it returns is
   * called.
   */
  watch(listener: (validUntil: DurationNs) => void): () => void;
}
