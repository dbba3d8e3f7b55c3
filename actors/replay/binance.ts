import {
  type ByteSource,
  MAXIMUM_PRICE,
  MAXIMUM_SIZE,
  PRICE_DECIMALS,
  type SessionEvent,
  type SessionSource,
} from "./events.ts";
import { LevelOrders, type QueueRule } from "./level-orders.ts";
import { LineSplitter } from "./lines.ts";

/**
 * A recorded Binance USD-M stream as a session: `local_receive_time_ns SPACE JSON` a line, of depth
 * differences, best quotes, trades and a REST snapshot. Nothing before the snapshot is used. A depth
 * difference tells of its own past only: a level that a younger best quote told of is left as it is.
 * Times are when the recorder received the line, as nanoseconds after midnight UTC.
 */
export interface BinanceOptions {
  readonly queue: QueueRule;
  /** Decimals of the quantities: 3 makes a lot 0.001 of the coin. */
  readonly quantityDecimals: number;
}

/** The first line of such a file. */
export const looksLikeBinance = (line: string): boolean => /^\d{19} \{"/.test(line);

/** Reads a stream. Never throws for what it says: a line that is no message becomes a malformed event. */
export function binanceSession(bytes: ByteSource, options: BinanceOptions): SessionSource {
  return async function* read() {
    const splitter = new LineSplitter();
    const stream = new BinanceStream(options);
    let events: SessionEvent[] = [];
    const take = (line: string | null, number: number): void => {
      stream.line(line, number, events);
    };
    for await (const chunk of bytes()) {
      splitter.push(chunk, take);
      if (events.length > 0) yield events;
      events = [];
    }
    splitter.end(take);
    if (events.length > 0) yield events;
  };
}

const DAY_NS = 86_400_000_000_000n;
const linePattern = /^(\d{19}) (\{.*\})\s*$/;

type Json = Readonly<Record<string, unknown>>;
type Levels = readonly (readonly [number, number])[];

class BinanceStream {
  readonly #quantityUnit: number;
  readonly #book: LevelOrders;
  /** Update id of the snapshot; nothing is used before it. */
  #snapshot = Number.POSITIVE_INFINITY;
  #bestUpdate = 0;
  #depthUpdate = 0;

  constructor({ queue, quantityDecimals }: BinanceOptions) {
    this.#quantityUnit = 10 ** quantityDecimals;
    this.#book = new LevelOrders(queue);
  }

  line(text: string | null, position: number, into: SessionEvent[]): void {
    const malformed = (reason: string): void => {
      into.push({ type: "malformed", position, time: 0, reason });
    };
    const match = text === null ? null : linePattern.exec(text);
    if (match === null) return malformed("a receive time and a JSON object expected");
    const time = Number(BigInt(match[1] ?? 0) % DAY_NS);
    const message = parsed(match[2] ?? "");
    if (message === null) return malformed("the JSON cannot be read");
    this.#book.at(position, time, into);
    const data = (message["data"] ?? message) as Json;
    const understood =
      "lastUpdateId" in data
        ? this.#restart(data)
        : data["e"] === "depthUpdate"
          ? this.#depth(data)
          : data["e"] === "bookTicker"
            ? this.#best(data)
            : data["e"] === "trade" && this.#trade(data);
    if (!understood) malformed("not a depth difference, a best quote, a trade or a snapshot");
  }

  #restart(data: Json): boolean {
    const [bids, asks] = [this.#levels(data["bids"]), this.#levels(data["asks"])];
    const id = data["lastUpdateId"];
    if (bids === null || asks === null || typeof id !== "number") return false;
    this.#snapshot = id;
    this.#depthUpdate = id;
    this.#book.clear();
    for (const [price, size] of bids) this.#book.set("buy", price, size, id);
    for (const [price, size] of asks) this.#book.set("sell", price, size, id);
    return true;
  }

  #depth(data: Json): boolean {
    const [bids, asks] = [this.#levels(data["b"]), this.#levels(data["a"])];
    const id = data["u"];
    if (bids === null || asks === null || typeof id !== "number") return false;
    if (id <= this.#snapshot) return true;
    this.#depthUpdate = id;
    // What leaves goes first: a level that moved across the middle must not meet its old self.
    for (const leaving of [true, false]) {
      for (const [price, size] of bids)
        if ((size === 0) === leaving) this.#book.set("buy", price, size, id);
      for (const [price, size] of asks)
        if ((size === 0) === leaving) this.#book.set("sell", price, size, id);
    }
    return true;
  }

  #best(data: Json): boolean {
    const bid = this.#level(data["b"], data["B"]);
    const ask = this.#level(data["a"], data["A"]);
    const id = data["u"];
    if (bid === null || ask === null || typeof id !== "number") return false;
    if (id <= this.#snapshot || id <= this.#bestUpdate || id < this.#depthUpdate) return true;
    this.#bestUpdate = id;
    this.#book.dropBetter("buy", bid[0]);
    this.#book.dropBetter("sell", ask[0]);
    this.#book.set("buy", bid[0], bid[1], id);
    this.#book.set("sell", ask[0], ask[1], id);
    return true;
  }

  #trade(data: Json): boolean {
    const level = this.#level(data["p"], data["q"]);
    if (level === null || typeof data["m"] !== "boolean") return false;
    if (this.#snapshot === Number.POSITIVE_INFINITY) return true;
    // Liquidations by the insurance fund and the like happen outside the book.
    if (data["X"] === "MARKET") this.#book.execute(data["m"] ? "buy" : "sell", ...level);
    else this.#book.remark();
    return true;
  }

  /** Levels beyond the largest price of a session are left out: they are far from every trade. */
  #levels(value: unknown): Levels | null {
    if (!Array.isArray(value)) return null;
    const levels = value.map((pair: unknown) =>
      Array.isArray(pair) ? this.#level(pair[0], pair[1]) : null,
    );
    if (!levels.every((level) => level !== null)) return null;
    return levels.filter(([price]) => price <= MAXIMUM_PRICE);
  }

  /** Price in units of 10^-4, size in lots. */
  #level(price: unknown, quantity: unknown): readonly [number, number] | null {
    const [units, lots] = [
      Math.round(Number(price) * 10 ** PRICE_DECIMALS),
      Math.round(Number(quantity) * this.#quantityUnit),
    ];
    return units >= 1 && lots >= 0 && lots <= MAXIMUM_SIZE ? [units, lots] : null;
  }
}

function parsed(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Json) : null;
  } catch {
    return null;
  }
}
