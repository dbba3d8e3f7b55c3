import { createReadStream, openSync, readSync, closeSync, statSync } from "node:fs";
import { basename } from "node:path";
import { pipeline, type Readable } from "node:stream";
import { constants, createGunzip, gunzipSync } from "node:zlib";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { BookStates } from "../../../actors/replay/book-check.ts";
import type { ByteSource, SessionSource } from "../../../actors/replay/events.ts";
import { type SessionFormat, sessionFormat } from "../../../actors/replay/format.ts";
import { itchOverview, itchSession } from "../../../actors/replay/itch-session.ts";
import { lobsterBook, lobsterSession, parseLobsterName } from "../../../actors/replay/lobster.ts";
import type { RowFault } from "../../../actors/replay/summary.ts";
import { type Survey, survey } from "../../../actors/replay/survey.ts";

/** A recorded session that can be replayed into one market. */
export interface RecordedSession {
  readonly file: string;
  readonly format: SessionFormat;
  readonly symbol: string;
  /** Name of its market when the user gives none. */
  readonly marketName: string;
  readonly levels: number | null;
  readonly source: SessionSource;
  readonly survey: Survey;
}

/** What a file holds, whether there is something to replay or not. */
export interface FileOverview {
  readonly file: string;
  readonly format: SessionFormat;
  /** Lines or messages, those that could be read and those that could not. */
  readonly read: number;
  readonly malformed: number;
  readonly faults: readonly RowFault[];
  /** ITCH messages by type letter; null for other formats. */
  readonly types: Readonly<Record<string, number>> | null;
  /** The 100 symbols of an ITCH file with most orders entered; null for other formats. */
  readonly symbols: readonly { readonly symbol: string; readonly orders: number }[] | null;
}

export interface OpenedFile {
  readonly overview: FileOverview;
  /** Those with rows about orders. */
  readonly sessions: readonly RecordedSession[];
  /** For people: what of the file is replayed. */
  readonly notes: readonly string[];
}

export interface SessionChoice {
  /** Symbols of an ITCH file; empty: the one with most orders. */
  readonly symbols: readonly string[];
  /** Overrides the number of levels in a LOBSTER file's name. */
  readonly levels: number | null;
}

const HEAD_BYTES = 8_192;
const MARKET_NAME_LENGTH = 32;
const SYMBOLS_LISTED = 100;

/** Opens a file and surveys what can be replayed of it. Failure codes: file_unreadable, file_format, symbol_unknown. */
export async function openSessions(
  file: string,
  choice: SessionChoice,
): Promise<Result<OpenedFile>> {
  const head = readHead(file);
  if (!head.ok) return head;
  const bytes = fileBytes(file, head.value.compressed);
  const format = sessionFormat(head.value.bytes);
  if (format === "itch") return readable(file, () => itchSessions(file, bytes, choice));
  if (format === "lobster") return readable(file, () => lobsterFile(file, bytes, choice));
  return refuse(
    "file_format",
    `${file} is neither LOBSTER text nor ITCH 5.0 messages behind 2-byte lengths`,
    "meridian replay --help names the formats",
  );
}

/** Reads a LOBSTER book file. Failure codes: file_unreadable, file_format. */
export async function openBook(file: string): Promise<Result<BookStates>> {
  const head = readHead(file);
  if (!head.ok) return head;
  return readable(file, async () => {
    const states = new BookStates();
    for await (const rows of lobsterBook(fileBytes(file, head.value.compressed))) {
      for (const row of rows) states.add(row, row ?? undefined);
    }
    if (states.rows > states.malformed) return ok(states);
    return refuse(
      "file_format",
      `no line of ${file} is a LOBSTER book row`,
      "a book file has the columns ask price,ask size,bid price,bid size for each level",
    );
  });
}

/** Runs a reader; only input and output can fail in it, what a file says becomes faults of its rows. */
async function readable<T>(file: string, read: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return unreadable(`${file}: ${(error as Error).message}`);
  }
}

/** A file's bytes, decompressed when it is gzip. */
function fileBytes(file: string, compressed: boolean): ByteSource {
  return () => {
    const stream = createReadStream(file, { highWaterMark: 1024 * 1024 });
    if (!compressed) return stream;
    // The error of a damaged file comes out of the stream that is read.
    return pipeline(stream, createGunzip(), () => {}) as Readable;
  };
}

