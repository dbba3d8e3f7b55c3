import {
  allFinite,
  failure,
  finite,
  firstFailure,
  integerWithin,
  type ModelResult,
  refused,
  within,
} from "../numerics/failure.ts";
import { brentMinimum, lbfgs } from "../numerics/optimise.ts";
import { type Arrivals, arrivalsCheck, type HawkesParameters, parametersCheck } from "./hawkes.ts";
import {
  evaluateHawkes,
  type HawkesGradient,
  hawkesWorkspace,
  type HawkesWorkspace,
} from "./hawkes-likelihood.ts";

export interface HawkesFit {
  readonly parameters: HawkesParameters;
  readonly logLikelihood: number;
  readonly iterations: number;
}

export interface HawkesFitOptions {
  /** false: the decays stay as in the start, and the problem is concave. Default true. */
  readonly fitDecays?: boolean;
  /** Default 500. */
  readonly iterations?: number;
  /** Largest derivative of logL / n by a logarithm of a parameter at the end; default 1e-8. */
  readonly gradientTolerance?: number;
}

/**
 * Parameters to begin a fit from: half of the arrivals caused by others, evenly over sources; decays
 * spread about the mean rate, a factor of 8 apart (project choice). Failures: as arrivalsCheck,
 * too_short (a type without arrivals).
 */
export function hawkesStart(
  arrivals: Arrivals,
  d: number,
  components = 1,
): ModelResult<HawkesParameters> {
  const wrong =
    firstFailure(
      integerWithin("the number of types", d, 1, 1_000),
      integerWithin("components", components, 1, 100),
    ) ?? arrivalsCheck(arrivals, d);
  if (wrong !== null) return refused(wrong);
  const counts = new Float64Array(d);
  for (const type of arrivals.types) counts[type]! += 1;
  const silent = counts.indexOf(0);
  if (silent >= 0) {
    return refused(
      failure(
        "too_short",
        `no arrival of type ${silent}`,
        "its parameters are not determined by the data",
        "leave the type out or observe longer",
      ),
    );
  }
  const rate = arrivals.times.length / arrivals.horizon;
  return {
    ok: true,
    value: {
      baseline: counts.map((count) => (0.5 * count) / arrivals.horizon),
      decays: Float64Array.from(
        { length: components },
        (_, p) => 2 * rate * 8 ** (p - (components - 1) / 2),
      ),
      branching: new Float64Array(d * d * components).fill(0.5 / (d * components)),
    },
  };
}

/**
 * Maximum likelihood by L-BFGS over the logarithms of the parameters, so that they stay positive,
 * with the analytic gradient. A parameter that is 0 at the start stays 0. The likelihood of free decays
 * is not concave: the answer is a local maximum. O(n d P) an evaluation, no allocation in it.
 * Failures: those of the checks, not_converged.
 */
export function fitHawkes(
  arrivals: Arrivals,
  start: HawkesParameters,
  options: HawkesFitOptions = {},
): ModelResult<HawkesFit> {
  const d = start.baseline.length;
  const wrong = parametersCheck(start) ?? arrivalsCheck(arrivals, d);
  if (wrong !== null) return refused(wrong);
  if (arrivals.times.length === 0) {
    return refused(failure("empty", "arrivals", "there is nothing to fit", "observe longer"));
  }
  const shape = { d, P: start.decays.length };
  const current = copyOf(start);
  const free = freeSlots(current, options.fitDecays ?? true);
  const gradient: HawkesGradient = copyOf(start);
  const space = hawkesWorkspace(shape.d, shape.P);
  const n = arrivals.times.length;
  const minimum = lbfgs(
    (x, out) => {
      for (const [at, slot] of free.entries()) slot.values[slot.index] = Math.exp(x[at]!);
      const value = evaluateHawkes(current, arrivals, space, gradient);
      for (const [at, slot] of free.entries()) {
        out[at] = (-gradient[slot.name][slot.index]! * slot.values[slot.index]!) / n;
      }
      return -value / n;
    },
    Float64Array.from(free, (slot) => Math.log(slot.values[slot.index]!)),
    {
      iterations: options.iterations ?? 500,
      gradientTolerance: options.gradientTolerance ?? 1e-8,
    },
  );
  if (!minimum.ok) return minimum;
  for (const [at, slot] of free.entries()) {
    slot.values[slot.index] = Math.exp(minimum.value.point[at]!);
  }
  const logLikelihood = evaluateHawkes(current, arrivals, space, null);
  return fitted({ parameters: current, logLikelihood, iterations: minimum.value.iterations });
}

function fitted(fit: HawkesFit): ModelResult<HawkesFit> {
  const { baseline, decays, branching } = fit.parameters;
  const overflow = firstFailure(
    finite("the log-likelihood", fit.logLikelihood),
    allFinite("baseline", baseline),
    allFinite("decays", decays),
    allFinite("branching", branching),
  );
  return overflow === null ? { ok: true, value: fit } : refused(overflow);
}

const copyOf = (parameters: HawkesParameters): HawkesParameters => ({
  baseline: Float64Array.from(parameters.baseline),
  decays: Float64Array.from(parameters.decays),
  branching: Float64Array.from(parameters.branching),
});

interface Slot {
  readonly name: keyof HawkesParameters;
  readonly values: Float64Array;
  readonly index: number;
}

