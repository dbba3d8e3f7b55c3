import { basename } from "node:path";

/** What a cell and the process of a user's strategy say to each other. Plain JSON. */

/** The one line on the process's standard input. */
export interface RunnerSettings {
  readonly servers: readonly string[];
  /** Of the NATS user that is this strategy's alone. */
  readonly seed: string;
  /** Certificate of the servers' authority; null: no TLS. */
  readonly authority: string | null;
  /** What that user proves itself by, PEM; null or absent: nothing. */
  readonly certificate?: { readonly certificate: string; readonly key: string } | null;
  /** Where questions come. */
  readonly subject: string;
  readonly file: string;
}

export type RunnerNews =
  | { readonly news: "serving"; readonly name: string }
  | ({ readonly news: "failed" } & Fault);

export interface Fault {
  readonly reason: string;
  /** `strategy.ts:12`, empty where the file has no part in it. */
  readonly where: string;
}

export interface Question {
  /** What the strategy remembers; with `fresh` its own start. */
  readonly state: unknown;
  readonly fresh: boolean;
  /** MarketView of actors/models/backtest/strategy.ts; a feature that is none yet is null. */
  readonly view: {
    readonly features: readonly (number | null)[];
    readonly [field: string]: unknown;
  };
}

export type Answer =
  | { readonly ok: true; readonly decision: unknown }
  | ({ readonly ok: false } & Fault);

const longestReason = 300;

/** The reason of an error and the first line of the strategy's file that its stack names. */
export function whereOf(error: unknown, file: string): Fault {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const name = basename(file);
  const at = stack.indexOf(name);
  const line = at < 0 ? null : /^:(\d+)/.exec(stack.slice(at + name.length));
  return {
    reason: reason.split("\n")[0]?.slice(0, longestReason) ?? "",
    where: line === null ? "" : `${name}:${line[1]}`,
  };
}