/** The first bytes of a file, decompressed. Failure code: file_unreadable. */
function readHead(
  file: string,
): Result<{ readonly bytes: Uint8Array; readonly compressed: boolean }> {
  try {
    if (!statSync(file).isFile()) {
      return refuse("file_unreadable", `${file} is not a file`, "name a file of a session");
    }
    const buffer = Buffer.alloc(HEAD_BYTES);
    const descriptor = openSync(file, "r");
    const size = readSync(descriptor, buffer, 0, HEAD_BYTES, 0);
    closeSync(descriptor);
    const bytes = buffer.subarray(0, size);
    const compressed = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return ok({ bytes: compressed ? gunzipHead(bytes) : bytes, compressed });
  } catch (error) {
    return unreadable((error as Error).message);
  }
}

const unreadable = (reason: string): Result<never> =>
  refuse("file_unreadable", reason, "check the path, its mode and that the file is whole");

/** A cut gzip file still gives what its first bytes hold. */
const gunzipHead = (bytes: Uint8Array): Uint8Array =>
  gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });

async function lobsterFile(
  file: string,
  bytes: ByteSource,
  choice: SessionChoice,
): Promise<Result<OpenedFile>> {
  const name = parseLobsterName(basename(file));
  const source = lobsterSession(bytes);
  const surveyed = await survey(source);
  if (surveyed.rows > 0 && surveyed.malformed === surveyed.rows) {
    return refuse(
      "file_format",
      `no line of ${file} is a LOBSTER message (at ${surveyed.faults[0]?.position}: ${surveyed.faults[0]?.reason})`,
      "a message file has the columns time,type,order_id,size,price,direction",
    );
  }
  const symbol = name?.symbol ?? stem(file);
  const { rows, malformed, faults } = surveyed;
  return ok({
    overview: {
      file,
      format: "lobster",
      read: rows - malformed,
      malformed,
      faults,
      types: null,
      symbols: null,
    },
    sessions: [
      {
        file,
        format: "lobster" as const,
        symbol,
        marketName: marketName(symbol, name?.date ?? ""),
        levels: choice.levels ?? name?.levels ?? null,
        source,
        survey: surveyed,
      },
    ].filter(hasOrders),
    notes: [],
  });
}

async function itchSessions(
  file: string,
  bytes: ByteSource,
  choice: SessionChoice,
): Promise<Result<OpenedFile>> {
  const overview = await itchOverview(bytes);
  const types = Object.entries(overview.types).map(([type, count]) => `${count} ${type}`);
  const notes = [`${file}: ${overview.messages} messages (${types.join(", ")})`];
  if (overview.malformed > 0) {
    const [first] = overview.faults;
    notes.push(`${overview.malformed} malformed; at ${first?.position}: ${first?.reason}`);
  }
  const known = new Set(overview.symbols.map(({ symbol }) => symbol));
  const missing = choice.symbols.find((symbol) => !known.has(symbol));
  if (missing !== undefined) {
    const most = overview.symbols.slice(0, 8).map(({ symbol }) => symbol);
    return refuse(
      "symbol_unknown",
      `${file} has no orders of ${missing}`,
      most.length === 0 ? "it has no orders at all" : `most orders: ${most.join(", ")}`,
    );
  }
  const [busiest] = overview.symbols;
  if (busiest !== undefined && choice.symbols.length === 0 && overview.symbols.length > 1) {
    notes.push(
      `${overview.symbols.length} symbols have orders; replaying the busiest, ${busiest.symbol} (--symbol chooses others)`,
    );
  }
  const symbols =
    choice.symbols.length > 0 || busiest === undefined ? choice.symbols : [busiest.symbol];
  const sessions: RecordedSession[] = [];
  for (const symbol of symbols) {
    const source = itchSession(bytes, symbol);
    sessions.push({
      file,
      format: "itch",
      symbol,
      marketName: marketName(symbol, stem(file)),
      levels: null,
      source,
      survey: await survey(source),
    });
  }
  const { messages, types: counts, symbols: found, malformed, faults } = overview;
  return ok({
    overview: {
      file,
      format: "itch",
      read: messages,
      malformed,
      faults,
      types: counts,
      symbols: found.slice(0, SYMBOLS_LISTED),
    },
    sessions: sessions.filter(hasOrders),
    notes,
  });
}

const hasOrders = (session: RecordedSession): boolean => session.survey.orderRows > 0;

const stem = (file: string): string => basename(file).replace(/\..*$/, "");

/** A market's name out of what the file says: a token. */
function marketName(symbol: string, day: string): string {
  const clean = (text: string): string => text.replace(/[^A-Za-z0-9_-]+/g, "");
  const name = [clean(symbol), clean(day.replaceAll("-", ""))].filter((part) => part !== "");
  return name.join("-").slice(0, MARKET_NAME_LENGTH) || "session";
}
