import type { Result } from "../result.ts";
import type { StoredMessage } from "./bus.ts";

/**
 * The replicas of a journal one by one. Everybody else reads at the leader; this is for those who
 * must know whether each server still holds what was acknowledged.
 */
export interface JournalReplicas {
  /** Servers that hold the stream. Failure code: unavailable. */
  holders(stream: string): Promise<Result<ReplicaHolders>>;
  /**
   * Opens a reader of the subject's messages as `server` itself holds them, from the first one on.
   * Failure code: unavailable.
   */
  open(stream: string, subject: string, server: string): Promise<Result<ReplicaReader>>;
  /** Asks the leader to leave its place to another holder, if it may be `preferred`. Failure code: unavailable. */
  stepDown(stream: string, preferred: string | null): Promise<Result<void>>;
}

export interface ReplicaHolders {
  /** Empty while there is none. */
  readonly leader: string;
  /** The leader and all followers that are up. */
  readonly up: readonly string[];
  readonly down: readonly string[];
}

export interface ReplicaReader {
  /** The next messages, `most` at most; none when there is no more now. Failure code: unavailable. */
  next(most: number): Promise<Result<readonly StoredMessage[]>>;
  close(): Promise<void>;
}
