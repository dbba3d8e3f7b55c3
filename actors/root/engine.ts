import { loadNativeEngine } from "../../native/index.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { decodeCommand } from "../../native/command-slots.ts";
import { readRecordHeader } from "../../native/records.ts";
import { encodeEvent, EventReader } from "../../native/event-slots.ts";
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
    sequencedAt: (view, offset) => readRecordHeader(view, offset).timestamp,
    command(view, offset) {
      const command = decodeCommand(view, offset);
      return command.kind === "unreadable" ? null : command;
    },
  };
}

/** Where cells of a host lock their cores: every user of a Debian machine can make files there. */
const coreLocks = "/run/lock";

/**
 * The engine a cell runs on. `auto` takes the native one and, on a machine that could not build it,
 * the portable one, and says why; an addon of other sources is a fault and never papered over.
 * Failure codes: addon_missing (only when native was asked for), layout_differs, engine_running.
 */
export function chooseEngine(
  wanted: "auto" | "native" | "portable",
  clock: Clock,
  log: Log,
  recordsKept?: number,
  processors: "shared" | "own" = "shared",
): Result<MatchingEngine> {
  if (wanted === "portable") return ok(new PortableEngine({ clock }));
  const native = loadNativeEngine({
    clock,
    ...(recordsKept === undefined ? {} : { recordsKept }),
    ...(processors === "own" ? ({ processor: "auto", coreLocks } as const) : {}),
  });
  if (native.ok || wanted === "native" || native.failure.code !== "addon_missing") return native;
  log.warn({ failure: native.failure }, "running on the portable engine: correct, and much slower");
  return ok(new PortableEngine({ clock }));
}
