/**
 * Which of two legs is the reference by what is about to happen to it (arXiv 2507.05749): a Hawkes process is
 * fitted to the top-of-book events of the trailing 1,000 ms, run forward for 10 ms from the state it is in, and
 * the leg with the smaller arrival ratio, simulated events that move the price against us over all simulated
 * events, is quoted against. Only events strictly before the window are used.
 *
 * Project choices: one process over legs x sides x {impacting, other}, type 4 leg + 2 side + (0 impacting, 1
 * other), or fewer types by the caller's own map; several runs; an expectation instead of runs as an option.
 */
import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
  type Check,
} from "../numerics/failure.ts";
import { type HawkesParameters, parametersCheck } from "../point-processes/hawkes.ts";
import { HawkesIntensity } from "../point-processes/hawkes-intensity.ts";
import { openUnit } from "../random/distributions.ts";
import type { BookSide } from "./composite-liquidity.ts";
import type { Leg } from "./reference-vote.ts";

export type TopOfBookEvent = "new" | "modify_up" | "modify_down" | "cancel" | "trade";

/**
 * Whether an event at the top of the side that is to be consumed moves its price against who consumes it: trades,
 * cancellations and price modifications away from the touch do; the rest is neutral [the paper, by a digest].
 * "modify_down" is a move to a worse price for its owner's queue: lower on the bid, higher on the ask.
 */
export function impacting(event: TopOfBookEvent): boolean {
  return event === "trade" || event === "cancel" || event === "modify_down";
}

/** The type of an event in the process of eight. */
export const eventType = (leg: Leg, side: BookSide, event: TopOfBookEvent): number =>
  4 * leg + (side === "bid" ? 0 : 2) + (impacting(event) ? 0 : 1);

/** What a type of the process counts as; null for types of no interest (the other side of the book). */
export interface TypeMeaning {
  readonly leg: Leg;
  readonly impacting: boolean;
}

/** Meanings of the eight types when `side` is consumed in both legs. */
export function meaningsOf(sides: readonly [BookSide, BookSide]): readonly (TypeMeaning | null)[] {
  return Array.from({ length: 8 }, (_, type) => {
    const leg: Leg = type < 4 ? 0 : 1;
    const side: BookSide = type % 4 < 2 ? "bid" : "ask";
    return side === sides[leg] ? { leg, impacting: type % 2 === 0 } : null;
  });
}

/** Past events in rising time, seconds; types 0 to d - 1. */
export interface EventHistory {
  readonly times: Float64Array;
  readonly types: Int32Array;
}

export interface ArrivalForecast {
  /** Simulated (or expected) counts per leg. */
  readonly impacting: readonly [number, number];
  readonly total: readonly [number, number];
}

function forecastCheck(
  parameters: HawkesParameters,
  history: EventHistory,
  meanings: readonly unknown[],
  span: number,
): Check {
  return (
    parametersCheck(parameters) ??
    positive("span", span) ??
    (history.times.length === history.types.length && meanings.length === parameters.baseline.length
      ? null
      : failure(
          "wrong_shape",
          `${history.times.length} times, ${history.types.length} types; ${meanings.length} meanings for ${parameters.baseline.length} types of events`,
          "each event has a time and a type, each type a meaning",
          "give as many",
        ))
  );
}

/** The intensity just before `now`, all of the history counted. */
function stateAt(
  parameters: HawkesParameters,
  { times, types }: EventHistory,
  now: number,
): ModelResult<HawkesIntensity> {
  const state = HawkesIntensity.of(parameters, times[0] ?? now);
  if (!state.ok) return state;
  for (let index = 0; index < times.length; index += 1) {
    if (times[index]! < now && state.value.arrive(times[index]!, types[index]!)) continue;
    return refused(
      failure(
        times[index]! < now ? "unsorted" : "out_of_range",
        `event ${index} of type ${types[index]} at ${times[index]}`,
        `events must rise in time, lie strictly before ${now} and be of a known type`,
        "use only what had happened before the window",
      ),
    );
  }
  return state.value.advance(now)
    ? state
    : refused(
        failure("not_finite", `now = ${now}`, "it must be finite", "give the window's start"),
      );
}

/**
 * Counts over (now, now + span] summed over `runs` simulations by thinning. Codes: those of parametersCheck,
 * unsorted, out_of_range (also when a run exceeds `limit` events), wrong_shape. O(runs (history + events) d^2 P).
 */
