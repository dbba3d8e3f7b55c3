import type { KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { decodeSeat, encodeSeat, keys } from "./codec.ts";
import { rendezvousOrder } from "./placement.ts";

/** The region whose cells run the actors of a region: itself, or where a failover has moved them. Plain data. */
export interface Seat {
  readonly region: string;
  readonly at: string;
  /** Id of a failover, or region/cell of who took them when their cells were silent; empty: nobody ever did. */
  readonly by: string;
  readonly sinceUnixMs: number;
}

export interface KeptSeat extends Seat {
  /** 0: nothing is written, and the actors are at home. */
  readonly revision: number;
}

/** Seats in DIR, one key a region; every write a compare-and-set. */
export class SeatDirectory {
  readonly #keys: KeyStore;

  constructor(store: KeyStore) {
    this.#keys = store;
  }

  /** Failure codes: unavailable, internal (the key holds no seat). */
  async read(region: string): Promise<Result<KeptSeat>> {
    const entry = await this.#keys.get(keys.directoryBucket, keys.seat(region));
    if (!entry.ok) return entry;
    if (entry.value === null) {
      return ok({ region, at: region, by: "", sinceUnixMs: 0, revision: 0 });
    }
    const seat = decodeSeat(entry.value.value);
    if (seat === null) {
      return refuse("internal", `${keys.seat(region)} holds no seat`, "an operator restores it");
    }
    return ok({ ...seat, revision: entry.value.revision });
  }

  /** Failure codes: conflict (somebody else has moved them: read it), unavailable. */
  async write(seat: Seat, revision: number): Promise<Result<KeptSeat>> {
    const key = keys.seat(seat.region);
    const bytes = encodeSeat(seat);
    const stored = await this.#keys.compareAndSet(keys.directoryBucket, key, bytes, revision);
    if (stored.ok) return ok({ ...seat, revision: stored.value });
    if (stored.failure.code === "conflict") return stored;
    const entry = await this.#keys.get(keys.directoryBucket, key);
    if (entry.ok && entry.value !== null && Buffer.compare(entry.value.value, bytes) === 0) {
      return ok({ ...seat, revision: entry.value.revision });
    }
    return refuse("unavailable", `nobody knows whether ${key} was written`, "ask again");
  }
}

/** A cell as its lease tells, for whoever asks where actors may run. */
export interface SeatedCell {
  readonly region: string;
  /** It has let go of its lease, or was fenced. */
  readonly over: boolean;
  /** It has stopped in good order. */
  readonly released: boolean;
  /** Its lease has stood still for longer than leases hold. */
  readonly silent: boolean;
  /** It hosts actors at all. */
  readonly hosts: boolean;
  /** Other regions whose actors it may run. */
  readonly mayHost: readonly string[];
  /** Its region is drained: it goes on with what it runs, and takes nothing. */
  readonly takesNone: boolean;
}

const canRun = (cell: SeatedCell, region: string): boolean =>
  cell.hosts &&
  !cell.over &&
  !cell.silent &&
  (cell.region === region || cell.mayHost.includes(region));

/** Whether a region has a cell that may run the actors of another one, or its own. */
export const mayRun = (at: string, region: string, cells: readonly SeatedCell[]): boolean =>
  cells.some((cell) => cell.region === at && canRun(cell, region));

/** Between two takers of different rank: the second one finds what the first one has written. */
const turnNs = 500_000_000;
/** A seat whose cells have stopped in good order is waited for. */
const returnNs = 15_000_000_000;

/**
 * How long a region waits before it takes the actors of a seat without a cell; null: it never does. Their home
 * comes first, then the others as `order` has them, which has to be the same in every cell.
 */
export function waitToTake(
  seat: Seat,
  taker: string,
  cells: readonly SeatedCell[],
  order: (regions: readonly string[]) => readonly string[] = (regions) =>
    rendezvousOrder(`seat-${seat.region}`, regions),
): number | null {
  const ofSeat = cells.filter(({ region, hosts }) => region === seat.at && hosts);
  // Without a lease there never was a cell: nothing is lost that could be taken.
  if (seat.at === taker || ofSeat.length === 0) return null;
  const takers = cells.filter((cell) => canRun(cell, seat.region) && !cell.takesNone);
  const able = new Set(takers.map((one) => one.region));
  const others = [...able].filter((name) => name !== seat.region && name !== seat.at);
  const home = able.has(seat.region) && seat.region !== seat.at ? [seat.region] : [];
  const rank = [...home, ...order(others)].indexOf(taker);
  if (rank < 0) return null;
  const comesBack = ofSeat.every(({ released }) => released) ? returnNs : 0;
  return comesBack + rank * turnNs;
}
