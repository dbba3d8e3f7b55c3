import type { ActorDefinition, ActorRef, ActorSystem } from "../kernel/actor.ts";
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

/** Market actors as the region actor sees them. */
export function marketHost(
  region: string,
  system: () => ActorSystem,
  definition: MarketDefinitionOfActor,
  directory: (market: string) => string,
): MarketHost {
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
  ): Promise<Result<MarketReply>> => {
    const ref = market(name);
    return ref.ok ? await ref.value.ask(message, timeout) : ref;
  };
  return {
    start: (of) =>
      system().startChild(
        paths.markets(region),
        marketSpec({ definition: of, directory: directory(of.market) }),
      ),
    async request(name, verb, payload) {
      const reply = await ask(name, { type: verb, payload }, requestTimeout);
      if (!reply.ok) return reply;
      return reply.value.type === "payload" ? ok(reply.value.payload) : unexpected(name);
    },
    async report(name) {
      const reply = await ask(name, { type: "status" }, reportTimeout);
      if (!reply.ok) return reply;
      return reply.value.type === "status" ? ok(reply.value.status) : unexpected(name);
    },
    async setState(name, state, reason) {
      const type = state === "open" ? "resume" : "halt";
      const reply = await ask(name, { type, reason }, stateTimeout);
      if (!reply.ok) return reply;
      return reply.value.type === "done" ? reply.value.result : unexpected(name);
    },
  };
}

const unexpected = (market: string): Result<never> =>
  refuse("internal", `${market} gave another kind of answer than it was asked for`);
