import { loadNativeEngine } from "../../native/index.ts";
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

/**
 * The native engine where the addon loads; with `auto` the portable one where it does not, saying
 * why. Failure codes: with `native` those of loadNativeEngine.
 */
export function chooseEngine(
  wanted: "auto" | "native" | "portable",
  clock: Clock,
  log: Log,
  loadNative: () => Result<MatchingEngine> = loadNativeEngine,
): Result<MatchingEngine> {
  if (wanted !== "portable") {
    const native = loadNative();
    if (native.ok || wanted === "native") return native;
    const { code, reason, next } = native.failure;
    log.warn({ code, reason, next }, "no native engine; running on the portable one");
  }
  return ok(new PortableEngine({ clock }));
}
