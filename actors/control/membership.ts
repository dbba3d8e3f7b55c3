import type { Log } from "../kernel/ports/log.ts";
import { ok, type Result } from "../kernel/result.ts";
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
  /** It stood still for so long that it may be fenced at this revision. */
  readonly silent: boolean;
}

/** The leases of the region's cells; what implements it knows how they are kept. */
export interface Leases {
  /** Failure code: unavailable. */
  read(): Promise<Result<readonly LeaseView[]>>;
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
    if (!found.ok) return found;
    const live: LeaseView[] = [];
    for (const lease of found.value) {
      if (lease.cell === this.#own || lease.fenced || lease.actors === null) continue;
      const fenced = lease.silent && (await leases.fence(lease)).ok;
      if (!fenced) {
        live.push(lease);
        continue;
      }
      log.warn({ cell: lease.cell }, "a silent cell is out; its shards are free");
    }
    this.#cells = live;
    return ok(undefined);
  }
}
