import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  failure,
  firstFailure,
  integerWithin,
  type ModelResult,
  positive,
  refused,
} from "../numerics/failure.ts";
import { openUnit, poisson } from "../random/distributions.ts";
import {
  type Arrivals,
  branchingMatrix,
  type HawkesParameters,
  parametersCheck,
  stabilityCheck,
} from "./hawkes.ts";
import { type PowerLawHawkes, powerLawCheck } from "./power-law-hawkes.ts";

/** Arrivals beyond which a simulation is refused, unless the caller says otherwise. */
const defaultLimit = 10_000_000;

/**
 * A path on (0, horizon] from an empty past by thinning (Ogata 1981): between arrivals the intensity
 * only falls, so its present value bounds it, and a candidate of that rate is kept with the probability
 * intensity / bound. Exact; also for parameters that are not stationary. O(d^2 P) a candidate.
 * Failures: those of parametersCheck, out_of_range (more arrivals than `limit`).
 */
export function simulateByThinning(
  parameters: HawkesParameters,
  horizon: number,
  random: Randomness,
  limit = defaultLimit,
): ModelResult<Arrivals> {
  const wrong = firstFailure(
    parametersCheck(parameters),
    positive("horizon", horizon),
    integerWithin("limit", limit, 1, 2 ** 31),
  );
  if (wrong !== null) return refused(wrong);
  const { baseline, decays, branching } = parameters;
  const d = baseline.length;
  const P = decays.length;
  // Excitement of each target by each component: what the sources contributed is of no more use.
  const excitement = new Float64Array(d * P);
  const rates = new Float64Array(d);
  const path = new Path(limit);
  let time = 0;
  let bound = total(baseline);
  while (bound > 0) {
    const wait = -Math.log(openUnit(random)) / bound;
    time += wait;
    if (time > horizon) break;
    for (let p = 0; p < P; p += 1) {
      const fading = Math.exp(-decays[p]! * wait);
      for (let at = p; at < d * P; at += P) excitement[at]! *= fading;
    }
    const rate = intensities(baseline, excitement, P, rates);
    let left = openUnit(random) * bound;
    bound = rate;
    if (left > rate) continue;
    let type = 0;
    while (type < d - 1 && left > rates[type]!) {
      left -= rates[type]!;
      type += 1;
    }
    if (!path.add(time, type)) return refused(tooMany(limit));
    for (let target = 0; target < d; target += 1) {
      for (let p = 0; p < P; p += 1) {
        const jump = branching[(target * d + type) * P + p]! * decays[p]!;
        excitement[target * P + p]! += jump;
        bound += jump;
      }
    }
  }
  return { ok: true, value: path.arrivals(horizon) };
}

function intensities(
  baseline: Float64Array,
  excitement: Float64Array,
  P: number,
  into: Float64Array,
): number {
  let sum = 0;
  for (let target = 0; target < baseline.length; target += 1) {
    let rate = baseline[target]!;
    for (let p = 0; p < P; p += 1) rate += excitement[target * P + p]!;
    into[target] = rate;
    sum += rate;
  }
  return sum;
}

