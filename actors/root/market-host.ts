import type { ActorDefinition, ActorRef, ActorSystem, Lane } from "../kernel/actor.ts";
import type { DurabilityMode } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { MarketMachine } from "../market/machine.ts";
import type { MarketMessage, MarketReply, MarketStart } from "../market/messages.ts";
import type { MarketHost } from "../region/actor.ts";
import { marketSpec, paths } from "./tree.ts";

type Market = ActorRef<MarketMessage, MarketReply>;
export type MarketDefinitionOfActor = ActorDefinition<
  MarketStart,
  MarketMessage,
  MarketReply,
  MarketMachine
>;

/** An acknowledgement may wait for the journal this long; clients give up earlier. */
const requestTimeout = 60_000_000_000 as DurationNs;
const reportTimeout = 2_000_000_000 as DurationNs;
const stateTimeout = 15_000_000_000 as DurationNs;
/** Draining, and a HANDOVER whose fate has to be read back while the journal elects a leader. */
const handoverTimeout = 20_000_000_000 as DurationNs;

export interface MarketHostOf {
  readonly region: string;
  readonly system: () => ActorSystem;
  readonly definition: MarketDefinitionOfActor;
  readonly directory: (market: string) => string;
  readonly strongestMode: DurabilityMode;
}

/** Markets as risk-limit actors see them. */
export interface LimitsHost {
  /** Hands an ApplyLimits to the market's actor; the value is the encoded reply. Codes as request. */
  limits(market: string, payload: Uint8Array): Promise<Result<Uint8Array>>;
}

/** Weakest first. */
const modes: readonly DurabilityMode[] = ["matched", "durable", "replicated"];

const weaker = (a: DurabilityMode, b: DurabilityMode): DurabilityMode =>
  modes.indexOf(a) < modes.indexOf(b) ? a : b;

/**
 * Market actors as the region actor sees them. A market whose definition asks for a stronger mode
 * than the servers allow runs in that one; its report keeps the definition as it was declared.
 */
export function marketHost(of: MarketHostOf): MarketHost & LimitsHost {
  const { region, system, definition, directory, strongestMode } = of;
  const declared = new Map<string, DurabilityMode>();
  const found = new Map<string, Market>();
  const market = (name: string): Result<Market> => {
    const known = found.get(name);
    if (known !== undefined) return ok(known);
    const ref = system().find(definition, paths.market(region, name));
    if (ref.ok) found.set(name, ref.value);
    return ref;
  };
  const ask = async (
    name: string,
    message: MarketMessage,
    timeout: DurationNs,
    lane: Lane = "ordinary",
  ): Promise<Result<MarketReply>> => {
    const ref = market(name);
    return ref.ok ? await ref.value.ask(message, timeout, lane) : ref;
  };
  const done = async (
    name: string,
    message: MarketMessage,
    timeout: DurationNs,
  ): Promise<Result<void>> => {
    const reply = await ask(name, message, timeout, "system");
    if (!reply.ok) return reply;
    return reply.value.type === "done" ? reply.value.result : unexpected(name);
  };
  return {
    start(wanted) {
      declared.set(wanted.market, wanted.mode);
      const mode = weaker(wanted.mode, strongestMode);
      const start = {
        definition: { ...wanted, mode },
        directory: directory(wanted.market),
        strongestMode,
      };
      return system().startChild(paths.markets(region), marketSpec(start));
    },
    async request(name, verb, payload, trace) {
      // Charts are looked at most when orders wait.
      const lane = verb === "history" ? "system" : "ordinary";
      const message: MarketMessage =
        trace === undefined || verb !== "submit"
          ? { type: verb, payload }
          : { type: verb, payload, trace };
      const reply = await ask(name, message, requestTimeout, lane);
      if (!reply.ok) return reply;
      return reply.value.type === "payload" ? ok(reply.value.payload) : unexpected(name);
    },
    async limits(name, payload) {
      // Less risk must not wait behind the orders that it is to keep out.
      const reply = await ask(name, { type: "limits", payload }, requestTimeout, "system");
      if (!reply.ok) return reply;
      return reply.value.type === "payload" ? ok(reply.value.payload) : unexpected(name);
    },
    async report(name) {
      const reply = await ask(name, { type: "status" }, reportTimeout, "system");
      if (!reply.ok) return reply;
      if (reply.value.type !== "status") return unexpected(name);
      const { status } = reply.value;
      const mode = declared.get(name) ?? status.definition.mode;
      return ok({ ...status, definition: { ...status.definition, mode } });
    },
    async setState(name, state, reason) {
      const message: MarketMessage =
        state === "open" || state === "halted"
          ? { type: state === "open" ? "resume" : "halt", reason }
          : { type: "set_phase", phase: state };
      // An operator's halt must not wait behind the orders it is to keep out, nor be refused for them.
      return await done(name, message, stateTimeout);
    },
    setMode: (name, mode) => done(name, { type: "set_mode", mode }, stateTimeout),
    handOver: (name, to) => done(name, { type: "hand_over", region: to }, handoverTimeout),
    stay: (name) => done(name, { type: "stay" }, stateTimeout),
  };
}

const unexpected = (market: string): Result<never> =>
  refuse("internal", `${market} gave another kind of answer than it was asked for`);
