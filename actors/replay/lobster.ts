import {
  type ByteSource,
  MAXIMUM_PRICE,
  MAXIMUM_SIZE,
  type SessionEvent,
  type SessionSource,
} from "./events.ts";
import { LineSplitter } from "./lines.ts";

/**
 * LOBSTER files: messages `time,type,order_id,size,price,direction` and books
 * `ask_price,ask_size,bid_price,bid_size` per level. A header line may be there or not. Newer message
 * files have a seventh column, a remark that is a word, "null" mostly.
 */

/** Real files carry digits beyond nanoseconds where their writer went through a float. */
const timePattern = /^\d{1,6}(?:\.\d{0,20})?$/;
const remarkPattern = /^(?:[A-Za-z_][\w .-]{0,63})?$/;
const integerPattern = /^-?\d{1,16}$/;

/** What the name of a LOBSTER file says: TICKER_YYYY-MM-DD_start_end_message_LEVELS.csv. */
export interface LobsterName {
  readonly symbol: string;
  readonly date: string;
  /** Price levels the file covers; null where the name does not give a number. */
  readonly levels: number | null;
}

/** Null when the name is not of that form. */
export function parseLobsterName(fileName: string): LobsterName | null {
  const match = /^([A-Za-z0-9.]{1,16})_(\d{4}-\d{2}-\d{2})_\d+_\d+_message_([A-Za-z0-9]+)\./.exec(
    fileName,
  );
  if (match === null) return null;
  const [, symbol = "", date = "", level = ""] = match;
  return { symbol, date, levels: /^\d{1,4}$/.test(level) ? Number(level) : null };
}

/** Reads a message file. Never throws: a line that is no message becomes a malformed event. */
export function lobsterSession(bytes: ByteSource): SessionSource {
  return async function* read() {
    const splitter = new LineSplitter();
    for await (const chunk of bytes()) {
      const events: SessionEvent[] = [];
      splitter.push(chunk, (line, number) => addMessage(events, line, number));
      if (events.length > 0) yield events;
    }
    const events: SessionEvent[] = [];
    splitter.end((line, number) => addMessage(events, line, number));
    if (events.length > 0) yield events;
  };
}

function addMessage(events: SessionEvent[], line: string | null, number: number): void {
  if (line !== null && line.trim() === "") return;
  if (number === 1 && line !== null && isHeader(line)) return;
  events.push(parseMessage(line, number));
}

