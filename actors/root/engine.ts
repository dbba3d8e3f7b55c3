import { PortableEngine } from "../../native/portable/engine.ts";
import { decodeCommand, encodeEvent, EventReader } from "../../native/slots.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { EngineSlots, MatchingEngine } from "../kernel/ports/matching-engine.ts";
import { ok, type Result } from "../kernel/result.ts";

/** Events and commands as slots, for market actors. */
export function engineSlots(): EngineSlots {
  const reader = new EventReader();
  return {
    encode: encodeEvent,
    read: (view, offset) => reader.read(view, offset),
    command(view, offset) {
      const command = decodeCommand(view, offset);
      return command.kind === "unreadable" ? null : command;
    },
  };
}

export function chooseEngine(
  wanted: "auto" | "native" | "portable",
  clock: Clock,
  log: Log,
): Result<MatchingEngine> {
  if (wanted === "auto") log.info({}, "running on the portable engine");
  return ok(new PortableEngine({ clock }));
}
