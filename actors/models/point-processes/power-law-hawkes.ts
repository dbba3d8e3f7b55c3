/**
 * Multivariate Hawkes processes with a power law, the memory that order flow shows:
 *
 *   lambda_i(t) = mu_i + sum over past arrivals t_k of type j  a_ij theta c^theta (t - t_k + c)^-(1 + theta)
 *
 * (Ozaki 1979; Bacry, Mastromatteo & Muzy, "Hawkes processes in finance", 2015, section 2.3). The law
 * integrates to a_ij. Exact it costs O(n^2); the mixture of exponentials below makes it linear.
 */
import {
  allFinite,
  allPositive,
  type Check,
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
  within,
} from "../numerics/failure.ts";
import { lbfgs } from "../numerics/optimise.ts";
import { lnGamma } from "../numerics/special-functions.ts";
import { type Arrivals, arrivalsCheck, type HawkesParameters } from "./hawkes.ts";

export interface PowerLawHawkes {
  /** mu_i, d, per second, >= 0. */
  readonly baseline: Float64Array;
  /** a_ij, row-major d x d: mean arrivals of type i caused directly by one of type j; >= 0. */
  readonly branching: Float64Array;
  /** c, seconds, > 0: below it the law is flat. */
  readonly cutoff: number;
  /** theta > 0: the law falls as age^-(1 + theta). */
  readonly exponent: number;
}

export function powerLawCheck({ baseline, branching, cutoff, exponent }: PowerLawHawkes): Check {
  const d = baseline.length;
  const wrong = firstFailure(
    integerWithin("the number of types", d, 1, 1_000),
    allFinite("baseline", baseline),
    allFinite("branching", branching),
    positive("cutoff", cutoff),
    positive("exponent", exponent),
  );
  if (wrong !== null) return wrong;
  if (branching.length !== d * d) {
    return failure(
      "wrong_shape",
      `branching has ${branching.length} values`,
      `${d} types need ${d * d}`,
      "give a value for each target and source",
    );
  }
  return firstFailure(
    ...Array.from(baseline, (value) => notNegative("a baseline", value)),
    ...Array.from(branching, (value) => notNegative("a branching", value)),
  );
}

/** Derivatives by mu_i, a_ij, c and theta, in this order; 2 + d + d^2. */
export type PowerLawGradient = Float64Array;

/**
 * Log-likelihood by the definition, with its derivatives written into `gradient` when there is one.
 * Exact. O(n^2). Failures: those of powerLawCheck and arrivalsCheck.
 */
export function powerLawLogLikelihood(
  parameters: PowerLawHawkes,
  arrivals: Arrivals,
  gradient: PowerLawGradient | null = null,
): ModelResult<number> {
  const wrong = powerLawCheck(parameters) ?? arrivalsCheck(arrivals, parameters.baseline.length);
  if (wrong !== null) return refused(wrong);
  return numbered(evaluatePowerLaw(parameters, arrivals, gradient), gradient ?? []);
}

/** -Infinity is an answer, that the arrivals are impossible; what is no number is not. */
function numbered(value: number, gradient: ArrayLike<number>): ModelResult<number> {
  if (value === -Infinity) return { ok: true, value };
  const overflow = finite("the log-likelihood", value) ?? allFinite("its gradient", gradient);
  return overflow === null ? { ok: true, value } : refused(overflow);
}

function evaluatePowerLaw(
  parameters: PowerLawHawkes,
  arrivals: Arrivals,
  gradient: PowerLawGradient | null,
): number {
  gradient?.fill(0);
  let value = 0;
  for (let k = 0; k < arrivals.times.length; k += 1) {
    value += Math.log(arrivalRate(parameters, arrivals, k, gradient));
    value -= spentOf(parameters, arrivals, k, gradient);
  }
  for (let i = 0; i < parameters.baseline.length; i += 1) {
    value -= parameters.baseline[i]! * arrivals.horizon;
    if (gradient !== null) gradient[i]! -= arrivals.horizon;
  }
  return value;
}

/** Intensity of the type of arrival k at its time; adds the derivatives of its logarithm. */
function arrivalRate(
  { baseline, branching, cutoff, exponent }: PowerLawHawkes,
  { times, types }: Arrivals,
  k: number,
  gradient: PowerLawGradient | null,
): number {
  const d = baseline.length;
  const target = types[k]!;
  const scale = exponent / cutoff;
  let rate = baseline[target]!;
  for (let past = 0; past < k && times[past]! < times[k]!; past += 1) {
    const stretch = 1 + (times[k]! - times[past]!) / cutoff;
    rate += branching[target * d + types[past]!]! * scale * stretch ** -(1 + exponent);
  }
  if (gradient === null) return rate;
  gradient[target]! += 1 / rate;
  for (let past = 0; past < k && times[past]! < times[k]!; past += 1) {
    const stretch = 1 + (times[k]! - times[past]!) / cutoff;
    const cell = target * d + types[past]!;
    const density = (scale * stretch ** -(1 + exponent)) / rate;
    gradient[d + cell]! += density;
    const part = branching[cell]! * density;
    // d ln density / dc = ((1 + theta)(1 - 1/stretch) - 1) / c;  / d theta = 1/theta - ln stretch.
    gradient[d + d * d]! += (part * ((1 + exponent) * (1 - 1 / stretch) - 1)) / cutoff;
    gradient[d + d * d + 1]! += part * (1 / exponent - Math.log(stretch));
  }
  return rate;
}

