import { refuse, type Result } from "../kernel/result.ts";
import { hosts, listedMarket } from "./decide.ts";
import type { RegionState } from "./messages.ts";

/** Largest request that goes to a market, in bytes. */
export const requestLimit = 512 * 1024;

export type MarketVerb = "submit" | "book" | "orders";

export interface Route {
  readonly market: string;
  readonly verb: MarketVerb;
}

/**
 * Where a request on cmd.<region>.<market>.<verb> goes. `serving`: the cell has its lease and has
 * started its markets, and does not drain. Failure codes: verb_unknown, too_large, market_unknown,
 * market_stopped.
 */
export function route(
  state: RegionState,
  serving: "yes" | "starting" | "draining",
  subject: string,
  size: number,
): Result<Route> {
  const [, , market = "", verb = ""] = subject.split(".");
  if (verb !== "submit" && verb !== "book" && verb !== "orders") {
    return refuse(
      "verb_unknown",
      `no request ${quoted(verb)} to a market`,
      "send submit, book or orders",
    );
  }
  if (size > requestLimit) {
    return refuse(
      "too_large",
      `the request has ${size} bytes; ${requestLimit} is the most`,
      "send fewer commands in one request",
    );
  }
  const listed = listedMarket(state, market);
  if (listed === null) {
    return refuse(
      "market_unknown",
      `no market ${quoted(market)} is known in ${state.region}`,
      "`npx meridian market list` names the markets",
    );
  }
  if (!hosts(state, listed.definition)) {
    const { home } = listed.definition;
    const failure = {
      code: "market_unknown",
      reason: `${market} has its home in ${home}`,
      next: `send it to cmd.${home}.${market}.${verb}`,
      region: home,
    };
    return { ok: false, failure };
  }
  if (serving === "yes") return { ok: true, value: { market, verb } };
  return refuse(
    "market_stopped",
    serving === "starting" ? "the cell is starting" : "the cell is stopping",
    "try again in a moment with the same session and numbers",
  );
}

/** Outside text in a message to people: quoted, cut at 64 characters. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, 64));
