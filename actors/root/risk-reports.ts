import { actorSubject } from "../../schemas/subjects.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeReply, encodeRequest } from "../risk-limit/codec.ts";
import { midOf } from "../trading/market-view.ts";
import { profitAt } from "../trading/ledger.ts";
import type { TraderStart } from "../trading/messages.ts";
import type { TraderReport } from "../trading/trader.ts";

const answerWithin = 5_000_000_000 as DurationNs;
/** Between two reports of one actor, and before one is tried again. */
const pause = 1_000_000_000 as DurationNs;

interface Holding {
  readonly profit: number;
  readonly position: number;
}

/**
 * Tells risk limits what the actors that name one hold: absolute, the last counts, at most one a second
 * and actor, until it is confirmed.
 */
export class RiskReports {
  readonly #bus: Bus;
  readonly #clock: Clock;
  readonly #wanted = new Map<string, Holding>();
  readonly #confirmed = new Map<string, string>();
  readonly #busy = new Set<string>();
  #ended = false;

  constructor(bus: Bus, clock: Clock) {
    this.#bus = bus;
    this.#clock = clock;
  }

  heard(
    { id, region, risk, account, instrument }: TraderStart<unknown>,
    report: TraderReport,
  ): void {
    if (this.#ended) return;
    const { ledger } = report.trader;
    const mid = Math.round(midOf(report.view));
    // Without a price the profit is not known: what was told last stands.
    if (mid === 0) return;
    this.#wanted.set(id, {
      profit: clamped(profitAt(ledger, mid)),
      position: Math.round(Math.abs(ledger.inventory) / instrument.lot),
    });
    if (!this.#busy.has(id)) void this.#send(id, region, risk, account);
  }

  /** The actor is not here any more: whoever runs it now tells what it holds. */
  forget(id: string): void {
    this.#wanted.delete(id);
    this.#confirmed.delete(id);
  }

  /** Nothing is told from now on. */
  end(): void {
    this.#ended = true;
  }

  async #send(id: string, region: string, risk: string, account: number): Promise<void> {
    const holding = this.#wanted.get(id);
    const text = JSON.stringify(holding);
    if (holding === undefined || this.#confirmed.get(id) === text) return;
    this.#busy.add(id);
    const commandId = `report/${id}/${this.#clock.now()}`;
    const accounts = [account];
    const message = { type: "report", commandId, from: id, ...holding, accounts } as const;
    const subject = actorSubject(region, "risk-limit", risk, "report");
    const answer = await this.#bus.request(subject, encodeRequest(message), answerWithin);
    if (answer.ok && decodeReply(answer.value).refusal === null) this.#confirmed.set(id, text);
    if (this.#ended) return;
    this.#clock.after(pause, () => {
      this.#busy.delete(id);
      void this.#send(id, region, risk, account);
    });
  }
}

/** Price units times quantity units as a safe integer: further out it is a breach anyway. */
function clamped(profit: string): number {
  const value = Number(profit);
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.round(value)));
}
