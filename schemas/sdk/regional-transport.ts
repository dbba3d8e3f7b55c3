import { wire } from "../messages.ts";
import { operationsSubject } from "../subjects.ts";
import type { Delivery, Transport } from "./client.ts";
import {
  type Move,
  NearestRegion,
  type NearestRules,
  type Probe,
  type RegionSight,
  usualRules,
} from "./nearest-region.ts";

const { StatusRequest, StatusReply } = wire.control.v1;

/** A connection to the servers of one region. */
export interface RegionLink extends Transport {
  /** Resolves when the connection is lost or closed; never rejects. */
  readonly lost: Promise<void>;
  close(): Promise<void>;
}

export interface RegionalTransportOptions {
  /** Regions that the client's data may go through; see allowedRegions in schemas/placement.ts. */
  readonly allowed: readonly string[];
  /** Connects to servers of a region; null when none takes a connection. */
  readonly open: (region: string) => Promise<RegionLink | null>;
  /** Monotonic, in milliseconds; fractions count. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  /** Uniform in [0, 1); spreads the probes of many clients. */
  readonly random: () => number;
  readonly rules?: NearestRules;
  /** Mean time between two probes of a region. */
  readonly probeEveryMs?: number;
  /** A probe without an answer for this long is a silent one. */
  readonly probeTimeoutMs?: number;
  /** A server that takes no connection for this long is silent. */
  readonly openTimeoutMs?: number;
  /** The first choice waits for others as long again as the first to answer took, and this much more. */
  readonly settleMs?: number;
  /** The client goes through another region from now on. */
  readonly moved?: (move: Move) => void;
}

export interface RegionalCounters {
  readonly probes: number;
  readonly silentProbes: number;
  readonly unfitProbes: number;
  readonly connects: number;
  readonly refusedConnects: number;
  /** Changes of the region, the first choice not counted. */
  readonly moves: number;
  /** Requests that were under way in a region when it was left. */
  readonly abandoned: number;
  /** Requests when no allowed region answered. */
  readonly homeless: number;
}

/** Regions that one client may look at: each is a connection. */
export const mostRegions = 64;

/** Nobody was asked: certainly not processed. */
const nowhere: Delivery = { kind: "no_responders" };

/**
 * A transport over the nearest allowed region that is well. It holds a connection to each, asks each about once
 * a second how it is, and moves by itself: at once when the region is lost or takes nobody, and back to a nearer
 * one slowly (NearestRules). What was under way when a region was lost ends as `disconnected`, so that an
 * ExchangeClient sends the same (session, number) again at once, through the next one.
 */
