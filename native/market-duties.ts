import { durationNs, type DurationNs } from "../actors/kernel/units.ts";
import type { Addon, DutyOpened } from "./addon.ts";

/** OUCH order entry and the ITCH feed of a market of the native engine (native/duties/README.md). */

/** As the addon gives stamps. */
const NUMBERS_PER_COMMAND = 5;

/** A member of order entry. Texts are cut at 6, 10 and 4 characters. */
export interface OrderEntryMember {
  readonly username: string;
  readonly password: string;
  /** 1 … 2^53 - 1, not to be guessed: by it the market recognizes what the member sends again. */
  readonly session: number;
  readonly account: number;
  readonly firm: string;
  /** Of its orders, 0 … 255; cancel on disconnect cancels those of the group, with 0 all of the account. */
  readonly group: number;
  readonly cancelOnDisconnect: boolean;
}

interface Listening {
  /** At most 8 characters. */
  readonly symbol: string;
  /** In 10^-4 of the currency. */
  readonly pricePerTick: number;
  /** At most 10 characters. */
  readonly session: string;
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly connections: number;
  readonly backend: "best" | "uring" | "epoll";
}

export interface OrderEntryOptions extends Listening {
  readonly members: readonly OrderEntryMember[];
  /** Of 2^32: the part of the commands whose times are taken (schemas/order-trace.ts). Absent: none. */
  readonly picked?: number;
}

/** When a command of order entry came and was answered, by the engine's clock. */
export interface CommandStamps {
  readonly sequence: number;
  /** The edge had heard of the network; the command stood in its ring. */
  readonly received: DurationNs;
  readonly offered: DurationNs;
  /** Its last event was taken; what it led to was handed to the network. */
  readonly taken: DurationNs;
  readonly told: DurationNs;
}

export interface FeedOptions extends Listening {
  readonly locate: number;
  readonly roundLot: number;
  /** Where packets go: a multicast group, or one receiver. */
  readonly packetsHost: string;
  readonly packetsPort: number;
  /** Where requests for packets are heard, at `host`; 0: one that is free. */
  readonly requestsPort: number;
  readonly subscribers: readonly { readonly username: string; readonly password: string }[];
}

export interface OrderEntryReport {
  readonly orders: number;
  readonly cancels: number;
  readonly packets: number;
  readonly messages: number;
  readonly connections: number;
  readonly openOrders: number;
  readonly turnedAway: number;
  readonly ringFull: number;
  readonly ordersFull: number;
  readonly commandsFull: number;
  readonly unknownOrders: number;
  readonly repeatedReferences: number;
  /** Traced commands whose times were not kept, because too many were at a time. */
  readonly stampsLeftOut: number;
  /** Ends of connections by reason. */
  readonly closed: Readonly<Record<string, number>>;
  /** Not 0 once the market serves it no longer (native/client/client_region.hpp). */
  readonly ended: number;
  readonly failure: string;
}

export interface FeedReport {
  /** Of the market's last command that was told of. */
  readonly sequence: number;
  readonly messages: number;
  readonly packets: number;
  readonly packetsDropped: number;
  readonly requests: number;
  readonly replays: number;
  readonly snapshots: number;
  readonly snapshotsRefused: number;
  readonly unpriceable: number;
  readonly ended: number;
  /** Why it goes no further; empty while it does. */
  readonly failure: string;
}

/** A duty that runs. */
export interface MarketDuty<Report> {
  readonly port: number;
  /** Of a feed. */
  readonly requestsPort: number;
  readonly backend: string;
  report(): Report;
  /** Of order entry: commands that were picked and answered since the last call. */
  stamps(): readonly CommandStamps[];
  /** Ends it; its connections are gone then. */
  close(): Promise<void>;
}

/** The duties of one market; none is left when it is closed. */
export class MarketDuties {
  readonly #addon: Addon;
  readonly #market: number;
  readonly #clockOriginNs: number;
  readonly #opening = new Set<Promise<unknown>>();
  readonly #open = new Map<number, Promise<void> | null>();
  #closed = false;

  /** `clockOriginNs`: of the engine's clock, by CLOCK_MONOTONIC. */
  constructor(addon: Addon, market: number, clockOriginNs: number) {
    this.#addon = addon;
    this.#market = market;
    this.#clockOriginNs = clockOriginNs;
  }

  /** Rejects with an Error that says what to do. Reads the market's log, so it may take seconds. */
  openOrderEntry(options: OrderEntryOptions): Promise<MarketDuty<OrderEntryReport>> {
    return this.#started(() => this.#addon.openOrderEntry(this.#market, { picked: 0, ...options }));
  }

  openFeed(options: FeedOptions): Promise<MarketDuty<FeedReport>> {
    return this.#started(() => this.#addon.openFeed(this.#market, options));
  }

  /** Before the market is closed; nothing is opened afterwards. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#opening);
    await Promise.all([...this.#open.keys()].map((id) => this.#close(id)));
  }

  async #started<Report>(open: () => Promise<DutyOpened>): Promise<MarketDuty<Report>> {
    if (this.#closed) throw new Error("the market is closed: open it again");
    const opening = open();
    this.#opening.add(opening);
    try {
      const { id, port, requestsPort, backend } = await opening;
      this.#open.set(id, null);
      return {
        port,
        requestsPort,
        backend,
        report: () => {
          if (this.#open.get(id) !== null) throw new Error("the duty is closed");
          return this.#addon.dutyReport(id) as Report;
        },
        stamps: () => (this.#open.get(id) === null ? this.#stamps(id) : []),
        close: () => this.#close(id),
      };
    } finally {
      this.#opening.delete(opening);
    }
  }

  #stamps(id: number): readonly CommandStamps[] {
    const numbers = this.#addon.dutyStamps(id);
    const at = (index: number): DurationNs =>
      durationNs(Math.max((numbers[index] ?? 0) - this.#clockOriginNs, 0));
    return Array.from({ length: numbers.length / NUMBERS_PER_COMMAND }, (_, one) => {
      const first = one * NUMBERS_PER_COMMAND;
      return {
        sequence: numbers[first] ?? 0,
        received: at(first + 1),
        offered: at(first + 2),
        taken: at(first + 3),
        told: at(first + 4),
      };
    });
  }

  #close(id: number): Promise<void> {
    const closing = this.#open.get(id);
    if (closing === undefined) return Promise.resolve();
    if (closing !== null) return closing;
    const begun = this.#addon.closeDuty(id).finally(() => this.#open.delete(id));
    this.#open.set(id, begun);
    return begun;
  }
}