function freeSlots(parameters: HawkesParameters, fitDecays: boolean): Slot[] {
  const names = fitDecays
    ? (["baseline", "decays", "branching"] as const)
    : (["baseline", "branching"] as const);
  return names.flatMap((name) => {
    const values = parameters[name];
    return Array.from(values.keys())
      .filter((index) => values[index]! > 0)
      .map((index) => ({ name, values, index }));
  });
}

export interface EmOptions extends HawkesFitOptions {
  /** Ends when logL grows by less than this, relative to |logL|; default 1e-9. */
  readonly tolerance?: number;
  /** Called after each step with the log-likelihood before it. */
  readonly observe?: (logLikelihood: number) => void;
}

/**
 * Expectation-maximisation over the hidden parents (Veen & Schoenberg, JASA 103, 2008). The M step for
 * baseline and branching is closed; a decay maximises the expected complete likelihood with its
 * branching put in, by Brent's method, so that the likelihood never falls. O(n d P) a step.
 * Failures: those of the checks, not_converged.
 */
export function fitHawkesByEm(
  arrivals: Arrivals,
  start: HawkesParameters,
  options: EmOptions = {},
): ModelResult<HawkesFit> {
  const d = start.baseline.length;
  const wrong =
    parametersCheck(start) ??
    arrivalsCheck(arrivals, d) ??
    within("tolerance", options.tolerance ?? 1e-9, 0, 1);
  if (wrong !== null) return refused(wrong);
  if (arrivals.times.length === 0) {
    return refused(failure("empty", "arrivals", "there is nothing to fit", "observe longer"));
  }
  const parameters = copyOf(start);
  const space = hawkesWorkspace(d, start.decays.length);
  const gradient: HawkesGradient = copyOf(start);
  const limit = options.iterations ?? 10_000;
  let before = -Infinity;
  for (let step = 0; step < limit; step += 1) {
    const value = evaluateHawkes(parameters, arrivals, space, gradient);
    options.observe?.(value);
    if (value - before <= (options.tolerance ?? 1e-9) * Math.abs(value)) {
      return fitted({ parameters, logLikelihood: value, iterations: step });
    }
    before = value;
    maximise(parameters, arrivals, space, gradient, options.fitDecays ?? true);
  }
  return refused(
    failure(
      "not_converged",
      `logL still grows after ${limit} steps`,
      "EM is slow where causes are hard to tell apart",
      "allow more steps, or fit by fitHawkes",
    ),
  );
}

/**
 * One M step. The expected counts come from the score: a parameter times the derivative of
 * sum ln lambda by it is the expected number of arrivals that it caused.
 */
function maximise(
  parameters: HawkesParameters,
  arrivals: Arrivals,
  space: HawkesWorkspace,
  gradient: HawkesGradient,
  fitDecays: boolean,
): void {
  const { baseline, decays, branching } = parameters;
  const d = baseline.length;
  const P = decays.length;
  for (let i = 0; i < d; i += 1) {
    baseline[i]! *= (gradient.baseline[i]! + arrivals.horizon) / arrivals.horizon;
  }
  for (let p = 0; p < P; p += 1) {
    const caused = new Float64Array(d * d);
    let [all, ages] = [0, 0];
    for (let cell = 0; cell < d * d; cell += 1) {
      const index = cell * P + p;
      const source = (cell % d) * P + p;
      const spent = space.counts[cell % d]! - space.excitement[source]!;
      caused[cell] = branching[index]! * (gradient.branching[index]! + spent);
      all += caused[cell]!;
      ages += branching[index]! * space.aged[source]!;
    }
    // From d/db: all / b - (expected ages of causes) = the derivative of sum ln lambda.
    const expectedAges = all / decays[p]! - (gradient.decays[p]! + ages);
    if (fitDecays && all > 0) {
      decays[p] = bestDecay(decays[p]!, arrivals, d, caused, all, expectedAges);
    }
    const spent = spentBy(arrivals, d, decays[p]!);
    for (let cell = 0; cell < d * d; cell += 1) {
      branching[cell * P + p] = spent[cell % d]! > 0 ? caused[cell]! / spent[cell % d]! : 0;
    }
  }
}

/** sum over arrivals of each type of 1 - exp(-decay (T - t)); those long past count 1 without an exponential. */
function spentBy({ times, types, horizon }: Arrivals, d: number, decay: number): Float64Array {
  const spent = new Float64Array(d);
  for (let k = times.length - 1; k >= 0; k -= 1) {
    const exponent = decay * (horizon - times[k]!);
    spent[types[k]!]! += exponent > 40 ? 1 : -Math.expm1(-exponent);
  }
  return spent;
}

function bestDecay(
  decay: number,
  arrivals: Arrivals,
  d: number,
  caused: Float64Array,
  all: number,
  expectedAges: number,
): number {
  const loss = (logarithm: number): number => {
    const candidate = Math.exp(logarithm);
    const spent = spentBy(arrivals, d, candidate);
    let value = candidate * expectedAges - all * logarithm;
    for (let cell = 0; cell < d * d; cell += 1) {
      if (caused[cell]! > 0) value += caused[cell]! * Math.log(spent[cell % d]!);
    }
    return value;
  };
  const centre = Math.log(decay);
  const found = brentMinimum(loss, centre - 2, centre + 2, 1e-9);
  // A search that found nothing lower leaves the decay: the likelihood may not fall.
  return found.ok && found.value.value < loss(centre) ? Math.exp(found.value.at) : decay;
}
