import { rendezvous } from "../control/placement.ts";
import { finding, idOf, type Told } from "../incident/findings.ts";
import type { LeaseRecord } from "../region/codec.ts";
import { silentAfter } from "../region/silence.ts";
import type { BoardReading } from "./lease-board.ts";

interface Watched {
  readonly region: string;
  readonly cell: string;
  incarnation: number;
  state: "alive" | "released" | "down";
  downSince: number;
}

export interface LeaseWatchOf {
  readonly region: string;
  readonly cell: string;
  /** `region` keeps the incident. */
  readonly tell: (region: string, told: Told) => void;
}

/** A region that has had no cell for so long is more than one whose process starts again. */
const regionDownAfter = 10_000_000_000;

/**
 * Notices that other cells die and come back, by their leases: one that is silent for its time to live, that
 * is fenced, or that has another incarnation without having been given back. A cell that was never seen
 * alive is nobody's news.
 */
export class LeaseWatch {
  readonly #of: LeaseWatchOf;
  readonly #watched = new Map<string, Watched>();
  /** Whether a region has no cell that lives, once it was seen with one. */
  readonly #empty = new Map<string, boolean>();

  constructor(of: LeaseWatchOf) {
    this.#of = of;
  }

  read({ ended, leases }: Pick<BoardReading, "ended" | "leases">): void {
    const lost: Watched[] = [];
    const back: { readonly watched: Watched; readonly missed: boolean }[] = [];
    for (const { record: lease, silentNs } of leases) {
      if (lease.region === this.#of.region && lease.cell === this.#of.cell) continue;
      const known = this.#known(lease);
      const alive = !lease.fenced && silentNs < silentAfter;
      const before = known.state;
      const replaced = alive && before === "alive" && lease.incarnation > known.incarnation;
      known.state = alive ? "alive" : lease.released || before === "released" ? "released" : "down";
      known.incarnation = lease.incarnation;
      if (before === "alive" && known.state === "down") {
        known.downSince = ended;
        lost.push(known);
      }
      if (replaced || (before !== "alive" && known.state === "alive")) {
        back.push({ watched: known, missed: replaced });
      }
    }
    for (const watched of lost) this.#tell(watched, true, "its lease fell silent");
    for (const { watched, missed } of back) {
      if (missed) this.#tell(watched, true, "it ended without giving its lease back");
      this.#tell(watched, false, `it is back as incarnation ${watched.incarnation}`);
    }
    this.#regions(ended);
  }

  #known(lease: LeaseRecord): Watched {
    const key = `${lease.region}.${lease.cell}`;
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const watched: Watched = {
      region: lease.region,
      cell: lease.cell,
      incarnation: lease.incarnation,
      // The first look that finds it alive says so: it may have been down before this cell began to look.
      state: "released",
      downSince: 0,
    };
    this.#watched.set(key, watched);
    return watched;
  }

  #tell(watched: Watched, stands: boolean, detail: string): void {
    const { region, cell } = watched;
    this.#send({
      stands,
      finding: finding("cell_down", {
        affected: region,
        subject: cell,
        title: `cell ${cell} of ${region} is down`,
        detail,
        source: `${this.#of.region}/${this.#of.cell}`,
      }),
    });
  }

  #regions(now: number): void {
    const regions = new Set([...this.#watched.values()].map(({ region }) => region));
    for (const region of regions) {
      if (region === this.#of.region) continue;
      const cells = [...this.#watched.values()].filter((one) => one.region === region);
      const alive = cells.some(({ state }) => state === "alive");
      const down = cells.filter(({ state }) => state === "down");
      const since = Math.max(0, ...down.map(({ downSince }) => downSince));
      const empty = !alive && down.length > 0 && now - since >= regionDownAfter;
      // The first look that finds it alive says so: it may have been down before this cell began to look.
      if (empty === this.#empty.get(region) || (!empty && !alive)) continue;
      this.#empty.set(region, empty);
      this.#send({
        stands: empty,
        finding: finding("region_down", {
          affected: region,
          subject: "cells",
          title: `${region} has no cell that lives`,
          detail: empty ? "for ten seconds" : "a cell of it lives again",
          source: `${this.#of.region}/${this.#of.cell}`,
        }),
      });
    }
  }

  /**
   * Kept by the region itself while it has another cell that lives, else by one that all choose alike. Who chose
   * saw other regions alive than who sees it end: the end is told wherever it may be kept.
   */
  #send(told: Told): void {
    const { affected } = told.finding;
    if (!told.stands) {
      const everywhere = [...this.#watched.values()].map(({ region }) => region);
      for (const region of new Set([this.#of.region, ...everywhere])) this.#of.tell(region, told);
      return;
    }
    const living = new Set([
      this.#of.region,
      ...[...this.#watched.values()]
        .filter(({ state, cell, region }) => {
          const concerned = region === affected && cell === told.finding.subject;
          return state === "alive" && !concerned;
        })
        .map(({ region }) => region),
    ]);
    this.#of.tell(homeOf(told, [...living]), told);
  }
}

/** Of regions that have a cell besides the one that is told of. */
function homeOf(told: Told, regions: readonly string[]): string {
  const { affected } = told.finding;
  if (regions.includes(affected)) return affected;
  const candidates = regions.map((name) => ({ name, weight: 1 }));
  return rendezvous(idOf(told.finding), candidates)?.name ?? affected;
}
