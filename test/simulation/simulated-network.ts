import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { Life, Scheduler } from "./scheduler.ts";

/** One-way delays between three sites in nanoseconds, as in a cluster that spans an ocean. */
const WAN_NS: readonly (readonly number[])[] = [
  [0, 5e6, 20e6],
  [5e6, 0, 20e6],
  [20e6, 20e6, 0],
];
const LOCAL_NS = 80_000;

interface Link {
  /** Cut: what is sent is kept until the cut ends, or lost. */
  cut: "no" | "keeps" | "loses";
  /** A stream delivers in order: nothing arrives before what was sent earlier. */
  arrivesAfter: number;
  readonly held: (() => void)[];
}

/** Three sites, joined by links that deliver in order and can be cut one way or both. */
export class SimulatedNetwork {
  readonly sites = [0, 1, 2] as const;
  readonly #scheduler: Scheduler;
  readonly #random: SeededRandomness;
  readonly #links: readonly (readonly Link[])[];
  readonly #listeners: (() => void)[] = [];
  /** Multiplies delays: a congested network. */
  slowness = 1;

  constructor(scheduler: Scheduler, random: SeededRandomness) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#links = this.sites.map(() =>
      this.sites.map(() => ({ cut: "no" as const, arrivesAfter: 0, held: [] })),
    );
  }

  /** Called at every cut and every end of one. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  cut(from: number, to: number, keeps: boolean): void {
    this.#link(from, to).cut = keeps ? "keeps" : "loses";
    this.#changed();
  }

  heal(from: number, to: number): void {
    const link = this.#link(from, to);
    if (link.cut === "no") return;
    link.cut = "no";
    for (const send of link.held.splice(0)) send();
    this.#changed();
  }

  healAll(): void {
    for (const from of this.sites) for (const to of this.sites) this.heal(from, to);
  }

  /** Both directions work. */
  joined(one: number, other: number): boolean {
    return this.#link(one, other).cut === "no" && this.#link(other, one).cut === "no";
  }

  /** Nanoseconds to the site and back, as they are on average now. */
  roundTrip(from: number, to: number): number {
    return 2 * this.#delay(from, to);
  }

  /** A message from site to site; `arrive` runs as a step of the receiver's life. */
  send(from: number, to: number, life: Life, label: string, arrive: () => void): void {
    const link = this.#link(from, to);
    if (link.cut === "loses") return;
    if (link.cut === "keeps") {
      link.held.push(() => this.send(from, to, life, label, arrive));
      return;
    }
    const delay = this.#delay(from, to) * (0.9 + 0.3 * this.#random.unit());
    const at = Math.max(this.#scheduler.now + delay, link.arrivesAfter + 1);
    link.arrivesAfter = at;
    this.#scheduler.at(Math.floor(at), life, label, arrive);
  }

  #delay(from: number, to: number): number {
    return ((WAN_NS[from]?.[to] ?? 0) + LOCAL_NS) * this.slowness;
  }

  #link(from: number, to: number): Link {
    const link = this.#links[from]?.[to];
    if (link === undefined) throw new RangeError(`no link from ${from} to ${to}`);
    return link;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}