/** Mean number of arrivals that arrival k caused until the horizon; subtracts its derivatives. */
function spentOf(
  { baseline, branching, cutoff, exponent }: PowerLawHawkes,
  { times, types, horizon }: Arrivals,
  k: number,
  gradient: PowerLawGradient | null,
): number {
  const d = baseline.length;
  const stretch = 1 + (horizon - times[k]!) / cutoff;
  const left = stretch ** -exponent;
  let spent = 0;
  for (let target = 0; target < d; target += 1) {
    const cell = target * d + types[k]!;
    spent += branching[cell]! * (1 - left);
    if (gradient === null) continue;
    gradient[d + cell]! -= 1 - left;
    gradient[d + d * d]! += (branching[cell]! * left * exponent * (1 - 1 / stretch)) / cutoff;
    gradient[d + d * d + 1]! -= branching[cell]! * left * Math.log(stretch);
  }
  return spent;
}

/**
 * Maximum likelihood by L-BFGS over the logarithms, exact law, O(n^2) an evaluation: for some thousands
 * of arrivals; more by fitHawkes of a mixture. A branching that is 0 at the start stays 0. Failures:
 * those of the checks, empty, not_converged.
 */
export function fitPowerLaw(
  arrivals: Arrivals,
  start: PowerLawHawkes,
  iterations = 300,
): ModelResult<{ readonly parameters: PowerLawHawkes; readonly logLikelihood: number }> {
  const d = start.baseline.length;
  const wrong = powerLawCheck(start) ?? arrivalsCheck(arrivals, d);
  if (wrong !== null) return refused(wrong);
  const n = arrivals.times.length;
  if (n === 0) {
    return refused(failure("empty", "arrivals", "there is nothing to fit", "observe longer"));
  }
  const values = Float64Array.of(
    ...start.baseline,
    ...start.branching,
    start.cutoff,
    start.exponent,
  );
  const free = Array.from(values.keys()).filter((index) => values[index]! > 0);
  const gradient = new Float64Array(values.length);
  const unpacked = (): PowerLawHawkes => ({
    baseline: values.slice(0, d),
    branching: values.slice(d, d + d * d),
    cutoff: values[d + d * d]!,
    exponent: values[d + d * d + 1]!,
  });
  const minimum = lbfgs(
    (x, out) => {
      for (const [at, index] of free.entries()) values[index] = Math.exp(x[at]!);
      const value = evaluatePowerLaw(unpacked(), arrivals, gradient);
      for (const [at, index] of free.entries()) out[at] = (-gradient[index]! * values[index]!) / n;
      return -value / n;
    },
    Float64Array.from(free, (index) => Math.log(values[index]!)),
    { iterations },
  );
  if (!minimum.ok) return minimum;
  for (const [at, index] of free.entries()) values[index] = Math.exp(minimum.value.point[at]!);
  const parameters = unpacked();
  return {
    ok: true,
    value: { parameters, logLikelihood: evaluatePowerLaw(parameters, arrivals, null) },
  };
}

/**
 * The law as a sum of exponentials, for everything that takes HawkesParameters. It is exactly a mixture:
 * theta c^theta (u + c)^-(1 + theta) = integral of b exp(-b u) against the gamma density of b with shape
 * theta and rate c. The trapezium rule over ln b, `perDecade` nodes for each factor of 10, carries all
 * but `tail` of the mass on either side; weights are scaled to keep the branching exactly. Ages to about
 * c / tail^(1 / theta) are met. Failures: those of powerLawCheck, out_of_range.
 */
export function powerLawMixture(
  parameters: PowerLawHawkes,
  perDecade = 4,
  tail = 1e-8,
): ModelResult<HawkesParameters> {
  const wrong =
    powerLawCheck(parameters) ??
    firstFailure(within("perDecade", perDecade, 1, 50), within("tail", tail, 1e-15, 0.1));
  if (wrong !== null) return refused(wrong);
  const { cutoff: c, exponent: theta } = parameters;
  const low = (Math.log(tail) + lnGamma(theta + 1)) / theta;
  // The gamma's upper tail is below exp(-x) x^theta.
  let high = Math.log(theta + 1 - Math.log(tail));
  high = Math.log(theta * Math.max(0, high) - Math.log(tail) + 1);
  const step = Math.LN10 / perDecade;
  const count = Math.ceil((high - low) / step) + 1;
  if (!(count <= 1_000)) {
    return refused(
      failure(
        "out_of_range",
        `${count} exponentials for an exponent of ${theta}`,
        "so slow a law has too long a memory for this accuracy",
        "raise the tail or lower perDecade",
      ),
    );
  }
  const logs = Float64Array.from({ length: count }, (_, node) => low + node * step);
  const weights = logs.map((y) => Math.exp(theta * y - Math.exp(y)));
  let sum = 0;
  for (const weight of weights) sum += weight;
  const decays = logs.map((y) => Math.exp(y) / c);
  const overflow = allPositive("decays", decays) ?? positive("the sum of weights", sum);
  if (overflow !== null) return refused(overflow);
  return {
    ok: true,
    value: {
      baseline: Float64Array.from(parameters.baseline),
      decays,
      branching: Float64Array.from({ length: parameters.branching.length * count }, (_, index) => {
        const weight = weights[index % count]! / sum;
        return parameters.branching[Math.floor(index / count)]! * weight;
      }),
    },
  };
}
