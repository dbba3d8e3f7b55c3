import { ok } from "../../kernel/result.ts";
import {
  type Check,
  failure,
  finite,
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";
import { brentRoot } from "../numerics/optimise.ts";
import { normalCdf } from "../numerics/special-functions.ts";

/** A European call. Prices in currency, time in years, rates and volatility per year. */
export interface CallTerms {
  /** Price of the underlying, > 0. */
  readonly spot: number;
  /** > 0. */
  readonly strike: number;
  /** Years to expiry, >= 0. */
  readonly expiry: number;
  /** Continuously compounded. */
  readonly rate: number;
}

export const checkCall = ({ spot, strike, expiry, rate }: CallTerms): Check =>
  firstFailure(
    positive("spot", spot),
    positive("strike", strike),
    notNegative("expiry", expiry),
    finite("rate", rate),
  );

/** Black and Scholes (1973), eq. 13. `volatility` >= 0; the caller has checked the terms. */
export function blackScholesCallUnchecked(terms: CallTerms, volatility: number): number {
  const { spot, strike, expiry, rate } = terms;
  const discounted = strike * Math.exp(-rate * expiry);
  const deviation = volatility * Math.sqrt(expiry);
  if (deviation === Infinity) return spot;
  const d1 = Math.log(spot / discounted) / deviation + deviation / 2;
  // No deviation, or a strike that discounting takes to 0 or infinity: the call is a forward or nothing.
  if (!Number.isFinite(d1)) return Math.max(0, spot - discounted);
  return spot * normalCdf(d1) - discounted * normalCdf(d1 - deviation);
}

export function blackScholesCall(terms: CallTerms, volatility: number): ModelResult<number> {
  const wrong = firstFailure(checkCall(terms), notNegative("volatility", volatility));
  return wrong === null ? ok(blackScholesCallUnchecked(terms, volatility)) : refused(wrong);
}

/**
 * Volatility at which the formula gives `price`, by Brent's method on [0, 10]. Refuses with
 * `undefined` a price outside the bounds that no volatility passes, or a volatility above 10.
 */
export function impliedVolatility(terms: CallTerms, price: number): ModelResult<number> {
  const wrong = firstFailure(
    checkCall(terms),
    positive("expiry", terms.expiry),
    finite("price", price),
  );
  if (wrong !== null) return refused(wrong);
  const low = blackScholesCallUnchecked(terms, 0);
  const high = blackScholesCallUnchecked(terms, 10);
  if (!(price > low && price < high)) {
    return refused(
      failure(
        "undefined",
        `a call price of ${price}`,
        `volatilities from 0 to 10 give prices between ${low} and ${high}`,
        "check the price, the strike and the expiry",
      ),
    );
  }
  return brentRoot((sigma) => blackScholesCallUnchecked(terms, sigma) - price, 0, 10);
}
