import { type NatsConnection, type Subscription, errors } from "nats";

import { type Failure, type Result, ok, refuse } from "../../actors/kernel/result.ts";
import type { SiteFile } from "../../schemas/edge-site.ts";
import { wire } from "../../schemas/messages.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";
import {
  commandSubject,
  isToken,
  marketDataSubject,
  patterns,
  siteStatusSubject,
} from "../../schemas/subjects.ts";
import { type ConfirmedBook, Copies, type CopyView, levelsKept } from "./copies.ts";

const { BookReply, BookRequest, EdgeReadReply, EdgeStatusReply, L1, L2, Trades } = wire.market.v1;

const confirmEveryMs = 500;
const answersWithinMs = 1_500;
/** Regions that one question follows a market through. */
const mostRegionsAsked = 4;
/** First reads under way at most; one more is refused. */
const firstReadsLimit = 256;
/** Of questions to the regions that are sent at a time. */
const questionsAtOnce = 64;

/** Serves reads of an edge site from its copies; keeps them by asking their owners. */
export class EdgeCache {
  readonly #site: SiteFile;
  readonly #connection: NatsConnection;
  readonly #now: () => number;
  readonly #copies: Copies;
  readonly #regionOf = new Map<string, string>();
  readonly #subscriptions = new Map<string, readonly Subscription[]>();
  readonly #firstReads = new Map<string, Promise<Result<void>>>();
  readonly #counts = {
    reads: 0,
    hits: 0,
    misses: 0,
    staleReads: 0,
    confirmations: 0,
    failedConfirmations: 0,
    updates: 0,
  };
  readonly #refusals: Record<string, number> = {};
  readonly #timer: NodeJS.Timeout;
  #confirming = false;

  /** `now`: monotonic, in milliseconds. */
  constructor(site: SiteFile, connection: NatsConnection, now: () => number) {
    this.#site = site;
    this.#connection = connection;
    this.#now = now;
    this.#copies = new Copies(site.boundMs);
    connection.subscribe(patterns.siteReadsOf(site.name), {
      callback: (error, message) => {
        if (error !== null) return;
        const market = message.subject.split(".")[3] ?? "";
        void this.#read(market).then((reply) => message.respond(reply));
      },
    });
    connection.subscribe(siteStatusSubject(site.name), {
      callback: (error, message) => {
        if (error === null) message.respond(this.#status());
      },
    });
    this.#timer = setInterval(() => void this.#confirmAll(), confirmEveryMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #read(market: string): Promise<Uint8Array> {
    this.#counts.reads += 1;
    const kept = this.#copies.read(market, this.#now());
    if (kept !== null) {
      if (kept.stale) this.#counts.staleReads += 1;
      else this.#counts.hits += 1;
      return encodeCopy(market, kept, true);
    }
    this.#counts.misses += 1;
    const first = await this.#firstRead(market);
    const copy = first.ok ? this.#copies.read(market, this.#now()) : null;
    if (copy !== null) return encodeCopy(market, copy, false);
    return this.#refuse(first.ok ? noRoom.failure : first.failure);
  }

  #refuse({ code, reason, next }: Failure): Uint8Array {
    this.#refusals[code] = (this.#refusals[code] ?? 0) + 1;
    return EdgeReadReply.encode({ refusal: { code, reason, next } }).finish();
  }

  /** Reads of a market that is not kept yet wait for one question. */
  #firstRead(market: string): Promise<Result<void>> {
    const under = this.#firstReads.get(market);
    if (under !== undefined) return under;
    if (!isToken(market)) {
      return Promise.resolve(refuse("market_unknown", "no name of a market", "[A-Za-z0-9_-]"));
    }
    if (this.#copies.full) return Promise.resolve(noRoom);
    if (this.#firstReads.size >= firstReadsLimit) {
      const reason = `${firstReadsLimit} markets are being asked for`;
      return Promise.resolve(refuse("busy", reason, "try again in a moment"));
    }
    const asked = this.#confirm(market).then((confirmed) => {
      this.#firstReads.delete(market);
      if (confirmed.ok) this.#subscribe(market);
      return confirmed;
    });
    this.#firstReads.set(market, asked);
    return asked;
  }

  #subscribe(market: string): void {
    if (this.#subscriptions.has(market)) return;
    const take = (kind: "l1" | "l2" | "trades", taken: (bytes: Uint8Array) => boolean) =>
      this.#connection.subscribe(marketDataSubject(market, kind), {
        callback: (error, message) => {
          if (error === null && decoded(() => taken(message.data))) this.#counts.updates += 1;
        },
      });
    this.#subscriptions.set(market, [
      take("l1", (bytes) => this.#copies.takeTouch(market, L1.decode(bytes))),
      take("l2", (bytes) => this.#copies.takeLevels(market, L2.decode(bytes), this.#now())),
      take("trades", (bytes) => this.#copies.takeTrades(market, Trades.decode(bytes).trades ?? [])),
    ]);
  }

  async #confirmAll(): Promise<void> {
    for (const market of this.#copies.sweep(this.#now())) {
      for (const subscription of this.#subscriptions.get(market) ?? []) subscription.unsubscribe();
      this.#subscriptions.delete(market);
      this.#regionOf.delete(market);
    }
    // A round that takes longer than its turn is followed by one, not by several.
    if (this.#confirming) return;
    this.#confirming = true;
    const waiting = [...this.#copies.markets];
    const work = async (): Promise<void> => {
      for (let market = waiting.pop(); market !== undefined; market = waiting.pop()) {
        await this.#confirm(market);
      }
    };
    await Promise.all(Array.from({ length: questionsAtOnce }, work));
    this.#confirming = false;
  }

  /** Asks the owner. Failure codes: of its refusal; unavailable (nobody answers), stale (its lease has lapsed). */
  async #confirm(market: string): Promise<Result<void>> {
    const askedAtMs = this.#now();
    const book = await this.#ask(market);
    if (!book.ok) {
      this.#counts.failedConfirmations += 1;
      return book;
    }
    this.#counts.confirmations += 1;
    this.#copies.confirm(market, book.value, askedAtMs, this.#now());
    return ok(undefined);
  }

  async #ask(market: string): Promise<Result<ConfirmedBook>> {
    let region = this.#regionOf.get(market) ?? this.#site.region;
    let last: Result<never> = unavailable;
    for (let asked = 0; asked < mostRegionsAsked; asked += 1) {
      const answer = await this.#askRegion(market, region);
      if (answer.ok) {
        this.#regionOf.set(market, region);
        return answer;
      }
      last = answer;
      const told = answer.failure.region ?? "";
      if (told !== "" && isToken(told)) region = told;
      else if (answer.failure.code !== unavailable.failure.code) break;
      else {
        // Nobody answers there: another region has the market, or knows who has it.
        this.#regionOf.delete(market);
        const { regions } = this.#site;
        region = regions[(regions.indexOf(region) + 1) % regions.length] ?? region;
      }
    }
    return last;
  }

  async #askRegion(market: string, region: string): Promise<Result<ConfirmedBook>> {
    try {
      const message = await this.#connection.request(
        commandSubject(region, market, "book"),
        BookRequest.encode({ levels: levelsKept }).finish(),
        { timeout: answersWithinMs },
      );
      const reply = BookReply.decode(message.data);
      const failure = decodeRefusal(reply.refusal);
      if (failure !== null) return { ok: false, failure };
      if (reply.stale) {
        return refuse("stale", `the lease of ${region} has lapsed`, "try again in a moment");
      }
      const { bids, asks, sequence } = reply;
      return ok({ region, bids: bids ?? [], asks: asks ?? [], sequence: sequence ?? 0 });
    } catch (error) {
      if (error instanceof errors.ProtocolError) throw error;
      return unavailable;
    }
  }

  #status(): Uint8Array {
    return EdgeStatusReply.encode({
      site: this.#site.name,
      region: this.#site.region,
      markets: this.#copies.markets.length,
      ...this.#counts,
      refusals: this.#refusals,
      boundMs: this.#site.boundMs,
      oldestMs: Math.round(this.#copies.oldestMs(this.#now())),
    }).finish();
  }
}

const unavailable = refuse(
  "unavailable",
  "no region answers for this market through the site's link",
  "look at the link: npx meridian edge status",
);
const noRoom = refuse(
  "limit_reached",
  "the site keeps as many markets as it may",
  "read again when others have not been read for a minute",
);

/** False for bytes that are no such message. */
function decoded(take: () => boolean): boolean {
  try {
    return take();
  } catch {
    return false;
  }
}

const encodeCopy = (market: string, copy: CopyView, hit: boolean): Uint8Array => {
  const { region, ageMs, stale, sequence, bids, asks, l1, trades } = copy;
  return EdgeReadReply.encode({
    market,
    region,
    ageMs: Math.ceil(ageMs),
    stale,
    sequence,
    hit: hit && !stale,
    bids: [...bids],
    asks: [...asks],
    ...(l1 === null ? {} : { l1 }),
    trades: [...trades],
  }).finish();
};
