import type { Addon, DutyOpened } from "./addon.ts";

/** OUCH order entry and the ITCH feed of a market of the native engine (native/duties/README.md). */

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
  /** Ends it; its connections are gone then. */
  close(): Promise<void>;
}

/** The duties of one market; none is left when it is closed. */
export class MarketDuties {
  readonly #addon: Addon;
  readonly #market: number;
  readonly #opening = new Set<Promise<unknown>>();
  readonly #open = new Map<number, Promise<void> | null>();
  #closed = false;

  constructor(addon: Addon, market: number) {
    this.#addon = addon;
    this.#market = market;
  }

  /** Rejects with an Error that says what to do. Reads the market's log, so it may take seconds. */
  openOrderEntry(options: OrderEntryOptions): Promise<MarketDuty<OrderEntryReport>> {
    return this.#started(() => this.#addon.openOrderEntry(this.#market, options));
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
        close: () => this.#close(id),
      };
    } finally {
      this.#opening.delete(opening);
    }
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
