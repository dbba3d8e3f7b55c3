import type { Result } from "../result.ts";

/**
 * Where event-sourced actors keep what has happened to them: one log per actor, its events numbered
 * 1, 2, 3, … The writer states the number of the last event it knows, so that two writers of one log
 * cannot both succeed.
 */
export interface EventLog {
  /**
   * Appends all events or none; resolves with the number of the last one once they are kept as
   * safely as the implementation promises. Failure codes: wrong_sequence (the log's last event is not
   * `expected`: another writer; read again), log_full, unavailable (ambiguous: read again).
   */
  append(log: string, expected: number, events: readonly Uint8Array[]): Promise<Result<number>>;
  /**
   * At most `limit` events after number `after`, in order; empty at the end. Failure code: unavailable.
   */
  read(log: string, after: number, limit: number): Promise<Result<readonly Uint8Array[]>>;
}
