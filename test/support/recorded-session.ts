import { createReadStream } from "node:fs";

import { BookCheck, BookStates } from "../../actors/replay/book-check.ts";
import type { ByteSource, SessionSource } from "../../actors/replay/events.ts";
import type { MarketLimits } from "../../actors/replay/engine-exchange.ts";
import type { Exchange } from "../../actors/replay/exchange.ts";
import { lobsterBook, lobsterSession } from "../../actors/replay/lobster.ts";
import { replay } from "../../actors/replay/session.ts";
import type { ReplayResult } from "../../actors/replay/summary.ts";
import { type Survey, survey } from "../../actors/replay/survey.ts";
import { recordedLevels, surveyRange } from "../../actors/replay/unseen.ts";
import { TwinExchange } from "./engine-exchange.ts";

export const participants = 4_000_000_001;
export const aggressor = 4_000_000_002;

export const fileBytes =
  (path: string): ByteSource =>
  () =>
    createReadStream(path);

/** A text as a file, given in chunks of `chunk` bytes. */
export const textBytes = (text: string | Uint8Array, chunk = 65_536): ByteSource =>
  async function* read() {
    const bytes = Buffer.from(text as string);
    for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
  };

export const lobsterText = (lines: readonly string[]): SessionSource =>
  lobsterSession(textBytes(`${lines.join("\n")}\n`));

/** Reference data that lets every order of the session through. */
export const limitsFor = (session: Survey): MarketLimits => ({
  tick: session.tick,
  bandLow: Math.max(session.tick, session.lowestPrice),
  bandHigh: Math.max(session.tick, session.highestPrice),
  maximumQuantity: Math.max(1, session.largestSize),
  orderCapacity: Math.max(1024, session.peakOrders),
});

export async function readBook(bytes: ByteSource): Promise<BookStates> {
  const states = new BookStates();
  for await (const rows of lobsterBook(bytes))
    for (const row of rows) states.add(row, row ?? undefined);
  return states;
}

export interface Rehearsal {
  readonly levels?: number;
  readonly book?: BookStates;
  readonly strict?: boolean;
  /** Default: the slow twin. */
  readonly exchange?: (limits: MarketLimits) => Exchange | Promise<Exchange>;
}

/** Surveys and replays a session as the command line does, without a cluster. */
export async function rehearse(source: SessionSource, how: Rehearsal = {}): Promise<ReplayResult> {
  const session = await survey(source);
  const limits = limitsFor(session);
  const levels = await recordedLevels(source, session.rows, how.levels ?? null, how.book ?? null);
  return replay({
    source,
    survey: session,
    exchange: await (how.exchange?.(limits) ?? new TwinExchange(limits)),
    participants,
    aggressor,
    range: levels === null ? null : await surveyRange(source, session.seeds, levels),
    check: how.book === undefined ? null : new BookCheck(how.book, session.rows),
    strict: how.strict ?? false,
    pace: null,
  });
}
