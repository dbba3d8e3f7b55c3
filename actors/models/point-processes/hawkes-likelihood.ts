import { allFinite, finite, type ModelResult, refused } from "../numerics/failure.ts";
import { type Arrivals, arrivalsCheck, type HawkesParameters, parametersCheck } from "./hawkes.ts";

/** Derivatives of the log-likelihood, each in the shape of its parameter. */
export interface HawkesGradient {
  readonly baseline: Float64Array;
  readonly decays: Float64Array;
  readonly branching: Float64Array;
}

/** Arrays that an evaluation works in, for one shape of parameters; reused from call to call. */
export interface HawkesWorkspace {
  /** sum over past arrivals of type j of exp(-b_p age), at j P + p. */
  readonly excitement: Float64Array;
  /** sum over past arrivals of type j of age exp(-b_p age), at j P + p. */
  readonly aged: Float64Array;
  readonly fades: Float64Array;
  readonly counts: Float64Array;
  /** a_ijp b_p. */
  readonly weights: Float64Array;
  /** sum over arrivals of type i of excitement / lambda, and of aged / lambda. */
  readonly excitementScore: Float64Array;
  readonly agedScore: Float64Array;
}

export function hawkesWorkspace(d: number, P: number): HawkesWorkspace {
  return {
    excitement: new Float64Array(d * P),
    aged: new Float64Array(d * P),
    fades: new Float64Array(P),
    counts: new Float64Array(d),
    weights: new Float64Array(d * d * P),
    excitementScore: new Float64Array(d * d * P),
    agedScore: new Float64Array(d * d * P),
  };
}

/**
 * Log-likelihood sum ln lambda(t_k) - integral of lambda (Ogata 1978, equation 2.3), by the recursion
 * that makes it linear in the arrivals (Ozaki 1979). O(n d P), P exponentials an arrival. -Infinity where
 * an arrival has intensity 0. Failures: those of parametersCheck and arrivalsCheck.
 */
export function hawkesLogLikelihood(
  parameters: HawkesParameters,
  arrivals: Arrivals,
): ModelResult<number> {
  const d = parameters.baseline.length;
  const wrong = parametersCheck(parameters) ?? arrivalsCheck(arrivals, d);
  if (wrong !== null) return refused(wrong);
  const space = hawkesWorkspace(d, parameters.decays.length);
  return numbered(evaluateHawkes(parameters, arrivals, space, null), []);
}

/** The same, with its derivatives written into `gradient`. */
export function hawkesLogLikelihoodGradient(
  parameters: HawkesParameters,
  arrivals: Arrivals,
  gradient: HawkesGradient,
): ModelResult<number> {
  const d = parameters.baseline.length;
  const wrong = parametersCheck(parameters) ?? arrivalsCheck(arrivals, d);
  if (wrong !== null) return refused(wrong);
  const space = hawkesWorkspace(d, parameters.decays.length);
  const value = evaluateHawkes(parameters, arrivals, space, gradient);
  return numbered(value, [...gradient.baseline, ...gradient.decays, ...gradient.branching]);
}

/** -Infinity is an answer, that the arrivals are impossible; what is no number is not. */
function numbered(value: number, gradient: ArrayLike<number>): ModelResult<number> {
  if (value === -Infinity) return { ok: true, value };
  const overflow = finite("the log-likelihood", value) ?? allFinite("its gradient", gradient);
  return overflow === null ? { ok: true, value } : refused(overflow);
}

/** Below and above it the product of intensities is turned into a logarithm and begun again. */
const smallProduct = 1e-100;
const largeProduct = 1e100;

/**
 * The evaluation itself, for inputs that are checked: allocates nothing. Between arrivals both sums
 * fade by e = exp(-b dt), the aged one after it has grown by dt times the other (Ozaki 1979, equation 7).
 * Intensities are multiplied, and a logarithm is taken only before the product leaves the range.
 */
