import { patterns } from "../../schemas/subjects.ts";
import { IncidentFeed } from "../incident/feed.ts";
import { fromAlert } from "../incident/alert-codec.ts";
import type { Told } from "../incident/findings.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { type CellSample, CellWatch } from "./cell-watch.ts";
import type { BoardReading } from "./lease-board.ts";
import { LeaseWatch } from "./lease-watch.ts";

export interface IncidentWatchOf {
  readonly region: string;
  readonly cell: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly session: number;
  readonly sample: () => Promise<CellSample>;
}

/** All that makes incidents out of what a cell sees: of itself, of other cells, and of alerts of its region. */
export class IncidentWatch {
  readonly #of: IncidentWatchOf;
  readonly #feed: IncidentFeed;
  readonly #leases: LeaseWatch;
  readonly #cell: CellWatch;
  #alerts: Subscription | null = null;

  constructor(of: IncidentWatchOf) {
    this.#of = of;
    const { region, cell, bus, clock, log, session, sample } = of;
    this.#feed = new IncidentFeed({ bus, clock, log, session, source: `${region}/${cell}` });
    const tell = (where: string, told: Told): void => this.#feed.tell(where, told);
    this.#leases = new LeaseWatch({ region, cell, tell });
    this.#cell = new CellWatch({ region, cell, clock, sample, tell });
  }

  begin(): void {
    const { region, bus } = this.#of;
    // Served, not subscribed to: one of the region's cells takes each alert.
    this.#alerts = bus.serve(patterns.alertsOf(region), ({ subject, payload }) => {
      const told = fromAlert(subject, payload);
      if (told !== null) this.#feed.tell(region, told);
    });
    this.#cell.begin();
  }

  leasesRead(read: BoardReading): void {
    this.#leases.read(read);
  }

  /** From outside, as Prometheus. */
  tell(told: Told): void {
    this.#feed.tell(this.#of.region, told);
  }

  end(): void {
    this.#alerts?.unsubscribe();
    this.#cell.end();
    this.#feed.end();
  }
}
