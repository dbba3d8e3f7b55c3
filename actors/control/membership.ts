import type { Log } from "../kernel/ports/log.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { CellView } from "./placement.ts";

/** A cell's lease as it was read. */
export interface LeaseView {
  /** Its name among the cells that host the region's actors. */
  readonly cell: string;
  /** Whose lease it is. */
  readonly holder: { readonly region: string; readonly cell: string };
  readonly node: string;
  readonly incarnation: number;
  readonly fenced: boolean;
  /** Null: it hosts no actors. */
  readonly actors: (Omit<CellView, "cell"> & { readonly groups: readonly string[] }) | null;
  readonly revision: number;
}

/** Leases as they were between two times; whoever reads for others as well has read before he was asked. */
export interface LeaseReading {
  readonly leases: readonly LeaseView[];
  readonly began: DurationNs;
  readonly ended: DurationNs;
}

/** The leases of the region's cells; what implements it knows how they are kept. */
export interface Leases {
  /** Failure code: unavailable. */
  read(): Promise<Result<LeaseReading>>;
  /** Told what each read found; true: the lease stood still for so long that it may be fenced. */
  silence(): {
    read(revision: number, began: DurationNs, ended: DurationNs): boolean;
    failed(): void;
  };
  /** Fences the lease of a silent cell at the revision at which it was silent. */
  fence(lease: LeaseView): Promise<Result<void>>;
}

export interface MembershipPorts {
  readonly leases: Leases;
  readonly log: Log;
}

/** The live cells of a region as one of them sees the others. */
export class Membership {
  readonly #ports: MembershipPorts;
  readonly #own: string;
  readonly #watches = new Map<string, ReturnType<Leases["silence"]>>();
  #cells: readonly LeaseView[] = [];

  constructor(ports: MembershipPorts, own: string) {
    this.#ports = ports;
    this.#own = own;
  }

  /** The others that were alive at the last look. */
  get others(): readonly LeaseView[] {
    return this.#cells;
  }

  /** Looks at all leases, and fences those that were silent for long enough. Failure code: unavailable. */
  async look(): Promise<Result<void>> {
    const { leases, log } = this.#ports;
    const found = await leases.read();
    if (!found.ok) {
      for (const watch of this.#watches.values()) watch.failed();
      return found;
    }
    const { began, ended } = found.value;
    const live: LeaseView[] = [];
    for (const lease of found.value.leases) {
      if (lease.cell === this.#own || lease.fenced || lease.actors === null) continue;
      const watch = this.#watches.get(lease.cell) ?? leases.silence();
      this.#watches.set(lease.cell, watch);
      if (!watch.read(lease.revision, began, ended)) {
        live.push(lease);
        continue;
      }
      const fenced = await leases.fence(lease);
      if (!fenced.ok) {
        live.push(lease);
        continue;
      }
      this.#watches.delete(lease.cell);
      log.warn({ cell: lease.cell }, "a silent cell is out; its shards are free");
    }
    this.#cells = live;
    return ok(undefined);
  }
}