export function evaluateHawkes(
  parameters: HawkesParameters,
  arrivals: Arrivals,
  space: HawkesWorkspace,
  gradient: HawkesGradient | null,
): number {
  const { times, types, horizon } = arrivals;
  const { baseline, decays } = parameters;
  const P = decays.length;
  const { excitement, aged, fades, counts, weights, excitementScore, agedScore } = space;
  const width = excitement.length;
  begin(parameters, space, gradient);
  let [sum, product, last, entered] = [0, 1, 0, 0];
  for (let k = 0; k < times.length; k += 1) {
    const elapsed = times[k]! - last;
    if (elapsed > 0) {
      for (; entered < k; entered += 1) enter(excitement, types[entered]!, P);
      fade(excitement, aged, fades, decays, elapsed);
      last = times[k]!;
    }
    const target = types[k]!;
    const row = target * width;
    let rate = baseline[target]!;
    for (let at = 0; at < width; at += 1) rate += weights[row + at]! * excitement[at]!;
    counts[target]! += 1;
    const next = product * rate;
    if (next > smallProduct && next < largeProduct) {
      product = next;
    } else {
      sum += Math.log(product) + Math.log(rate);
      product = 1;
    }
    if (gradient === null) continue;
    const inverse = 1 / rate;
    gradient.baseline[target]! += inverse;
    for (let at = 0; at < width; at += 1) {
      excitementScore[row + at]! += excitement[at]! * inverse;
      agedScore[row + at]! += aged[at]! * inverse;
    }
  }
  for (; entered < times.length; entered += 1) enter(excitement, types[entered]!, P);
  fade(excitement, aged, fades, decays, horizon - last);
  if (gradient !== null) addScores(parameters, space, gradient);
  return sum + Math.log(product) - compensate(parameters, space, horizon, gradient);
}

function begin(
  { decays, branching }: HawkesParameters,
  space: HawkesWorkspace,
  gradient: HawkesGradient | null,
): void {
  space.excitement.fill(0);
  space.aged.fill(0);
  space.counts.fill(0);
  space.excitementScore.fill(0);
  space.agedScore.fill(0);
  for (let index = 0; index < branching.length; index += 1) {
    space.weights[index] = branching[index]! * decays[index % decays.length]!;
  }
  gradient?.baseline.fill(0);
  gradient?.decays.fill(0);
  gradient?.branching.fill(0);
}

function enter(excitement: Float64Array, type: number, P: number): void {
  for (let at = type * P; at < (type + 1) * P; at += 1) excitement[at]! += 1;
}

function fade(
  excitement: Float64Array,
  aged: Float64Array,
  fades: Float64Array,
  decays: Float64Array,
  elapsed: number,
): void {
  const P = decays.length;
  for (let p = 0; p < P; p += 1) fades[p] = Math.exp(-decays[p]! * elapsed);
  for (let at = 0, p = 0; at < excitement.length; at += 1) {
    const fading = fades[p]!;
    aged[at] = fading * (aged[at]! + elapsed * excitement[at]!);
    excitement[at]! *= fading;
    p += 1;
    if (p === P) p = 0;
  }
}

/** d ln lambda: b S / lambda by a branching, a (S - b Q) / lambda by a decay. */
function addScores(
  { decays, branching }: HawkesParameters,
  { excitementScore, agedScore }: HawkesWorkspace,
  gradient: HawkesGradient,
): void {
  const P = decays.length;
  for (let index = 0; index < branching.length; index += 1) {
    const decay = decays[index % P]!;
    const excited = excitementScore[index]!;
    gradient.branching[index]! += decay * excited;
    gradient.decays[index % P]! += branching[index]! * (excited - decay * agedScore[index]!);
  }
}

/**
 * Integral of all intensities over (0, horizon], the workspace being faded to the horizon: an arrival of
 * type j has spent 1 - exp(-b (T - t)) of its a_ijp, and these sum to the count less the excitement left.
 */
function compensate(
  parameters: HawkesParameters,
  space: HawkesWorkspace,
  horizon: number,
  gradient: HawkesGradient | null,
): number {
  const { baseline, decays, branching } = parameters;
  const d = baseline.length;
  const P = decays.length;
  let integral = 0;
  for (let target = 0; target < d; target += 1) {
    integral += baseline[target]! * horizon;
    if (gradient !== null) gradient.baseline[target]! -= horizon;
    for (let source = 0, at = 0; source < d; source += 1) {
      for (let p = 0; p < P; p += 1, at += 1) {
        const index = target * d * P + at;
        const spent = space.counts[source]! - space.excitement[at]!;
        integral += branching[index]! * spent;
        if (gradient === null) continue;
        gradient.branching[index]! -= spent;
        gradient.decays[p]! -= branching[index]! * space.aged[at]!;
      }
    }
  }
  return integral;
}
