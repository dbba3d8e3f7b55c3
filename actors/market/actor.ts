import type { ActorDefinition } from "../kernel/actor.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Files } from "../kernel/ports/files.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { EngineSlots, MarketEngine, MatchingEngine } from "../kernel/ports/matching-engine.ts";
import type { Ownership } from "../kernel/ports/ownership.ts";
import type { Tracing } from "../kernel/ports/tracing.ts";
import type { Result } from "../kernel/result.ts";
import { MarketBehaviour } from "./behaviour.ts";
import { MarketCounters } from "./counters.ts";
import type { CoarseClock } from "./history/history.ts";
import type { MarketMachine } from "./machine.ts";
import { marketMachine } from "./machine.ts";
import type { MarketDefinition, MarketMessage, MarketReply, MarketStart } from "./messages.ts";

/** What a market needs from its cell. */
export interface MarketPorts {
  readonly bus: Bus;
  readonly engine: MatchingEngine;
  readonly slots: EngineSlots;
  readonly ownership: Ownership;
  readonly files: Files;
  /** To ask another server when what the leader shows is damaged; absent: the leader is believed. */
  readonly replicas?: JournalReplicas;
  /** Makes the journal's stream again when it is gone; absent: that is an operator's. Failure code: unavailable. */
  readonly ensureJournal?: (definition: MarketDefinition) => Promise<Result<void>>;
  /** Told when the market takes orders in a new epoch: the cell may serve it by other doors then. */
  readonly onServing?: (engine: MarketEngine, definition: MarketDefinition, epoch: number) => void;
  /** Told when another cell has the market, or may take it: other doors must not keep clients of it. */
  readonly onLeaving?: (engine: MarketEngine, definition: MarketDefinition) => void;
  /** Absent: no order is traced. */
  readonly tracing?: Tracing;
  /** Records of own blocks kept for a resend at most; fewer than usual are for tests. */
  readonly recordsRemembered?: number;
}

/** Requests that wait for the market actor; one more is refused `busy`. */
export const MARKET_MAILBOX = 4_096;

/** Read anew only when a millisecond has passed: charts need no more, and a bigint for each trade costs. */
function coarseClock(clock: Clock): CoarseClock {
  let readAt = Number.NEGATIVE_INFINITY;
  let unixMs = 0;
  return {
    unixMs() {
      const now = clock.monotonic();
      if (now - readAt >= 1_000_000) {
        readAt = now;
        unixMs = Number(clock.now() / 1_000_000n);
      }
      return unixMs;
    },
  };
}

/** The market actor's definition; `start` of its child specification is a MarketStart. */
export function marketActor(
  ports: MarketPorts,
): ActorDefinition<MarketStart, MarketMessage, MarketReply, MarketMachine> {
  // Counts outlive a restart of the actor: they are totals of the market on this cell.
  const counters = new Map<string, MarketCounters>();
  return {
    type: "market",
    // A request on which the actor failed is not tried again: it may have reached the engine. The
    // client resends it with the same number.
    mailbox: { capacity: MARKET_MAILBOX, onRestart: "keep", parkAfter: 1 },
    create: (context, start) => {
      const { market } = start.definition;
      const counts = counters.get(market) ?? new MarketCounters(coarseClock(context.clock));
      counters.set(market, counts);
      return new MarketBehaviour(context, start, ports, marketMachine, counts);
    },
  };
}