function total(values: Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** Mean offspring of one arrival, and when one of them comes after its parent. */
interface Offspring {
  readonly mean: number;
  readonly delay: () => number;
}

/**
 * The same process by its clusters (Hawkes & Oakes 1974): immigrants, and for each arrival a Poisson
 * number of offspring after independent delays. Shares nothing with thinning but the parameters. A draw
 * for each arrival and offspring, then a sort. Failures: as above, out_of_range (not stationary).
 */
export function simulateByBranching(
  parameters: HawkesParameters,
  horizon: number,
  random: Randomness,
  limit = defaultLimit,
): ModelResult<Arrivals> {
  const wrong = firstFailure(
    parametersCheck(parameters),
    positive("horizon", horizon),
    integerWithin("limit", limit, 1, 2 ** 31),
  );
  if (wrong !== null) return refused(wrong);
  const unstable = stabilityCheck(branchingMatrix(parameters));
  if (unstable !== null) return refused(unstable);
  const d = parameters.baseline.length;
  const P = parameters.decays.length;
  const offspring = Array.from({ length: d * d }, (_, cell) =>
    Array.from({ length: P }, (__, p): Offspring => {
      const decay = parameters.decays[p]!;
      return {
        mean: parameters.branching[cell * P + p]!,
        delay: () => -Math.log(openUnit(random)) / decay,
      };
    }),
  );
  return byClusters(parameters.baseline, offspring, horizon, random, limit);
}

/** A power-law process by its clusters: delays are Lomax, c (u^(-1/theta) - 1). Failures as above. */
export function simulatePowerLaw(
  parameters: PowerLawHawkes,
  horizon: number,
  random: Randomness,
  limit = defaultLimit,
): ModelResult<Arrivals> {
  const wrong = firstFailure(
    powerLawCheck(parameters),
    positive("horizon", horizon),
    integerWithin("limit", limit, 1, 2 ** 31),
  );
  if (wrong !== null) return refused(wrong);
  const unstable = stabilityCheck(parameters.branching);
  if (unstable !== null) return refused(unstable);
  const { cutoff, exponent } = parameters;
  const offspring = Array.from(parameters.branching, (mean) => [
    { mean, delay: () => cutoff * Math.expm1(-Math.log(openUnit(random)) / exponent) },
  ]);
  return byClusters(parameters.baseline, offspring, horizon, random, limit);
}

/**
 * The same by thinning: the law only falls, so the intensity just after an arrival bounds it. Also for parameters that
 * are not stationary. O(n) a candidate, O(n^2) a path. Failures: as simulateByThinning.
 */
export function simulatePowerLawByThinning(
  parameters: PowerLawHawkes,
  horizon: number,
  random: Randomness,
  limit = defaultLimit,
): ModelResult<Arrivals> {
  const wrong = firstFailure(
    powerLawCheck(parameters),
    positive("horizon", horizon),
    integerWithin("limit", limit, 1, 2 ** 31),
  );
  if (wrong !== null) return refused(wrong);
  const { baseline } = parameters;
  const rates = new Float64Array(baseline.length);
  const path = new Path(limit);
  let time = 0;
  let bound = total(baseline);
  while (bound > 0) {
    time -= Math.log(openUnit(random)) / bound;
    if (time > horizon) break;
    const rate = powerLawRates(parameters, path, time, rates);
    let left = openUnit(random) * bound;
    bound = rate;
    if (left > rate) continue;
    let type = 0;
    while (type < rates.length - 1 && left > rates[type]!) {
      left -= rates[type]!;
      type += 1;
    }
    if (!path.add(time, type)) return refused(tooMany(limit));
    for (let target = 0; target < rates.length; target += 1) {
      const cell = target * rates.length + type;
      bound += (parameters.branching[cell]! * parameters.exponent) / parameters.cutoff;
    }
  }
  return { ok: true, value: path.arrivals(horizon) };
}

function powerLawRates(
  { baseline, branching, cutoff, exponent }: PowerLawHawkes,
  path: Path,
  time: number,
  into: Float64Array,
): number {
  into.set(baseline);
  const d = baseline.length;
  for (let k = 0; k < path.length; k += 1) {
    const stretch = 1 + (time - path.time(k)) / cutoff;
    const density = (exponent / cutoff) * stretch ** -(1 + exponent);
    for (let target = 0; target < d; target += 1) {
      into[target]! += branching[target * d + path.type(k)]! * density;
    }
  }
  return total(into);
}

function byClusters(
  baseline: Float64Array,
  offspring: readonly (readonly Offspring[])[],
  horizon: number,
  random: Randomness,
  limit: number,
): ModelResult<Arrivals> {
  const d = baseline.length;
  const path = new Path(limit);
  // What is expected to exceed the limit is not drawn: a Poisson number of any mean is not.
  if (baseline.some((rate) => rate * horizon > 2 * limit)) return refused(tooMany(limit));
  if (offspring.flat().some(({ mean }) => mean > 2 * limit)) return refused(tooMany(limit));
  for (let type = 0; type < d; type += 1) {
    for (let left = poisson(random, baseline[type]! * horizon); left > 0; left -= 1) {
      if (!path.add(openUnit(random) * horizon, type)) return refused(tooMany(limit));
    }
  }
  for (let parent = 0; parent < path.length; parent += 1) {
    for (let target = 0; target < d; target += 1) {
      for (const { mean, delay } of offspring[target * d + path.type(parent)]!) {
        for (let left = poisson(random, mean); left > 0; left -= 1) {
          const time = path.time(parent) + delay();
          if (time <= horizon && !path.add(time, target)) return refused(tooMany(limit));
        }
      }
    }
  }
  return { ok: true, value: path.arrivals(horizon) };
}

const tooMany = (limit: number) =>
  failure(
    "out_of_range",
    `more than ${limit} arrivals`,
    "the path does not fit the limit it was given",
    "shorten the horizon or raise the limit",
  );

/** Arrivals in arrays that double, in any order until they are read. */
class Path {
  #times = new Float64Array(1_024);
  #types = new Int32Array(1_024);
  readonly #limit: number;
  length = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  time(index: number): number {
    return this.#times[index]!;
  }

  type(index: number): number {
    return this.#types[index]!;
  }

  add(time: number, type: number): boolean {
    if (this.length === this.#limit) return false;
    if (this.length === this.#times.length) {
      const [times, types] = [this.#times, this.#types];
      this.#times = new Float64Array(2 * this.length);
      this.#types = new Int32Array(2 * this.length);
      this.#times.set(times);
      this.#types.set(types);
    }
    this.#times[this.length] = time;
    this.#types[this.length] = type;
    this.length += 1;
    return true;
  }

  arrivals(horizon: number): Arrivals {
    const order = Uint32Array.from({ length: this.length }, (_, index) => index);
    const times = this.#times;
    order.sort((a, b) => times[a]! - times[b]!);
    return {
      times: Float64Array.from(order, (index) => times[index]!),
      types: Int32Array.from(order, (index) => this.#types[index]!),
      horizon,
    };
  }
}
