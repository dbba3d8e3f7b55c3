import type { MarketEngine } from "../kernel/ports/matching-engine.ts";
import type { DurationNs } from "../kernel/units.ts";
import { noLatency, type MarketCounters } from "./counters.ts";
import type { MarketDefinition, MarketLifecycle, MarketStatus, StandbyReport } from "./messages.ts";
import { noIndication } from "./phase.ts";
import type { Following, Owned } from "./recovery.ts";
import type { JournalShipper } from "./shipper.ts";
import type { Trading } from "./trading.ts";

/** What there is of a market now; null: not yet, or not any more. */
export interface MarketParts {
  readonly definition: MarketDefinition;
  readonly counters: MarketCounters;
  readonly engine: MarketEngine | null;
  readonly owned: Owned | null;
  readonly shipper: JournalShipper | null;
  readonly trading: Trading | null;
  /** The same while orders are taken. */
  readonly serving: Trading | null;
  readonly following: Following | null;
  readonly state: MarketLifecycle;
  readonly detail: string;
  readonly restarts: number;
}

export function statusOf(parts: MarketParts, now: DurationNs): MarketStatus {
  const { definition, counters, engine, owned, trading, serving, following } = parts;
  const progress = engine?.progress() ?? null;
  const shipped = parts.shipper?.counters();
  return {
    definition,
    state: parts.state,
    // Why nothing becomes safe comes before what the market is doing.
    detail: progress?.logWaiting ?? parts.detail,
    phase: serving?.phase.state ?? "",
    indication: serving?.phase.indication ?? noIndication,
    mode: trading?.mode ?? definition.mode,
    epoch: owned?.epoch ?? 0,
    matched: progress?.matched ?? 0,
    durable: progress?.durable ?? 0,
    committed: trading?.committed ?? parts.shipper?.committed ?? 0,
    orders: counters.orders,
    trades: counters.trades,
    volume: counters.volumeLots * definition.lot,
    refusals: counters.refusals(),
    restingOrders: progress?.restingOrders ?? 0,
    touch: trading?.touch ?? { bidPrice: 0, bidQuantity: 0, askPrice: 0, askQuantity: 0 },
    digest: progress?.digest ?? "",
    restarts: parts.restarts,
    serviceTime: engine?.serviceTime() ?? noLatency,
    acknowledgement: counters.acknowledgement(),
    standby: following === null ? null : standbyReport(following, now),
    acknowledgements: counters.acknowledgements(),
    journal: {
      blocks: shipped?.blocks ?? 0,
      undecided: shipped?.undecided ?? 0,
      resent: shipped?.resent ?? 0,
      dropped: shipped?.dropped ?? 0,
      eventsRefused: counters.eventsRefused,
      withheld: counters.withheld,
      diverged: counters.diverged,
    },
  };
}

function standbyReport(following: Following, now: DurationNs): StandbyReport {
  const { owner, epoch, sequence, lagRecords, atTail, mode } = following;
  return {
    owner: owner === null ? "" : owner.cell === "" ? owner.region : `${owner.region}/${owner.cell}`,
    epoch,
    sequence,
    lagRecords,
    lagMs: atTail === null ? null : Math.round((now - atTail) / 1e6),
    mode,
  };
}
