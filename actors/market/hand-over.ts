import type { Progress } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import type { JournalShipper } from "./shipper.ts";
import type { Trading } from "./trading.ts";

const settlePoll = durationNs(10_000_000);
/** How long a planned move waits for what is under way; then the market goes on where it is. */
const DRAIN_LIMIT = durationNs(5_000_000_000);
/** How long a stop waits for outcomes to become safe and blocks to be accepted. */
const SETTLE_LIMIT = durationNs(4_000_000_000);

export interface SettlingMarket {
  readonly engine: {
    progress(): Pick<Progress, "matched">;
    turn(): Promise<void>;
  };
  readonly trading: Pick<Trading, "waiting" | "committed" | "pump" | "flush">;
  readonly now: () => DurationNs;
  readonly sleep: (delay: DurationNs) => Promise<void>;
}

export interface MovingMarket extends SettlingMarket {
  readonly shipper: Pick<JournalShipper, "handOver">;
  /** False: the market has stopped or failed meanwhile. */
  readonly isMoving: () => boolean;
  /** The move is not to be gone through with. */
  readonly isToStay: () => boolean;
}

/** Every outcome has left and every record is accepted. */
function isSettled({ engine, trading }: SettlingMarket): boolean {
  const { matched } = engine.progress();
  return trading.waiting.commands === 0 && trading.committed >= matched;
}

/** Before a stop: lets outcomes leave and blocks be accepted, as far as that happens in time. */
export async function settle(market: SettlingMarket): Promise<void> {
  const { trading, now, sleep } = market;
  const until = now() + SETTLE_LIMIT;
  while (!isSettled(market) && now() < until) {
    trading.pump();
    await sleep(settlePoll);
  }
  trading.flush();
}

/**
 * The planned move (DESIGN §8.9), of a market that takes nothing more: lets what is under way become safe
 * and ends the epoch with a HANDOVER. Whatever becomes of the HANDOVER's append, no order is taken again
 * before a new fence. A refusal: nothing was written. Null: the market has stopped or failed meanwhile.
 */
export async function handOver(market: MovingMarket, region: string): Promise<Result<void> | null> {
  const { engine, trading, shipper, now, sleep, isMoving, isToStay } = market;
  const until = now() + DRAIN_LIMIT;
  // A client of the engine's own may have been taken from just before the gate was closed.
  await engine.turn();
  for (;;) {
    // Asked once more when all is settled: a market that stops ends its epoch for nobody.
    if (!isMoving()) return null;
    if (isSettled(market) || isToStay()) break;
    if (now() >= until) {
      const reason = `${trading.waiting.commands} commands did not become safe in time`;
      return refuse("not_durable", reason, "try again when the journal has a leader");
    }
    trading.pump();
    await sleep(settlePoll);
  }
  if (isToStay()) return refuse("aborted", "it was to stay before its last record was written");
  trading.flush();
  await shipper.handOver(region);
  return ok(undefined);
}
