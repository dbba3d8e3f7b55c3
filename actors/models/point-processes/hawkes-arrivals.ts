/**
 * Univariate Hawkes process with a sum of exponential kernels:
 *
 *   lambda(t) = mu + sum over kernels k, past arrivals t_i < t of  n_k * b_k * exp(-b_k * (t - t_i))
 *
 * Hawkes, "Spectra of some self-exciting and mutually exciting point processes", Biometrika 58 (1971);
 * simulation by the thinning of Ogata, "On Lewis' simulation method for point processes", IEEE Trans.
 * Inf. Theory 27 (1981). Time is in seconds, rates are per second. Chance comes in as a function that
 * returns a uniform double in [0, 1), so that a path follows from its seed alone.
 */
export interface HawkesParameters {
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
export interface HawkesState {
  readonly excitements: readonly number[];
}

/** A uniform double in [0, 1) at each call. */
export type Uniform = () => number;

/** n = sum of n_k: the share of arrivals that other arrivals caused. */
export function branchingRatio(parameters: HawkesParameters): number {
  return parameters.kernels.reduce((sum, kernel) => sum + kernel.branching, 0);
}

/**
 * Returns the parameters when they describe a stationary process; throws a RangeError otherwise. With a
 * branching ratio of 1 or more each arrival causes at least one other and the rate grows without end.
 */
export function stationary(parameters: HawkesParameters): HawkesParameters {
  if (!Number.isFinite(parameters.baseline) || parameters.baseline <= 0) {
    throw new RangeError(`the baseline must be a positive rate, not ${parameters.baseline}`);
  }
  for (const { branching, decay } of parameters.kernels) {
    if (!Number.isFinite(branching) || branching < 0) {
      throw new RangeError(`a branching must be 0 or more, not ${branching}`);
    }
    if (!Number.isFinite(decay) || decay <= 0) {
      throw new RangeError(`a decay must be a positive rate, not ${decay}`);
    }
  }
  const ratio = branchingRatio(parameters);
  if (ratio >= 1) throw new RangeError(`the branching ratio must be below 1, not ${ratio}`);
  return parameters;
}

/** Stationary mean rate mu / (1 - n), per second (Hawkes 1971). */
export function meanRate(parameters: HawkesParameters): number {
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

/** Parameters of given mean rate, one kernel. Throws unless 0 <= branching < 1. */
export function hawkesOfMeanRate(rate: number, kernel: ExponentialKernel): HawkesParameters {
  return stationary({ baseline: rate * (1 - kernel.branching), kernels: [kernel] });
}

/** No arrival has happened yet. */
export function quiet(parameters: HawkesParameters): HawkesState {
  return { excitements: parameters.kernels.map(() => 0) };
}

/** The intensity of the present moment, per second. */
export function intensity(parameters: HawkesParameters, state: HawkesState): number {
  return state.excitements.reduce((sum, excitement) => sum + excitement, parameters.baseline);
}

/** The state `elapsed` >= 0 seconds later, when nothing arrived meanwhile. */
export function decayed(
  parameters: HawkesParameters,
  state: HawkesState,
  elapsed: number,
): HawkesState {
  return {
    excitements: parameters.kernels.map(
      ({ decay }, index) => (state.excitements[index] ?? 0) * Math.exp(-decay * elapsed),
    ),
  };
}

/** The state just after an arrival. */
export function excited(parameters: HawkesParameters, state: HawkesState): HawkesState {
  return {
    excitements: parameters.kernels.map(
      ({ branching, decay }, index) => (state.excitements[index] ?? 0) + branching * decay,
    ),
  };
}

/** Integral of the intensity over the next `elapsed` seconds when nothing arrives meanwhile. */
export function compensator(
  parameters: HawkesParameters,
  state: HawkesState,
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
  parameters: HawkesParameters,
  state: HawkesState,
  uniform: Uniform,
): { readonly wait: number; readonly state: HawkesState } {
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

/** Arrival times in (0, horizon], rising; at most `limit` of them. */
export function simulateHawkes(
  parameters: HawkesParameters,
  horizon: number,
  uniform: Uniform,
  limit = 10_000_000,
): number[] {
  stationary(parameters);
  const times: number[] = [];
  let state = quiet(parameters);
  let time = 0;
  while (times.length < limit) {
    const arrival = nextArrival(parameters, state, uniform);
    time += arrival.wait;
    if (time > horizon) break;
    state = arrival.state;
    times.push(time);
  }
  return times;
}

/**
 * Log-likelihood of rising arrival times within (0, horizon]: sum of ln lambda(t_i) - integral of
 * lambda (Ogata 1978), by the recursion that makes it linear in the number of arrivals (Ozaki 1979).
 */
export function hawkesLogLikelihood(
  parameters: HawkesParameters,
  times: readonly number[],
  horizon: number,
): number {
  let state = quiet(parameters);
  let sum = 0;
  let last = 0;
  for (const time of times) {
    sum -= compensator(parameters, state, time - last);
    state = decayed(parameters, state, time - last);
    sum += Math.log(intensity(parameters, state));
    state = excited(parameters, state);
    last = time;
  }
  return sum - compensator(parameters, state, horizon - last);
}

/**
 * Intensity integrated from each arrival to the next (the first from 0). If the times follow the
 * process, these are independent and exponential with mean 1 (time change; Papangelou 1972).
 */
export function hawkesResiduals(parameters: HawkesParameters, times: readonly number[]): number[] {
  let state = quiet(parameters);
  let last = 0;
  return times.map((time) => {
    const residual = compensator(parameters, state, time - last);
    state = excited(parameters, decayed(parameters, state, time - last));
    last = time;
    return residual;
  });
}
