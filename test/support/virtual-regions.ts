import { wire } from "../../schemas/messages.ts";
import type { Delivery } from "../../schemas/sdk/client.ts";
import type { RegionLink } from "../../schemas/sdk/regional-transport.ts";

const { StatusReply } = wire.control.v1;

/** Time that passes when a test says so. */
export class VirtualTime {
  nowMs = 0;
  #order = 0;
  readonly #due: { readonly at: number; readonly order: number; readonly wake: () => void }[] = [];

  readonly now = (): number => this.nowMs;
  readonly sleep = (milliseconds: number): Promise<void> =>
    new Promise((wake) => {
      this.#order += 1;
      this.#due.push({ at: this.nowMs + milliseconds, order: this.#order, wake });
    });

  /** Lets this much time pass, whatever is due on the way happening in its order. */
  async pass(milliseconds: number): Promise<void> {
    const until = this.nowMs + milliseconds;
    for (;;) {
      await settled();
      this.#due.sort((a, b) => a.at - b.at || a.order - b.order);
      const next = this.#due[0];
      if (next === undefined || next.at > until) break;
      this.#due.shift();
      this.nowMs = Math.max(this.nowMs, next.at);
      next.wake();
    }
    this.nowMs = until;
    await settled();
  }

  /** Lets time pass until the promise is settled. */
  async until<T>(promise: Promise<T>, mostMs = 600_000): Promise<T> {
    const state = { done: false };
    const end = (): void => {
      state.done = true;
    };
    promise.then(end, end);
    const last = this.nowMs + mostMs;
    while (!state.done && this.nowMs < last) await this.pass(1);
    if (!state.done) throw new Error(`not settled after ${mostMs} ms of virtual time`);
    return promise;
  }
}

/** Every promise that can go on has gone on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** How a region and the way to it are. */
export interface VirtualRegion {
  roundTripMs: number;
  /** Added to single round trips. */
  jitterMs: () => number;
  /** Servers take connections and pass messages on. */
  reachable: boolean;
  /** The cell says that it takes requests. */
  ready: boolean;
  /** Of 100 messages: lost on either way, the connection staying as it is. */
  lossPercent: number;
}

/** Regions with round trips on virtual time, as one client sees them; `market` answers what is sent to markets. */
export class VirtualRegions {
  readonly regions = new Map<string, VirtualRegion>();
  /** Entries through which requests to markets came, in order. */
  readonly entries: string[] = [];
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #market: (subject: string, payload: Uint8Array) => Delivery | Promise<Delivery>;
  readonly #cuts = new Map<string, Set<() => void>>();

  constructor(
    time: VirtualTime,
    random: () => number,
    roundTrips: Readonly<Record<string, number>>,
    market: (subject: string, payload: Uint8Array) => Delivery | Promise<Delivery> = () => ({
      kind: "no_responders",
    }),
  ) {
    this.#time = time;
    this.#random = random;
    this.#market = market;
    for (const [name, roundTripMs] of Object.entries(roundTrips)) {
      this.regions.set(name, {
        roundTripMs,
        jitterMs: () => 0,
        reachable: true,
        ready: true,
        lossPercent: 0,
      });
    }
  }

  at(name: string): VirtualRegion {
    const region = this.regions.get(name);
    if (region === undefined) throw new Error(`no region ${name}`);
    return region;
  }

  /** Every process of the region is gone: its connections end. */
  kill(name: string): void {
    this.at(name).reachable = false;
    for (const cut of this.#cuts.get(name) ?? []) cut();
  }

  readonly open = async (name: string): Promise<RegionLink | null> => {
    const region = this.at(name);
    if (!region.reachable) return null;
    await this.#time.sleep(region.roundTripMs);
    let end = (): void => {};
    let closed = false;
    const lost = new Promise<void>((resolve) => {
      end = () => {
        closed = true;
        resolve();
      };
    });
    const cuts = this.#cuts.get(name) ?? new Set();
    this.#cuts.set(name, cuts.add(end));
    return {
      lost,
      close: async () => end(),
      request: async (subject, payload, timeoutMs) => {
        if (closed) return { kind: "disconnected" };
        return Promise.race([
          this.#travel(region, name, subject, payload, timeoutMs),
          lost.then((): Delivery => ({ kind: "disconnected" })),
        ]);
      },
    };
  };

  async #travel(
    region: VirtualRegion,
    name: string,
    subject: string,
    payload: Uint8Array,
    timeoutMs: number,
  ): Promise<Delivery> {
    const lose = (): boolean => this.#random() * 100 < region.lossPercent;
    const timeout = this.#time.sleep(timeoutMs).then((): Delivery => ({ kind: "timeout" }));
    const answer = async (): Promise<Delivery> => {
      const half = (region.roundTripMs + region.jitterMs()) / 2;
      await this.#time.sleep(half);
      if (!region.reachable || lose()) return timeout;
      const delivery = await this.#answer(region, name, subject, payload);
      await this.#time.sleep(half);
      return !region.reachable || lose() ? timeout : delivery;
    };
    return Promise.race([answer(), timeout]);
  }

  async #answer(
    region: VirtualRegion,
    name: string,
    subject: string,
    payload: Uint8Array,
  ): Promise<Delivery> {
    if (subject === `ops.${name}.status`) {
      const status = region.ready
        ? { name, ready: true }
        : { name, ready: false, notReadyReason: "the cell is stopping" };
      return { kind: "reply", payload: StatusReply.encode({ status }).finish() };
    }
    this.entries.push(name);
    return this.#market(subject, payload);
  }
}
