import { wire } from "../../schemas/messages.ts";
import { alertSubject } from "../../schemas/subjects.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { LatencyAlert } from "../kernel/ports/matching-engine.ts";
import type { DurationNs } from "../kernel/units.ts";

/** What became of the alerts of one market. */
export interface AlertCounts {
  readonly stands: boolean;
  /** Alerts that began, by cause. */
  readonly raised: Readonly<Record<string, number>>;
}

interface Known {
  alert: LatencyAlert;
  raisedUnixMs: number;
  readonly raised: Map<string, number>;
  /** The beginning or end that nobody was told of yet. */
  isDue: boolean;
  /** Seconds since it was sent. */
  age: number;
}

const tick = 1_000_000_000 as DurationNs;
/** Messages a second, of all markets of the cell together; what is more waits for the next second. */
export const messagesPerSecond = 20;
/** Core NATS keeps nothing: whoever comes later, or lost the first, hears of it after so long. */
const repeatAfterTicks = 10;

/**
 * Latency alerts of a cell's markets on NATS. Of each market only its present state is kept, so nothing
 * queues up however fast alerts come and go: a state that is over before it could be sent is counted as
 * `superseded` and its successor is sent instead. While NATS is away the states wait.
 */
export class LatencyAlerts {
  readonly #cell: { readonly region: string; readonly cell: string };
  readonly #ports: { readonly bus: Bus; readonly clock: Clock; readonly log: Log };
  readonly #markets = new Map<string, Known>();
  #sentThisSecond = 0;
  #superseded = 0;
  #cancelTick: (() => void) | null = null;

  constructor(
    cell: { readonly region: string; readonly cell: string },
    ports: { readonly bus: Bus; readonly clock: Clock; readonly log: Log },
  ) {
    this.#cell = cell;
    this.#ports = ports;
  }

  note(alert: LatencyAlert): void {
    const { market, stands } = alert;
    const known = this.#markets.get(market) ?? unknown(alert);
    if (known.alert.stands === stands) return;
    this.#markets.set(market, known);
    if (known.isDue) this.#superseded += 1;
    if (stands) {
      known.raisedUnixMs = Number(this.#ports.clock.now() / 1_000_000n);
      known.raised.set(alert.cause, (known.raised.get(alert.cause) ?? 0) + 1);
      this.#ports.log.warn({ ...alert }, "a market has become slower than it usually is");
    } else this.#ports.log.info({ market }, "a market is as fast as it usually is");
    // What is over keeps the cause it had.
    known.alert = stands ? alert : { ...alert, cause: known.alert.cause };
    known.isDue = true;
    this.#offer(known);
    this.#keepTicking();
  }

  /** By market, of those that had an alert since the start. */
  counts(): ReadonlyMap<string, AlertCounts> {
    return new Map(
      [...this.#markets].map(([market, { alert, raised }]) => [
        market,
        { stands: alert.stands, raised: Object.fromEntries(raised) },
      ]),
    );
  }

  /** States that were over before they could be sent. */
  get superseded(): number {
    return this.#superseded;
  }

  stop(): void {
    this.#cancelTick?.();
    this.#cancelTick = null;
  }

  #offer(known: Known): void {
    const { bus } = this.#ports;
    if (this.#sentThisSecond >= messagesPerSecond || !bus.state().connected) return;
    this.#sentThisSecond += 1;
    const { alert, isDue, raisedUnixMs } = known;
    const { region, cell } = this.#cell;
    const message: wire.control.v1.ILatencyAlert = {
      region,
      cell,
      market: alert.market,
      stands: alert.stands,
      raisedUnixMs,
      p50Ns: Math.round(alert.p50),
      usualP50Ns: Math.round(alert.usual),
      cause: alert.cause,
      repeated: !isDue,
    };
    bus.publish(
      alertSubject(region, "latency", alert.market),
      wire.control.v1.LatencyAlert.encode(message).finish(),
    );
    known.isDue = false;
    known.age = 0;
  }

  /** A timer runs only while something stands or waits. */
  #keepTicking(): void {
    if (this.#cancelTick !== null) return;
    this.#cancelTick = this.#ports.clock.after(tick, () => {
      this.#cancelTick = null;
      this.#sentThisSecond = 0;
      const all = [...this.#markets.values()];
      for (const known of all) if (known.isDue) this.#offer(known);
      for (const known of all) {
        known.age += 1;
        if (known.alert.stands && known.age >= repeatAfterTicks) this.#offer(known);
      }
      if (this.#sentThisSecond > 0 || all.some(({ alert, isDue }) => alert.stands || isDue)) {
        this.#keepTicking();
      }
    });
  }
}

const unknown = (alert: LatencyAlert): Known => ({
  alert: { ...alert, stands: false },
  raisedUnixMs: 0,
  raised: new Map(),
  isDue: false,
  age: 0,
});
