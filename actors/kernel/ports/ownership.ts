import type { Result } from "../result.ts";
import type { DurationNs, Epoch } from "../units.ts";

/** The right of this cell to own shards (DESIGN §8.1–8.3), as markets see it. */
export interface Ownership {
  /** region/cell#incarnation, as it stands in fences. */
  readonly holder: string;
  /**
   * Takes the shard for this cell with an epoch above `floor` (the highest epoch in the market's
   * journal) and at least the one recorded: compare-and-set on own.<shard>. Failure codes: not_owner
   * (another live cell has it), unavailable (try again).
   */
  claim(shard: string, floor: Epoch): Promise<Result<Epoch>>;
  /** Monotonic time until which this cell's lease is valid; compare with Clock.monotonic(). */
  validUntil(): DurationNs;
}
