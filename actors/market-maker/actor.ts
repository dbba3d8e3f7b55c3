import type { ActorDefinition } from "../kernel/actor.ts";
import type { EventSourcedMachine } from "../kernel/event-sourced-machine.ts";
import type { DurationNs } from "../kernel/units.ts";
import { traderBehaviour, type TraderKind, type TraderPorts } from "../trading/trader.ts";
import { eventCodec, stateCodec } from "./codec.ts";
import { marketMakerPlanner } from "./decide.ts";
import { marketMakerMachine } from "./machine.ts";
import type {
  MarketMakerMemo,
  MarketMakerMessage,
  MarketMakerParameters,
  MarketMakerReply,
  MarketMakerStart,
} from "./messages.ts";

/** Messages waiting for one market maker; one more is refused `busy`. */
const mailboxCapacity = 64;

const kind: TraderKind<MarketMakerParameters, MarketMakerMemo> = {
  type: "market-maker",
  machine: marketMakerMachine,
  planner: marketMakerPlanner,
  events: eventCodec,
  snapshots: stateCodec,
  interval: ({ parameters }) => (parameters.interval * 1e6) as DurationNs,
};

/** Quotes both sides of one market, under the log name `market-maker.<id>`. */
export function marketMakerActor(
  ports: TraderPorts,
): ActorDefinition<MarketMakerStart, MarketMakerMessage, MarketMakerReply, EventSourcedMachine> {
  return {
    type: "market-maker",
    mailbox: { capacity: mailboxCapacity, onRestart: "keep", parkAfter: 3 },
    create: (context, start) => traderBehaviour(context, start, kind, ports),
  };
}
