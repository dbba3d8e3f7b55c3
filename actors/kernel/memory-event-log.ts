import type { EventLog } from "./ports/event-log.ts";
import { ok, refuse } from "./result.ts";

/**
 * Event logs in the memory of this process: they survive the restart of an actor, not that of the
 * process. For tests, and for state that may be lost. `capacity`: most events of one log.
 */
export function memoryEventLog(capacity = 1_000_000): EventLog {
  const logs = new Map<string, Uint8Array[]>();
  return {
    async append(log, expected, events) {
      const kept = logs.get(log) ?? [];
      if (kept.length !== expected) {
        return refuse(
          "wrong_sequence",
          `the last event of ${log} is ${kept.length}, not ${expected}`,
          "read the log again and decide anew",
        );
      }
      if (kept.length + events.length > capacity) {
        return refuse(
          "log_full",
          `${log} holds ${kept.length} of ${capacity} events`,
          "raise the capacity of the event log",
        );
      }
      // Copies, for the caller may use its buffers again; slice() of a Buffer would be none.
      for (const event of events) kept.push(new Uint8Array(event));
      logs.set(log, kept);
      return ok(kept.length);
    },
    async read(log, after, limit) {
      const kept = logs.get(log) ?? [];
      return ok(kept.slice(after, after + limit).map((event) => new Uint8Array(event)));
    },
  };
}