/** A first line of names: several columns, none of them a number. */
function isHeader(line: string): boolean {
  const fields = line.split(",", 64);
  return fields.length >= 4 && fields.every((field) => /^\s*"?[A-Za-z_]/.test(field));
}

/** One line as an event. */
export function parseMessage(line: string | null, position: number): SessionEvent {
  const malformed = (reason: string): SessionEvent => ({
    type: "malformed",
    position,
    time: 0,
    reason,
  });
  if (line === null) return malformed("the line is too long");
  const fields = line.split(",", 9).map((field) => field.trim());
  const remarked = fields.length === 7 && remarkPattern.test(fields[6] ?? "");
  if (fields.length !== 6 && !remarked) {
    return malformed(`6 columns expected, ${fields.length} found`);
  }
  const [timeText = "", ...numberTexts] = fields.slice(0, 6);
  if (!timePattern.test(timeText)) return malformed(`time ${quote(timeText)} is not seconds`);
  const wrong = numberTexts.findIndex((text) => !integerPattern.test(text));
  if (wrong >= 0) {
    return malformed(`${columns[wrong]} ${quote(numberTexts[wrong] ?? "")} is not an integer`);
  }
  const time = nanoseconds(timeText);
  const [type = 0, id = 0, size = 0, price = 0, direction = 0] = numberTexts.map(Number);
  if (type === 5) return { type: "hidden", position, time };
  if (type === 6) return { type: "cross", position, time };
  if (type === 7) return { type: "halt", position, time };
  const kind = kinds[type];
  if (kind === undefined) return malformed(`type ${type} is unknown`);
  if (id < 1 || !Number.isSafeInteger(id)) return malformed(`order_id ${id} is not an order's`);
  if (size < 1 || size > MAXIMUM_SIZE) return malformed(`size ${size} is not 1 … ${MAXIMUM_SIZE}`);
  if (price < 1 || price > MAXIMUM_PRICE) {
    return malformed(`price ${price} is not 1 … ${MAXIMUM_PRICE}`);
  }
  if (direction !== 1 && direction !== -1)
    return malformed(`direction ${direction} is not 1 or -1`);
  return { type: kind, position, time, id, side: direction === 1 ? "buy" : "sell", price, size };
}

const columns = ["type", "order_id", "size", "price", "direction"] as const;
const kinds: Readonly<Record<number, "add" | "reduce" | "delete" | "execute">> = {
  1: "add",
  2: "reduce",
  3: "delete",
  4: "execute",
};

const quote = (text: string): string => JSON.stringify(text.slice(0, 40));

function nanoseconds(text: string): number {
  const [seconds = "0", fraction = ""] = text.split(".");
  return Number(seconds) * 1_000_000_000 + Number(fraction.slice(0, 9).padEnd(9, "0"));
}

/** Best bid and offer of one row of a book file; price 0 = that side is empty. */
export interface BookRow {
  readonly bidPrice: number;
  readonly bidQuantity: number;
  readonly askPrice: number;
  readonly askQuantity: number;
}

/** The best level of a book line, or what is wrong with it. */
export function parseBookLine(line: string | null): BookRow | string {
  if (line === null) return "the line is too long";
  const fields = line.split(",", 4).map((field) => field.trim());
  if (fields.length < 4 || fields.some((field) => !integerPattern.test(field))) {
    return "at least 4 integer columns expected";
  }
  const [askPrice = 0, askQuantity = 0, bidPrice = 0, bidQuantity = 0] = fields.map(Number);
  // LOBSTER writes an empty level as a price of +-9999999999 with size 0.
  return {
    bidPrice: bidQuantity > 0 ? bidPrice : 0,
    bidQuantity: Math.max(0, bidQuantity),
    askPrice: askQuantity > 0 ? askPrice : 0,
    askQuantity: Math.max(0, askQuantity),
  };
}

/** How far down a book line goes. */
export interface BookRange {
  /** Price levels of a side; null when the columns are not four for each. */
  readonly levels: number | null;
  /** Price of the last bid and ask level; 0 when it is empty: the line has the whole side. */
  readonly lastBid: number;
  readonly lastAsk: number;
}

/** The range of a line that parseBookLine reads. */
export function bookRange(line: string): BookRange {
  let fields = 1;
  for (let at = line.indexOf(","); at >= 0; at = line.indexOf(",", at + 1)) fields += 1;
  let at = line.length;
  for (let field = 0; field < 4; field += 1) at = line.lastIndexOf(",", at - 1);
  const last = line
    .slice(at + 1)
    .split(",")
    .map(Number);
  const [ask = 0, askQuantity = 0, bid = 0, bidQuantity = 0] = last;
  return {
    levels: fields % 4 === 0 ? fields / 4 : null,
    lastBid: bidQuantity > 0 ? bid : 0,
    lastAsk: askQuantity > 0 ? ask : 0,
  };
}

/** Reads a book file; a line that is no book row is null. Empty lines and a header are no rows. */
export async function* lobsterBook(
  bytes: ByteSource,
): AsyncIterable<readonly ((BookRow & BookRange) | null)[]> {
  const splitter = new LineSplitter();
  let rows: ((BookRow & BookRange) | null)[] = [];
  const add = (line: string | null, number: number): void => {
    if (line !== null && line.trim() === "") return;
    if (number === 1 && line !== null && isHeader(line)) return;
    const row = parseBookLine(line);
    rows.push(typeof row === "string" || line === null ? null : { ...row, ...bookRange(line) });
  };
  for await (const chunk of bytes()) {
    splitter.push(chunk, add);
    if (rows.length > 0) yield rows;
    rows = [];
  }
  splitter.end(add);
  if (rows.length > 0) yield rows;
}
