import { finding, idOf, type Told } from "../incident/findings.ts";
import type { FindingKind } from "../incident/messages.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { FailingActor } from "./failing-actors.ts";

/** What a cell looks at of itself. */
export interface CellSample {
  /** Supervisors that gave up since the start of the process. */
  readonly escalations: number;
  /** Messages that found no end since the start of the process. */
  readonly deadLetters: number;
  readonly failing: readonly FailingActor[];
  /** Null: the cell is not ready. */
  readonly leaseMarginNs: number | null;
  readonly markets: readonly {
    readonly market: string;
    readonly state: string;
    readonly detail: string;
  }[];
  /** Free part of the disk of the data folder, 0 to 1; null: unknown. */
  readonly diskFree: number | null;
  /** When the certificate that the cell trusts ends; null: unknown. */
  readonly certificateEndsUnixMs: number | null;
}

export interface CellWatchOf {
  readonly region: string;
  readonly cell: string;
  readonly clock: Clock;
  readonly sample: () => Promise<CellSample>;
  readonly tell: (region: string, told: Told) => void;
}

const every = 1_000_000_000 as DurationNs;
/** A renewal every 0.4 s leaves 1.3 to 1.7 s. */
export const thinMarginNs = 800_000_000;
/** Looks in a row: one late renewal is no trouble. */
export const thinLooks = 3;
export const leastDiskFree = 0.05;
/** In a minute. */
export const mostDeadLetters = 10;
const deadLetterLooks = 60;
export const certificateDays = 14;
const aDayMs = 86_400_000;
/** A market that is between two states for so long stands still. */
export const marketLooks = 10;

/** An actor that was given up is as it was: a person decides what becomes of it. */
const overOf = (kind: FindingKind): string =>
  kind === "actor_failed" ? "it has not failed since" : "it is over";

/** Finds what is wrong with a cell itself, once a second, and tells when it begins and when it is over. */
export class CellWatch {
  readonly #of: CellWatchOf;
  readonly #standing = new Map<string, Told>();
  readonly #letters: number[] = [];
  readonly #stopped = new Map<string, number>();
  #escalations = 0;
  #thin = 0;
  /** What stood when the process before this one ended is over, unless it is found again. */
  #first = true;
  #ended = false;
  #cancel: () => void = () => {};

  constructor(of: CellWatchOf) {
    this.#of = of;
  }

  begin(): void {
    this.#cancel = this.#of.clock.after(every, () => void this.#turn());
  }

  end(): void {
    this.#ended = true;
    this.#cancel();
  }

  async #turn(): Promise<void> {
    this.look(await this.#of.sample());
    if (!this.#ended) this.begin();
  }

  look(sample: CellSample): void {
    const found = this.#findings(sample);
    for (const [id, told] of found) {
      this.#standing.set(id, told);
      // Those that stand are told again; who hears it knows whether it is news.
      this.#of.tell(this.#of.region, told);
    }
    const over = this.#first ? this.#everything(sample) : this.#standing;
    for (const [id, told] of over) {
      if (found.has(id)) continue;
      this.#of.tell(this.#of.region, {
        stands: false,
        finding: { ...told.finding, detail: overOf(told.finding.kind) },
      });
      this.#standing.delete(id);
    }
    this.#first = false;
  }

  #findings(sample: CellSample): ReadonlyMap<string, Told> {
    const found: Told[] = [];
    const { cell } = this.#of;
    const gaveUp = sample.escalations - this.#escalations;
    this.#escalations = sample.escalations;
    if (gaveUp > 0) {
      const detail = `${gaveUp} more than a second ago`;
      found.push(this.#told("supervisor", cell, `a supervisor of ${cell} gave up`, detail));
    }
    for (const { subject, title, detail } of sample.failing) {
      found.push(this.#told("actor_failed", subject, title, detail));
    }
    const margin = sample.leaseMarginNs;
    this.#thin = margin !== null && margin < thinMarginNs ? this.#thin + 1 : 0;
    if (margin !== null && this.#thin >= thinLooks) {
      const detail = `${Math.round(margin / 1e6)} ms are left`;
      found.push(this.#told("lease", cell, `the lease of ${cell} is renewed late`, detail));
    }
    if (sample.diskFree !== null && sample.diskFree < leastDiskFree) {
      const detail = `${(100 * sample.diskFree).toFixed(1)} % are free`;
      found.push(this.#told("disk", cell, `the disk of ${cell} is nearly full`, detail));
    }
    this.#letters.push(sample.deadLetters);
    const before = this.#letters[0] ?? 0;
    if (this.#letters.length > deadLetterLooks) this.#letters.shift();
    if (sample.deadLetters - before > mostDeadLetters) {
      const detail = `${sample.deadLetters - before} in a minute`;
      found.push(
        this.#told("dead_letters", cell, `messages to actors of ${cell} find no end`, detail),
      );
    }
    const ends = sample.certificateEndsUnixMs;
    const days = ends === null ? null : (ends - Number(this.#of.clock.now() / 1_000_000n)) / aDayMs;
    if (days !== null && days < certificateDays) {
      const detail = `in ${days.toFixed(1)} days`;
      found.push(this.#told("certificate", cell, "the cluster's certificate ends", detail));
    }
    return new Map([...found, ...this.#markets(sample)].map((told) => [idOf(told.finding), told]));
  }

  #markets({ markets }: CellSample): readonly Told[] {
    return markets.flatMap(({ market, state, detail }) => {
      const still = state === "stopped" || state === "failed";
      const looks = still ? (this.#stopped.get(market) ?? 0) + 1 : 0;
      this.#stopped.set(market, looks);
      if (state !== "failed" && looks < marketLooks) return [];
      return [this.#told("market_failed", market, `${market} is ${state}`, detail)];
    });
  }

  #told(kind: FindingKind, subject: string, title: string, detail: string): Told {
    const { region, cell } = this.#of;
    const source = `${region}/${cell}`;
    return {
      stands: true,
      finding: finding(kind, { affected: region, subject, title, detail, source }),
    };
  }

  /** Everything that this cell could have told before. */
  #everything({ markets }: CellSample): ReadonlyMap<string, Told> {
    const kinds = ["supervisor", "lease", "disk", "dead_letters", "certificate"] as const;
    const all = [
      ...kinds.map((kind) => this.#told(kind, this.#of.cell, "over", "")),
      ...markets.map(({ market }) => this.#told("market_failed", market, "over", "")),
    ];
    return new Map(all.map((told) => [idOf(told.finding), told]));
  }
}
