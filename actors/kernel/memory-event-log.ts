import { logFull, staleEpoch, trimmed, wrongSequence } from "./event-log-refusals.ts";
import type { Snapshot, SnapshotLog } from "./ports/event-log.ts";
import { ok } from "./result.ts";
import { epoch as epochOf } from "./units.ts";

interface Kept {
  /** Number of the last event that was dropped. */
  base: number;
  epoch: number;
  events: Uint8Array[];
  /** The one before the newest, and the newest. */
  snapshots: readonly Snapshot[];
}

/**
 * Event logs in the memory of this process: they survive the restart of an actor, not that of the
 * process. For tests, and for state that may be lost. `capacity`: most events kept of one log.
 */
export function memoryEventLog(capacity = 1_000_000): SnapshotLog {
  const logs = new Map<string, Kept>();
  const keptOf = (log: string): Kept =>
    logs.get(log) ?? { base: 0, epoch: 0, events: [], snapshots: [] };
  return {
    async append(log, expected, events, epoch = epochOf(0)) {
      const kept = keptOf(log);
      const last = kept.base + kept.events.length;
      if (epoch < kept.epoch) return staleEpoch(log, kept.epoch, epoch);
      if (last !== expected) return wrongSequence(log, last, expected);
      if (kept.events.length + events.length > capacity) {
        return logFull(log, kept.events.length, capacity);
      }
      // Copies, for the caller may use its buffers again; slice() of a Buffer would be none.
      for (const event of events) kept.events.push(new Uint8Array(event));
      kept.epoch = epoch;
      logs.set(log, kept);
      return ok(last + events.length);
    },
    async read(log, after, limit) {
      const { base, events } = keptOf(log);
      if (after < base) return trimmed(log, base + 1);
      const from = after - base;
      return ok(events.slice(from, from + limit).map((event) => new Uint8Array(event)));
    },
    async storeSnapshot(log, { sequence, state }, epoch = epochOf(0)) {
      const kept = keptOf(log);
      const last = kept.base + kept.events.length;
      if (epoch < kept.epoch) return staleEpoch(log, kept.epoch, epoch);
      if (last !== sequence) return wrongSequence(log, last, sequence);
      const before = kept.snapshots.at(-1);
      kept.snapshots = [
        ...(before === undefined ? [] : [before]),
        { sequence, state: new Uint8Array(state) },
      ];
      const base = before?.sequence ?? 0;
      kept.events = kept.events.slice(base - kept.base);
      kept.base = base;
      kept.epoch = epoch;
      logs.set(log, kept);
      return ok(undefined);
    },
    async readSnapshot(log) {
      const newest = keptOf(log).snapshots.at(-1);
      return ok(newest === undefined ? null : { ...newest, state: new Uint8Array(newest.state) });
    },
  };
}
