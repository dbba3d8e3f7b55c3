import type { Result } from "../result.ts";
import type { DurationNs, Epoch } from "../units.ts";

/** The cell on record as the owner of a shard. */
export interface ShardOwner {
  readonly region: string;
  /** Empty: it has handed the shard over, to whoever is in `region`. */
  readonly cell: string;
}

/** A market that follows its journal and asks whether it may be taken now. */
export interface Candidate {
  readonly market: string;
  readonly shard: string;
  readonly home: string;
  /** Why this log may not take the market although it has followed the journal; null when it may. */
  readonly blocked: string | null;
  /** Holder in the journal's last fence, as far as it was followed; null or absent: there is none. */
  readonly lastHolder?: string | null;
}

export type Candidacy =
  /** `lossAccepted`: an operator was shown what may be lost and takes it. */
  | { readonly may: "claim"; readonly lossAccepted: boolean }
  | { readonly may: "wait"; readonly owner: ShardOwner | null; readonly reason: string };

/** The right of this cell to own shards (DESIGN §8.1–8.3), as markets see it. */
export interface Ownership {
  /** region/cell#incarnation, as it stands in fences. */
  readonly holder: string;
  /**
   * Whether the market may be claimed now: its owner is this cell, has handed it over to this region,
   * or was silent for long enough and it is this cell's turn. Reads the store at the first question
   * about a shard; from then on the cell keeps looking for as long as it is asked.
   */
  candidacy(candidate: Candidate): Promise<Candidacy>;
  /** Calls the listener whenever the shard's record has changed: ask again. Until the returned function is called. */
  watchSuccession(shard: string, listener: () => void): () => void;
  /**
   * Takes the shard for this cell with an epoch above `floor` (the highest epoch in the market's
   * journal) and above the one recorded: compare-and-set on own.<shard>. `lastHolder` is the holder in
   * the journal's last fence, null or absent when it has none: a lost ownership record is made anew
   * only for that cell. Failure codes: not_owner (another live cell has it, or an operator must
   * decide), unavailable (try again). May take seconds: a silent owner is watched before it is fenced.
   */
  claim(shard: string, floor: Epoch, lastHolder?: string | null): Promise<Result<Epoch>>;
  /** Gives the shard up in favour of a region's cells. Failure codes: not_owner, unavailable. */
  handOver(shard: string, region: string): Promise<Result<void>>;
  /** Epoch of the shard as recorded; null when it never had an owner. Failure code: unavailable. */
  recordedEpoch(shard: string): Promise<Result<Epoch | null>>;
  /**
   * First of the shard's latest epochs that were all given to this cell: nobody else can have fenced since.
   * Null when another cell has the latest one, or nobody. Failure code: unavailable.
   */
  heldSince(shard: string): Promise<Result<Epoch | null>>;
  /** Monotonic time until which this cell's lease is valid; compare with Clock.monotonic(). */
  validUntil(): DurationNs;
  /**
   * Calls the listener at once, and whenever `validUntil` has changed, until the function it returns is
   * called.
   */
  watch(listener: (validUntil: DurationNs) => void): () => void;
}
