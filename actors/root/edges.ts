import { createSocket } from "node:dgram";
import { readFileSync, renameSync, writeFileSync } from "node:fs";

import {
  type FeedReport,
  type MarketDuty,
  NativeMarket,
  type OrderEntryReport,
} from "../../native/index.ts";
import {
  type CellConfiguration,
  type EdgeAccess,
  edgeAccessSchema,
  type EdgesFile,
  edgesFileSchema,
} from "../../schemas/configuration.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { MarketEngine } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import type { MarketDefinition } from "../region/messages.ts";
import { readPrivateFile } from "./private-file.ts";
import type { EntryTracing } from "./tracing.ts";

type Settings = NonNullable<CellConfiguration["edges"]>;
type Place = EdgesFile["markets"][string];

const connections = 256;
const feedConnections = 64;
const samePortTries = 10;
const samePortPause = durationNs(100_000_000);
const lookEvery = durationNs(1_000_000_000);
/**
 * How long order entry outlasts the lease: longer than JetStream takes for new leaders (6 to 18 s, most often
 * below 10). What was sent meanwhile may still be answered here; who waits longer is to look for another owner.
 */
const outlastsLease = durationNs(15_000_000_000);
/** Once it was closed for that, how often it is seen whether the lease is there again. */
const leaseLookEvery = durationNs(100_000_000);
/** Order entry keeps the times of 256 traced commands until they are fetched. */
const stampsEvery = durationNs(100_000_000);
/** A price of 0x7FFFFFFF is OUCH's market order. */
const highestPrice = 0x7fff_fffe;
const priceDecimals = 4;

/** What is open of one market. */
interface Open {
  readonly engine: NativeMarket;
  readonly definition: MarketDefinition;
  readonly epoch: number;
  orders: MarketDuty<OrderEntryReport> | null;
  feed: MarketDuty<FeedReport> | null;
  place: Place;
  /** Sessions of order entry in this epoch: each has a name of its own. */
  sessions: number;
  isOpening: boolean;
  /** When the lease was first seen to have lapsed; null: it holds, or none is needed. */
  lapsedAt: DurationNs | null;
  /** Of its order entry: traced commands that were known to be left out. */
  stampsLeftOut: number;
  said: string;
}

/** What a scrape shows of a market. */
export interface EdgeReport {
  readonly market: string;
  readonly orders: OrderEntryReport | null;
  readonly feed: FeedReport | null;
}

/**
 * OUCH and ITCH of the markets that a cell owns. Market actors say when a market takes orders; it is
 * opened then, and what ends is opened again. What cannot be opened is said and tried each second.
 */
export class MarketEdges {
  readonly #settings: Settings;
  readonly #access: EdgeAccess;
  readonly #file: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #open = new Map<string, Open>();
  readonly #known: EdgesFile["markets"];
  #stopped = false;
  #cancelLook: () => void = () => {};
  #tracing: EntryTracing | null = null;
  #cancelStamps: () => void = () => {};

  private constructor(
    settings: Settings,
    access: EdgeAccess,
    file: string,
    ports: { readonly clock: Clock; readonly log: Log },
  ) {
    this.#settings = settings;
    this.#access = access;
    this.#file = file;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#known = readPlaces(file);
    this.#look();
  }

  /** `file`: where it is written where markets listen. Code: configuration_invalid (the access file). */
  static read(
    settings: Settings,
    file: string,
    ports: { readonly clock: Clock; readonly log: Log },
  ): Result<MarketEdges> {
    const access = readPrivateFile(settings.accessFile, edgeAccessSchema);
    if (!access.ok) return access;
    return ok(new MarketEdges(settings, access.value, file, ports));
  }

  /** The market is owned in this epoch, and takes orders. */
  serve(engine: MarketEngine, definition: MarketDefinition, epoch: number): void {
    const { market } = definition;
    if (!(engine instanceof NativeMarket)) {
      this.#log.warn({ market }, "the portable engine serves neither OUCH nor ITCH");
      return;
    }
    const units = listingOf(definition, this.#settings.symbols);
    if (!units.ok) {
      this.#log.warn({ market, failure: units.failure }, "the market has neither OUCH nor ITCH");
      return;
    }
    const before = this.#open.get(market);
    const keeps = before !== undefined && before.engine === engine;
    const open: Open = {
      engine,
      definition,
      epoch,
      // The journal may have gone on without this engine: order entry begins anew. A feed follows it.
      orders: null,
      feed: keeps ? before.feed : null,
      place: before?.place ?? this.#placeOf(market, units.value.symbol),
      sessions: 0,
      isOpening: false,
      lapsedAt: null,
      stampsLeftOut: 0,
      said: "",
    };
    this.#open.set(market, open);
    void (async () => {
      await before?.orders?.close();
      await this.#fill(open);
    })();
  }

  /** The market is another cell's: connections end, so that clients go to its owner. */
  leave(engine: MarketEngine, { market }: MarketDefinition): void {
    const open = this.#open.get(market);
    if (open === undefined || open.engine !== engine) return;
    this.#open.delete(market);
    void open.orders?.close();
    void open.feed?.close();
  }

  /** Order entry that is opened from now on tells its part of the traces of orders. */
  trace(tracing: EntryTracing): void {
    this.#tracing = tracing;
    tracing.members(this.#access.members.map(({ session }) => session));
    this.#fetchStamps(tracing);
  }

  reports(): readonly EdgeReport[] {
    return [...this.#open.values()].map(({ definition, orders, feed }) => ({
      market: definition.market,
      orders: reportOf(orders),
      feed: reportOf(feed),
    }));
  }

