/**
 * Which region a client goes through: the nearest one by measured round trip among those that are allowed and
 * well. Pure: what probes found goes in with the time, a choice comes out.
 */

/** What one probe of a region found. */
export type Probe =
  | { readonly kind: "answered"; readonly roundTripUs: number }
  /** It answers, and says that it takes nobody: it drains, starts, or has lost its lease. */
  | { readonly kind: "unfit"; readonly reason: string }
  | { readonly kind: "silent"; readonly reason: string };

export interface NearestRules {
  /** Probes whose smallest round trip counts: whatever delays a single one only adds to it. */
  readonly window: number;
  /** Probes in a row without an answer after which a region is left. */
  readonly silentProbes: number;
  /** Answers in a row after which a region that was left, or was never well, counts again. */
  readonly answersToReturn: number;
  /** A region is nearer when it is by this part of the present round trip, in hundredths … */
  readonly nearerPercent: number;
  /** … and by this much at least, and by more than either varies … */
  readonly nearerUs: number;
  /** … in this many rounds one after the other … */
  readonly nearerRounds: number;
  /** … and the present one was chosen this long ago. */
  readonly shortestStayMs: number;
}

export const usualRules: NearestRules = {
  window: 8,
  silentProbes: 2,
  answersToReturn: 3,
  nearerPercent: 20,
  nearerUs: 1_000,
  nearerRounds: 3,
  shortestStayMs: 10_000,
};

/** A region as the client sees it. */
export interface RegionSight {
  readonly region: string;
  /** `unknown`: never probed. `returning`: answers again, not for long enough. */
  readonly condition: "unknown" | "well" | "returning" | "unfit" | "silent";
  /** Null when it has not answered lately. */
  readonly roundTripUs: number | null;
  /** Why it is not well; empty when it is. */
  readonly reason: string;
}

export type MoveCause = "first" | "silent" | "unfit" | "nearer";
export interface Move {
  readonly from: string | null;
  /** Null: no allowed region is well. */
  readonly to: string | null;
  readonly cause: MoveCause;
}

interface Looked {
  readonly region: string;
  readonly recent: number[];
  answersInRow: number;
  silentInRow: number;
  /** Was left, or was not well when it was first looked at: it must answer for a while. */
  mustReturn: boolean;
  unfit: boolean;
  probed: boolean;
  reason: string;
}

export class NearestRegion {
  readonly #rules: NearestRules;
  readonly #records: readonly Looked[];
  #present: Looked | null = null;
  #presentSinceMs = 0;
  #nearer: Looked | null = null;
  #nearerRounds = 0;
  #everChosen = false;

