import type { Result } from "../result.ts";
import type { Epoch } from "../units.ts";

/**
 * Where event-sourced actors keep what has happened to them: one log per actor, its events numbered
 * 1, 2, 3, … The writer states the number of the last event it knows, so that two writers of one log
 * cannot both succeed, and the epoch under which it owns the log, so that one that was replaced cannot
 * read on and go on writing.
 */
export interface EventLog {
  /**
   * Appends all events or none; resolves with the number of the last one once they are kept as
   * safely as the implementation promises. `epoch`: absent means 0; with no events a log that another
   * process may write to refuses lower ones from then on. Failure codes: wrong_sequence
   * (the log's last event is not `expected`: another writer; read again), stale_epoch (a higher epoch
   * has written: this writer was replaced for good), log_full, unavailable (ambiguous: read again).
   */
  append(
    log: string,
    expected: number,
    events: readonly Uint8Array[],
    epoch?: Epoch,
  ): Promise<Result<number>>;
  /**
   * At most `limit` events after number `after`, in order; empty at the end. Failure codes: trimmed
   * (a snapshot has taken the place of some of them), unavailable.
   */
  read(log: string, after: number, limit: number): Promise<Result<readonly Uint8Array[]>>;
}

/** What an actor was after its event `sequence`. */
export interface Snapshot {
  readonly sequence: number;
  readonly state: Uint8Array;
}

/** An event log whose length is bounded by snapshots. */
export interface SnapshotLog extends EventLog {
  /**
   * Keeps a snapshot of what the log says up to its last event. The one before is kept too, with all
   * events after it, in case this one is damaged; older events and snapshots are dropped. Failure
   * codes: wrong_sequence (the log's last event is another), stale_epoch, unavailable.
   */
  storeSnapshot(log: string, snapshot: Snapshot, epoch?: Epoch): Promise<Result<void>>;
  /** The newest snapshot that is whole; null when there is none. Failure code: unavailable. */
  readSnapshot(log: string): Promise<Result<Snapshot | null>>;
}

/** Whether a log takes snapshots; one that does not is read whole at each start. */
export function keepsSnapshots(log: EventLog): log is SnapshotLog {
  return "readSnapshot" in log && "storeSnapshot" in log;
}