export class RegionalTransport implements Transport {
  readonly #options: Required<RegionalTransportOptions>;
  readonly #nearest: NearestRegion;
  readonly #links = new Map<string, RegionLink>();
  /** Ends requests that are under way in a region. */
  readonly #underWay = new Map<string, Set<() => void>>();
  readonly #probing = new Map<string, Promise<void>>();
  readonly #counters = {
    probes: 0,
    silentProbes: 0,
    unfitProbes: 0,
    connects: 0,
    refusedConnects: 0,
    moves: 0,
    abandoned: 0,
    homeless: 0,
  };
  #stopped = false;
  #firstLooks: Promise<unknown> = Promise.resolve();

  /** Throws RangeError for more than `mostRegions` regions, or none. */
  constructor(options: RegionalTransportOptions) {
    const { allowed } = options;
    if (allowed.length < 1 || allowed.length > mostRegions) {
      throw new RangeError(`1 to ${mostRegions} allowed regions, not ${allowed.length}`);
    }
    this.#options = {
      rules: usualRules,
      probeEveryMs: 1_000,
      probeTimeoutMs: 1_000,
      openTimeoutMs: 5_000,
      settleMs: 250,
      moved: () => {},
      ...options,
    };
    this.#nearest = new NearestRegion(allowed, this.#options.rules);
  }

  /** The region that requests go through now; null when no allowed one is well. */
  get region(): string | null {
    return this.#nearest.present;
  }
  sights(): readonly RegionSight[] {
    return this.#nearest.sights();
  }
  counters(): RegionalCounters {
    return { ...this.#counters };
  }

  /** Resolves when every allowed region has been looked at once, also those that say nothing. */
  async lookedAtAll(): Promise<void> {
    await this.#firstLooks;
  }

  /** Looks at all regions and chooses; the region, or null when none is well. Goes on looking until close. */
  async start(): Promise<string | null> {
    const { allowed, now, settleMs, sleep } = this.#options;
    const began = now();
    const looks = allowed.map((region) => this.#look(region));
    this.#firstLooks = Promise.all(looks);
    const well = looks.map(async (look, index) => {
      await look;
      const sight = this.sights()[index];
      if (sight?.condition !== "well") throw new Error("not well");
    });
    await Promise.any(well).then(
      () => Promise.race([Promise.all(looks), sleep(now() - began + settleMs)]),
      () => undefined,
    );
    this.#tell(this.#nearest.begin(this.#options.now()));
    for (const region of allowed) void this.#keepLooking(region);
    return this.region;
  }

  async request(
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
    trace?: string,
  ): Promise<Delivery> {
    const region = this.region ?? this.#chooseLate() ?? this.#anyThatAnswers();
    const link = region === null ? undefined : this.#links.get(region);
    if (region === null || link === undefined) {
      this.#counters.homeless += 1;
      return nowhere;
    }
    let abandon = (): void => {};
    const left = new Promise<Delivery>((resolve) => {
      abandon = () => {
        this.#counters.abandoned += 1;
        resolve({ kind: "disconnected" });
      };
    });
    const here = this.#underWay.get(region) ?? new Set();
    this.#underWay.set(region, here.add(abandon));
    try {
      const answer = link.request(
        subject,
        payload,
        timeoutMs,
        ...(trace === undefined ? [] : [trace]),
      );
      const delivery = await Promise.race([answer, left]);
      // The market's region may be the silent one, or the one in between: a probe tells them apart.
      if (delivery.kind === "timeout") void this.#look(region);
      return delivery;
    } finally {
      here.delete(abandon);
    }
  }

  async close(): Promise<void> {
    this.#stopped = true;
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => link.close()));
  }

  /**
   * No region is well, most often because all wait for a new leader: the servers of one that is not silent still
   * pass a request on, and what does not serve says so itself.
   */
  #anyThatAnswers(): string | null {
    const answering = this.sights().find(
      ({ region, condition }) => condition !== "silent" && this.#links.has(region),
    );
    return answering?.region ?? null;
  }

  #chooseLate(): string | null {
    this.#tell(this.#nearest.begin(this.#options.now()));
    return this.region;
  }

  async #keepLooking(region: string): Promise<void> {
    const { probeEveryMs, random, sleep } = this.#options;
    while (!this.#stopped) {
      await sleep(probeEveryMs * (0.75 + 0.5 * random()));
      if (this.#stopped) return;
      await this.#look(region);
      // One lost answer is no silence: a second question at once tells.
      const link = this.#links.get(region);
      if (link !== undefined && this.#isSilent(region)) await this.#look(region);
    }
  }

  #isSilent(region: string): boolean {
    return this.sights().some((sight) => sight.region === region && sight.reason !== "");
  }

  /** One probe of a region at a time: who asks for one that is under way gets that. */
  #look(region: string): Promise<void> {
    const present = this.#probing.get(region);
    if (present !== undefined) return present;
    const look = this.#probe(region).then((probe) => {
      this.#probing.delete(region);
      if (this.#stopped) return;
      if (probe.kind === "silent") this.#counters.silentProbes += 1;
      if (probe.kind === "unfit") this.#counters.unfitProbes += 1;
      this.#tell(this.#nearest.observe(region, probe, this.#options.now()));
    });
    this.#probing.set(region, look);
    return look;
  }

  async #probe(region: string): Promise<Probe> {
    this.#counters.probes += 1;
    const link = this.#links.get(region) ?? (await this.#open(region));
    if (link === null) return { kind: "silent", reason: "no server takes a connection" };
    const { now, probeTimeoutMs } = this.#options;
    const asked = now();
    const question = StatusRequest.encode({ brief: true }).finish();
    const delivery = await link.request(
      operationsSubject(region, "status"),
      question,
      probeTimeoutMs,
    );
    return probeOf(delivery, Math.max(1, Math.round((now() - asked) * 1_000)));
  }

  async #open(region: string): Promise<RegionLink | null> {
    const { open, openTimeoutMs, sleep } = this.#options;
    this.#counters.connects += 1;
    const opening = open(region);
    // A server that is stopped takes a connection and says nothing.
    const link = await Promise.race([opening, sleep(openTimeoutMs).then(() => null)]);
    if (link === null || this.#stopped) {
      this.#counters.refusedConnects += 1;
      void opening.then((late) => late?.close());
      return null;
    }
    this.#links.set(region, link);
    void link.lost.then(() => this.#lost(region, link));
    return link;
  }

  #lost(region: string, link: RegionLink): void {
    if (this.#links.get(region) !== link) return;
    this.#links.delete(region);
    this.#tell(this.#nearest.lost(region, "the connection was lost", this.#options.now()));
    this.#abandon(region);
  }

  #tell(move: Move | null): void {
    if (move === null) return;
    if (move.cause !== "first") this.#counters.moves += 1;
    this.#options.moved(move);
    // What a living region still works on is answered by it; of a silent one nobody knows.
    if (move.from !== null && move.cause === "silent") this.#abandon(move.from);
  }

  #abandon(region: string): void {
    for (const abandon of this.#underWay.get(region) ?? []) abandon();
  }
}

function probeOf(delivery: Delivery, roundTripUs: number): Probe {
  switch (delivery.kind) {
    case "reply":
      try {
        const { status, refusal } = StatusReply.decode(delivery.payload);
        if (refusal) return { kind: "unfit", reason: refusal.reason ?? "" };
        if (status?.ready === true) return { kind: "answered", roundTripUs };
        return { kind: "unfit", reason: status?.notReadyReason ?? "" };
      } catch (error) {
        return { kind: "unfit", reason: (error as Error).message };
      }
    case "no_responders":
      return { kind: "unfit", reason: "its servers run, and no cell of it answers" };
    case "not_permitted":
      return { kind: "unfit", reason: delivery.reason };
    case "timeout":
      return { kind: "silent", reason: "no answer" };
    case "disconnected":
      return { kind: "silent", reason: "the connection was lost" };
    default:
      return delivery satisfies never;
  }
}