  /** `regions`: those that are allowed, in the order in which equal ones are preferred. */
  constructor(regions: readonly string[], rules: NearestRules = usualRules) {
    this.#rules = rules;
    this.#records = regions.map((region) => ({
      region,
      recent: [],
      answersInRow: 0,
      silentInRow: 0,
      mustReturn: false,
      unfit: false,
      probed: false,
      reason: "",
    }));
  }

  get present(): string | null {
    return this.#present?.region ?? null;
  }

  /** Takes in what a probe found; the move that follows from it, or null. */
  observe(region: string, probe: Probe, nowMs: number): Move | null {
    const record = this.#records.find((each) => each.region === region);
    if (record === undefined) return null;
    this.#take(record, probe);
    const present = this.#present;
    if (present === null) return this.#everChosen ? this.#settle("first", nowMs) : null;
    if (record === present && !this.#isWell(present)) {
      return this.#settle(present.unfit ? "unfit" : "silent", nowMs);
    }
    // One round is one probe of the present region: others may be probed more or less often.
    return record === present ? this.#compare(present, nowMs) : null;
  }

  /** The link to it is lost: no probe need say so again. */
  lost(region: string, reason: string, nowMs: number): Move | null {
    let move: Move | null = null;
    for (let count = 0; count < this.#rules.silentProbes; count += 1) {
      move = this.observe(region, { kind: "silent", reason }, nowMs) ?? move;
    }
    return move;
  }

  /** The first choice, once what was waited for is in; null when no region is well yet. */
  begin(nowMs: number): Move | null {
    return this.#present === null ? this.#settle("first", nowMs) : null;
  }

  sights(): readonly RegionSight[] {
    return this.#records.map((record) => ({
      region: record.region,
      condition: this.#conditionOf(record),
      roundTripUs: roundTripOf(record),
      reason: record.reason,
    }));
  }

  #take(record: Looked, probe: Probe): void {
    record.probed = true;
    if (probe.kind === "answered") {
      record.recent.push(probe.roundTripUs);
      if (record.recent.length > this.#rules.window) record.recent.shift();
      record.answersInRow += 1;
      record.silentInRow = 0;
      record.unfit = false;
      if (record.answersInRow >= this.#rules.answersToReturn) record.mustReturn = false;
      if (!record.mustReturn) record.reason = "";
      return;
    }
    record.answersInRow = 0;
    record.reason = probe.reason;
    record.unfit = probe.kind === "unfit";
    record.silentInRow = probe.kind === "silent" ? record.silentInRow + 1 : 0;
    if (!record.unfit && record.silentInRow < this.#rules.silentProbes) return;
    record.mustReturn = true;
    record.recent.length = 0;
  }

  #isWell(record: Looked): boolean {
    return record.recent.length > 0 && !record.mustReturn && !record.unfit;
  }

  #conditionOf(record: Looked): RegionSight["condition"] {
    if (this.#isWell(record)) return "well";
    if (!record.probed) return "unknown";
    if (record.unfit) return "unfit";
    return record.silentInRow > 0 || record.answersInRow === 0 ? "silent" : "returning";
  }

  #nearest(): Looked | null {
    return this.#records
      .filter((record) => this.#isWell(record))
      .reduce<Looked | null>(
        (best, record) =>
          best === null || (roundTripOf(record) ?? 0) < (roundTripOf(best) ?? 0) ? record : best,
        null,
      );
  }

  #settle(cause: MoveCause, nowMs: number): Move | null {
    const from = this.#present;
    const to = this.#nearest();
    if (from === to) return null;
    return this.#move(from, to, cause, nowMs);
  }

  #move(from: Looked | null, to: Looked | null, cause: MoveCause, nowMs: number): Move {
    this.#present = to;
    this.#presentSinceMs = nowMs;
    this.#nearer = null;
    this.#nearerRounds = 0;
    this.#everChosen ||= to !== null;
    return { from: from?.region ?? null, to: to?.region ?? null, cause };
  }

  #compare(present: Looked, nowMs: number): Move | null {
    const best = this.#nearest();
    const here = roundTripOf(present) ?? 0;
    const there = best === null ? here : (roundTripOf(best) ?? here);
    // Two ways whose round trips vary by more than they differ are equally near.
    const margin = Math.max(
      this.#rules.nearerUs,
      (here * this.#rules.nearerPercent) / 100,
      spreadOf(present),
      best === null ? 0 : spreadOf(best),
    );
    if (best === null || best === present || here - there < margin) {
      this.#nearer = null;
      this.#nearerRounds = 0;
      return null;
    }
    this.#nearerRounds = best === this.#nearer ? this.#nearerRounds + 1 : 1;
    this.#nearer = best;
    const stayed = nowMs - this.#presentSinceMs >= this.#rules.shortestStayMs;
    if (!stayed || this.#nearerRounds < this.#rules.nearerRounds) return null;
    return this.#move(present, best, "nearer", nowMs);
  }
}

const roundTripOf = ({ recent }: Looked): number | null =>
  recent.length === 0 ? null : Math.min(...recent);

/** From the smallest to the median. */
function spreadOf({ recent }: Looked): number {
  const sorted = [...recent].sort((a, b) => a - b);
  return (sorted[Math.floor(sorted.length / 2)] ?? 0) - (sorted[0] ?? 0);
}