export function simulateForecast(
  parameters: HawkesParameters,
  history: EventHistory,
  meanings: readonly (TypeMeaning | null)[],
  now: number,
  span: number,
  runs: number,
  random: Randomness,
  limit = 100_000,
): ModelResult<ArrivalForecast> {
  const wrong = firstFailure(
    forecastCheck(parameters, history, meanings, span),
    integerWithin("runs", runs, 1, 1_000_000),
  );
  if (wrong !== null) return refused(wrong);
  const impactingCounts: [number, number] = [0, 0];
  const total: [number, number] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const state = stateAt(parameters, history, now);
    if (!state.ok) return state;
    const path = state.value;
    let events = 0;
    for (let time = now; ; ) {
      const bound = sumOf(path.rates);
      if (!(bound > 0)) break;
      time -= Math.log(openUnit(random)) / bound;
      if (time > now + span) break;
      path.advance(time);
      const type = typeAt(path.rates, random.unit() * bound);
      if (type < 0) continue;
      events += 1;
      if (events > limit) {
        return refused(
          failure(
            "out_of_range",
            `more than ${limit} events in ${span} s`,
            "the process explodes",
            "fit a process whose branching ratio is below 1",
          ),
        );
      }
      path.arrive(time, type);
      const meaning = meanings[type];
      if (meaning === null || meaning === undefined) continue;
      total[meaning.leg] += 1;
      if (meaning.impacting) impactingCounts[meaning.leg] += 1;
    }
  }
  return { ok: true, value: { impacting: impactingCounts, total } };
}

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** The type whose share of the intensities holds `at`; -1 beyond their sum: the candidate is thinned. */
function typeAt(rates: Float64Array, at: number): number {
  let left = at;
  for (let type = 0; type < rates.length; type += 1) {
    left -= rates[type]!;
    if (left < 0) return type;
  }
  return -1;
}

/**
 * Expected counts over (now, now + span] instead of simulated ones: the mean intensity of a Hawkes process obeys
 * a linear equation, integrated here by the midpoint rule on the excitements in `steps` steps (project choice,
 * free of the noise of few runs). Codes as above. O(history d P + steps d^2 P).
 */
export function expectedForecast(
  parameters: HawkesParameters,
  history: EventHistory,
  meanings: readonly (TypeMeaning | null)[],
  now: number,
  span: number,
  steps = 64,
): ModelResult<ArrivalForecast> {
  const wrong = firstFailure(
    forecastCheck(parameters, history, meanings, span),
    integerWithin("steps", steps, 1, 1_000_000),
  );
  if (wrong !== null) return refused(wrong);
  const { baseline, decays, branching } = parameters;
  const d = baseline.length;
  const P = decays.length;
  const excitement = new Float64Array(d * P);
  for (let index = 0; index < history.times.length; index += 1) {
    const age = now - history.times[index]!;
    const source = history.types[index]!;
    if (!(age > 0) || !(source >= 0 && source < d)) {
      return refused(
        failure(
          "out_of_range",
          `event ${index} of type ${source} at ${history.times[index]}`,
          `events must lie strictly before ${now} and be of a known type`,
          "use only what had happened before the window",
        ),
      );
    }
    for (let target = 0; target < d; target += 1) {
      for (let p = 0; p < P; p += 1) {
        excitement[target * P + p]! +=
          branching[(target * d + source) * P + p]! * decays[p]! * Math.exp(-decays[p]! * age);
      }
    }
  }
  const counts = expectedCounts(parameters, excitement, span, steps);
  const impactingCounts: [number, number] = [0, 0];
  const total: [number, number] = [0, 0];
  for (const [type, meaning] of meanings.entries()) {
    if (meaning === null) continue;
    total[meaning.leg] += counts[type]!;
    if (meaning.impacting) impactingCounts[meaning.leg] += counts[type]!;
  }
  return { ok: true, value: { impacting: impactingCounts, total } };
}

/** dE_ip/dt = -b_p E_ip + b_p sum_j a_ijp lambda_j, lambda_i = mu_i + sum_p E_ip; counts integrate lambda. */
function expectedCounts(
  { baseline, decays, branching }: HawkesParameters,
  excitement: Float64Array,
  span: number,
  steps: number,
): Float64Array {
  const d = baseline.length;
  const P = decays.length;
  const step = span / steps;
  const counts = new Float64Array(d);
  const rates = new Float64Array(d);
  const middle = new Float64Array(d * P);
  const readRates = (from: Float64Array): void => {
    for (let i = 0; i < d; i += 1) {
      rates[i] = baseline[i]!;
      for (let p = 0; p < P; p += 1) rates[i]! += from[i * P + p]!;
    }
  };
  const move = (from: Float64Array, by: number, into: Float64Array): void => {
    for (let i = 0; i < d; i += 1) {
      for (let p = 0; p < P; p += 1) {
        let fed = 0;
        for (let j = 0; j < d; j += 1) fed += branching[(i * d + j) * P + p]! * rates[j]!;
        into[i * P + p] = excitement[i * P + p]! + by * decays[p]! * (fed - from[i * P + p]!);
      }
    }
  };
  for (let index = 0; index < steps; index += 1) {
    readRates(excitement);
    move(excitement, step / 2, middle);
    readRates(middle);
    for (let i = 0; i < d; i += 1) counts[i]! += step * rates[i]!;
    move(middle, step, excitement);
  }
  return counts;
}

/** Impacting over all events of a leg; null when nothing is expected there. */
export function arrivalRatio(forecast: ArrivalForecast, leg: Leg): number | null {
  return forecast.total[leg] > 0 ? forecast.impacting[leg] / forecast.total[leg] : null;
}

/**
 * The leg with the smaller arrival ratio. A leg without arrivals, or equal ratios, give no opinion and the
 * previous reference stays (project choice).
 */
export function electByArrivals(forecast: ArrivalForecast, previous: Leg): Leg {
  const near = arrivalRatio(forecast, 0);
  const far = arrivalRatio(forecast, 1);
  if (near === null || far === null || near === far) return previous;
  return near < far ? 0 : 1;
}