  /** Nothing is opened any more; what is open ends with its market. */
  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
    this.#cancelStamps();
  }

  #fetchStamps(tracing: EntryTracing): void {
    this.#cancelStamps = this.#clock.after(stampsEvery, () => {
      for (const open of this.#open.values()) {
        const { market } = open.definition;
        for (const stamps of open.orders?.stamps() ?? []) tracing.entered(market, stamps);
        const leftOut = reportOf(open.orders)?.stampsLeftOut ?? open.stampsLeftOut;
        tracing.missed(Math.max(leftOut - open.stampsLeftOut, 0));
        open.stampsLeftOut = leftOut;
      }
      this.#fetchStamps(tracing);
    });
  }

  #look(): void {
    const isClosedFor = ({ lapsedAt, orders }: Open): boolean =>
      lapsedAt !== null && orders === null;
    const isAwaited = [...this.#open.values()].some(isClosedFor);
    this.#cancelLook = this.#clock.after(isAwaited ? leaseLookEvery : lookEvery, () => {
      for (const open of this.#open.values()) void this.#fill(open);
      this.#look();
    });
  }

  #isCurrent(open: Open): boolean {
    const { engine, definition } = open;
    return !this.#stopped && this.#open.get(definition.market) === open && engine.closing === null;
  }

  /** Opens what is not open, and closes what has ended. */
  async #fill(open: Open): Promise<void> {
    const { market } = open.definition;
    const isCurrent = (): boolean => this.#isCurrent(open);
    if (open.isOpening || !isCurrent()) return;
    open.isOpening = true;
    try {
      await this.#replaceEnded(open);
      const isEntered = await this.#outlast(open);
      if (isCurrent() && isEntered && open.orders === null) await this.#openOrders(open);
      if (isCurrent() && open.feed === null && this.#settings.feed) await this.#openFeed(open);
      open.said = "";
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== open.said && isCurrent()) {
        this.#log.error({ market, reason }, "OUCH or ITCH of the market cannot be opened");
      }
      open.said = reason;
    } finally {
      open.isOpening = false;
    }
  }

  async #replaceEnded(open: Open): Promise<void> {
    const { market } = open.definition;
    const orders = reportOf(open.orders);
    if (orders !== null && orders.ended !== 0) {
      this.#log.warn({ market, reason: orders.ended }, "order entry fell behind; opening it anew");
      await open.orders?.close();
      open.orders = null;
    }
    const feed = reportOf(open.feed);
    if (feed !== null && feed.failure !== "") {
      const { failure } = feed;
      await open.feed?.close();
      open.feed = null;
      throw new Error(failure);
    }
  }

  /**
   * Without the lease nothing is taken and nothing told: order entry goes on for a while, in which both may
   * come back, and is closed then. False: it is to stay closed until the lease is there again.
   */
  async #outlast(open: Open): Promise<boolean> {
    const { leaseUntil } = open.engine;
    const now = this.#clock.monotonic();
    if (leaseUntil === null || now < leaseUntil) {
      open.lapsedAt = null;
      return true;
    }
    open.lapsedAt ??= now;
    if (now - open.lapsedAt < outlastsLease) return true;
    if (open.orders !== null) {
      const { market } = open.definition;
      this.#log.warn({ market }, "no lease for too long; order entry ends until it is there again");
      await open.orders.close();
      open.orders = null;
    }
    return false;
  }

  async #openOrders(open: Open): Promise<void> {
    const units = listingOf(open.definition, this.#settings.symbols);
    if (!units.ok) throw new Error(units.failure.reason);
    open.sessions += 1;
    const { market } = open.definition;
    const orders = await this.#onPort(market, "orders", open.place.orders, (port) =>
      open.engine.duties.openOrderEntry({
        ...units.value,
        session: `${open.epoch}.${open.sessions}`,
        host: this.#settings.host,
        port,
        connections,
        backend: "best",
        members: this.#access.members,
        picked: this.#tracing?.picked ?? 0,
      }),
    );
    // It reads the market's log first, and the market may have gone elsewhere meanwhile.
    if (!this.#isCurrent(open)) return await orders.close();
    open.orders = orders;
    this.#opened(open, { orders: orders.port });
  }

  async #openFeed(open: Open): Promise<void> {
    const units = listingOf(open.definition, this.#settings.symbols);
    if (!units.ok) throw new Error(units.failure.reason);
    const { packetsHost } = this.#settings;
    const packetsPort = open.place.packets.port || (await freeUdpPort(this.#settings.host));
    const { market } = open.definition;
    const feed = await this.#onPort(market, "feed", open.place.feed, (port) =>
      open.engine.duties.openFeed({
        ...units.value,
        // Its sequences are a function of the journal: whoever owns the market next goes on with it.
        session: units.value.symbol,
        host: this.#settings.host,
        port,
        connections: feedConnections,
        backend: "best",
        locate: 1,
        roundLot: 1,
        packetsHost,
        packetsPort,
        requestsPort: port === 0 ? 0 : open.place.requests,
        subscribers: this.#access.subscribers,
      }),
    );
    if (!this.#isCurrent(open)) return await feed.close();
    open.feed = feed;
    this.#opened(open, {
      feed: feed.port,
      requests: feed.requestsPort,
      packets: { host: packetsHost, port: packetsPort },
    });
  }

  /** A port that is only remembered may be somebody else's now; one that was asked for may not. */
  async #onPort<Opened>(
    market: string,
    kind: "orders" | "feed",
    wanted: number,
    open: (port: number) => Promise<Opened>,
  ): Promise<Opened> {
    const isAskedFor = (this.#settings.ports[market]?.[kind] ?? 0) !== 0;
    if (wanted === 0 || isAskedFor) return await open(wanted);
    for (let attempt = 0; attempt < samePortTries; attempt += 1) {
      try {
        return await open(wanted);
      } catch {
        // The kernel lets go of the sockets of a ring some time after the ring was closed.
        await new Promise<void>((wake) => void this.#clock.after(samePortPause, wake));
      }
    }
    return await open(0);
  }

  #opened(open: Open, more: Partial<Place>): void {
    open.place = { ...open.place, ...more };
    const { market } = open.definition;
    this.#known[market] = open.place;
    const draft = `${this.#file}.${process.pid}`;
    writeFileSync(draft, `${JSON.stringify({ markets: this.#known }, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, this.#file);
    this.#log.info({ market, ...open.place }, "OUCH and ITCH listen");
  }

  #placeOf(market: string, symbol: string): Place {
    const { host, packetsHost, ports } = this.#settings;
    const asked = ports[market];
    const before = this.#known[market];
    const packets = { host: packetsHost, port: asked?.packets ?? before?.packets.port ?? 0 };
    const place = { symbol, host, packets };
    if (asked === undefined) {
      const { orders = 0, feed = 0, requests = 0 } = before ?? {};
      return { ...place, orders, feed, requests };
    }
    return { ...place, orders: asked.orders, feed: asked.feed, requests: asked.requests };
  }
}

/** Null when it is closed meanwhile. */
function reportOf<Report>(duty: MarketDuty<Report> | null): Report | null {
  try {
    return duty?.report() ?? null;
  } catch {
    return null;
  }
}

/** Symbol and price of a tick as OUCH and ITCH have them. Code: definition_invalid. */
export function listingOf(
  definition: MarketDefinition,
  symbols: Settings["symbols"],
): Result<{ readonly symbol: string; readonly pricePerTick: number }> {
  const { market, tick, bandHigh } = definition;
  const bad = (reason: string, next: string): Result<never> =>
    refuse("definition_invalid", `${market}: ${reason}`, next);
  const symbol = symbols[market] ?? market;
  if (symbol.length > 8) {
    return bad("its name is longer than a symbol", "give it one of 8 characters in edges.symbols");
  }
  const pricePerTick = tick * 10 ** (priceDecimals - definition.priceDecimals);
  if (!Number.isSafeInteger(pricePerTick)) {
    return bad(`a tick is no multiple of 10^-${priceDecimals}`, "give it a coarser tick");
  }
  if (Math.floor(bandHigh / tick) * pricePerTick > highestPrice) {
    return bad(`prices up to ${bandHigh} do not fit 31 bits of 10^-4`, "give it a narrower band");
  }
  return ok({ symbol, pricePerTick });
}

function readPlaces(file: string): EdgesFile["markets"] {
  try {
    return { ...edgesFileSchema.parse(JSON.parse(readFileSync(file, "utf8"))).markets };
  } catch {
    // Nothing is lost but the ports of before.
    return {};
  }
}

function freeUdpPort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, host, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
