/**
 * A Hawkes process of one type, arrival by arrival, for an actor that keeps its state as plain data:
 *
 *   lambda(t) = mu + sum over kernels k, past arrivals t_i < t of  n_k * b_k * exp(-b_k * (t - t_i))
 *
 * Hawkes, Biometrika 58 (1971); thinning of Ogata, IEEE Trans. Inf. Theory 27 (1981). Time is in seconds, rates
 * are per second. Chance comes in as a function that returns a uniform double in [0, 1). Parameters are checked once
 * (arrivalParametersCheck); the steps take them as they are. Whole paths, likelihoods and many types: hawkes.ts.
 */
import {
  type Check,
  failure,
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
} from "../numerics/failure.ts";

export interface ArrivalParameters {
  /** mu: arrivals per second that no other arrival caused; > 0. */
  readonly baseline: number;
  readonly kernels: readonly ExponentialKernel[];
}
export interface ExponentialKernel {
  /** n_k: mean number of arrivals that one arrival causes through this kernel; >= 0. */
  readonly branching: number;
  /** b_k: rate, per second, at which the excitement dies away; > 0. */
  readonly decay: number;
}

/** Excitement of each kernel just after the present moment, per second. Plain data. */
export interface ArrivalState {
  readonly excitements: readonly number[];
}

/** A uniform double in [0, 1) at each call. */
export type Uniform = () => number;

/** n = sum of n_k: the share of arrivals that other arrivals caused. */
export function branchingRatio(parameters: ArrivalParameters): number {
  return parameters.kernels.reduce((sum, kernel) => sum + kernel.branching, 0);
}

/**
 * Whether the parameters describe a stationary process; null when they do. With a branching ratio of 1 or more
 * each arrival causes at least one other and the rate grows without end. Failures: not_finite, out_of_range.
 */
export function arrivalParametersCheck(parameters: ArrivalParameters): Check {
  const wrong = firstFailure(
    positive("the baseline", parameters.baseline),
    ...parameters.kernels.flatMap(({ branching, decay }) => [
      notNegative("a branching", branching),
      positive("a decay", decay),
    ]),
  );
  if (wrong !== null) return wrong;
  const ratio = branchingRatio(parameters);
  return ratio < 1
    ? null
    : failure(
        "out_of_range",
        `the branching ratio is ${ratio}`,
        "at 1 or above arrivals cause more arrivals without end",
        "scale the branching down",
      );
}

/** Stationary mean rate mu / (1 - n), per second (Hawkes 1971). */
export function meanRate(parameters: ArrivalParameters): number {
  return parameters.baseline / (1 - branchingRatio(parameters));
}

/**
 * Variance of the number of arrivals within `horizon` seconds of a stationary process with one kernel:
 * rate * (T * k^2 + (1 - k^2) * (1 - exp(-g * T)) / g) with k = 1 / (1 - n), g = b * (1 - n)
 * (Da Fonseca & Zaatout, "Hawkes process: fast calibration, application to trade clustering", 2014).
 */
export function countVariance(
  baseline: number,
  kernel: ExponentialKernel,
  horizon: number,
): number {
  const rate = meanRate({ baseline, kernels: [kernel] });
  const k = 1 / (1 - kernel.branching);
  const g = kernel.decay * (1 - kernel.branching);
  return rate * (horizon * k * k + ((1 - k * k) * (1 - Math.exp(-g * horizon))) / g);
}

/** Parameters of given mean rate, one kernel. Failures: those of arrivalParametersCheck. */
export function arrivalsOfMeanRate(
  rate: number,
  kernel: ExponentialKernel,
): ModelResult<ArrivalParameters> {
  const parameters = { baseline: rate * (1 - kernel.branching), kernels: [kernel] };
  const wrong = positive("rate", rate) ?? arrivalParametersCheck(parameters);
  return wrong === null ? { ok: true, value: parameters } : refused(wrong);
}

/** No arrival has happened yet. */
export function quiet(parameters: ArrivalParameters): ArrivalState {
  return { excitements: parameters.kernels.map(() => 0) };
}

/** The intensity of the present moment, per second. */
export function intensity(parameters: ArrivalParameters, state: ArrivalState): number {
  return state.excitements.reduce((sum, excitement) => sum + excitement, parameters.baseline);
}

/** The state `elapsed` >= 0 seconds later, when nothing arrived meanwhile. */
export function decayed(
  parameters: ArrivalParameters,
  state: ArrivalState,
  elapsed: number,
): ArrivalState {
  return {
    excitements: parameters.kernels.map(
      ({ decay }, index) => (state.excitements[index] ?? 0) * Math.exp(-decay * elapsed),
    ),
  };
}

/** The state just after an arrival. */
export function excited(parameters: ArrivalParameters, state: ArrivalState): ArrivalState {
  return {
    excitements: parameters.kernels.map(
      ({ branching, decay }, index) => (state.excitements[index] ?? 0) + branching * decay,
    ),
  };
}

/** Integral of the intensity over the next `elapsed` seconds when nothing arrives meanwhile. */
export function compensator(
  parameters: ArrivalParameters,
  state: ArrivalState,
  elapsed: number,
): number {
  return parameters.kernels.reduce(
    (sum, { decay }, index) =>
      sum + ((state.excitements[index] ?? 0) * -Math.expm1(-decay * elapsed)) / decay,
    parameters.baseline * elapsed,
  );
}

/**
 * Seconds until the next arrival, and the state just after it. Exact: between arrivals the intensity
 * only falls, so its present value bounds it and candidates of that rate are kept with the
 * probability intensity / bound (Ogata 1981).
 */
export function nextArrival(
  parameters: ArrivalParameters,
  state: ArrivalState,
  uniform: Uniform,
): { readonly wait: number; readonly state: ArrivalState } {
  let present = state;
  let wait = 0;
  for (;;) {
    const bound = intensity(parameters, present);
    const step = -Math.log(1 - uniform()) / bound;
    wait += step;
    present = decayed(parameters, present, step);
    if (uniform() * bound <= intensity(parameters, present)) {
      return { wait, state: excited(parameters, present) };
    }
  }
}
