import type { Clock } from "../kernel/ports/clock.ts";
import type { EngineSlots, MarketEngine } from "../kernel/ports/matching-engine.ts";
import { RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import { durationNs, type DurationNs, sequence as sequenceOf } from "../kernel/units.ts";

export type StampClock = Pick<Clock, "monotonic" | "now">;

const SLOT_OFFSET = 32;

/**
 * What the record of a command tells of it: when the match thread stamped it, by the monotonic clock, and
 * whose session sent it. Null: it cannot be read yet, or the engine's records have no stamps.
 */
export function readStamp(
  engine: MarketEngine,
  slots: EngineSlots,
  clock: StampClock,
  sequence: number,
): { readonly sequenced: DurationNs; readonly session: number } | null {
  if (slots.sequencedAt === undefined || sequence === 0) return null;
  const record = engine.records(sequenceOf(sequence), RECORD_BYTES);
  if (record.length !== RECORD_BYTES) return null;
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const ago = Number(clock.now() - slots.sequencedAt(view, 0));
  const command = slots.command(view, SLOT_OFFSET);
  return {
    sequenced: durationNs(Math.max(Math.round(clock.monotonic() - ago), 0)),
    session: command === null ? 0 : command.session,
  };
}
