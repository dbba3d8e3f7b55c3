/**
 * The classical Runge–Kutta method of order 4 (Kutta 1901) for y' = f(t, y) with a fixed step. The
 * state is advanced in place and the work space is made once, so that a step allocates nothing.
 */
import { type ModelResult, refusal } from "./failure.ts";

/** Writes f(time, state) into `derivative`; must not keep or change `state`. */
export type Derivative = (time: number, state: Float64Array, derivative: Float64Array) => void;

export interface RungeKutta {
  /** Advances the state by `step` (either sign) from `time`, in place. Error O(step^5) per step. */
  step(time: number, state: Float64Array, step: number): void;
}

export function rungeKutta(dimension: number, derivative: Derivative): RungeKutta {
  const first = new Float64Array(dimension);
  const second = new Float64Array(dimension);
  const third = new Float64Array(dimension);
  const fourth = new Float64Array(dimension);
  const moved = new Float64Array(dimension);
  const move = (state: Float64Array, slope: Float64Array, by: number): Float64Array => {
    for (let index = 0; index < dimension; index += 1) {
      moved[index] = state[index]! + by * slope[index]!;
    }
    return moved;
  };
  return {
    step(time, state, step) {
      derivative(time, state, first);
      derivative(time + step / 2, move(state, first, step / 2), second);
      derivative(time + step / 2, move(state, second, step / 2), third);
      derivative(time + step, move(state, third, step), fourth);
      for (let index = 0; index < dimension; index += 1) {
        state[index]! +=
          (step / 6) * (first[index]! + 2 * second[index]! + 2 * third[index]! + fourth[index]!);
      }
    },
  };
}

/**
 * The state at `to`, from `from` in `steps` equal steps; either direction. O(steps * cost of f). Codes:
 * out_of_range; not_converged when the state leaves the finite numbers (too few steps for this f).
 */
export function integrate(
  derivative: Derivative,
  start: Float64Array,
  from: number,
  to: number,
  steps: number,
): ModelResult<Float64Array> {
  if (!Number.isFinite(from) || !Number.isFinite(to) || !Number.isSafeInteger(steps) || steps < 1) {
    return refusal(
      "out_of_range",
      `from ${from} to ${to} in ${steps} steps`,
      "times must be finite and steps a positive integer",
      "give finite times and steps >= 1",
    );
  }
  const state = start.slice();
  const method = rungeKutta(state.length, derivative);
  const step = (to - from) / steps;
  for (let index = 0; index < steps; index += 1) method.step(from + index * step, state, step);
  if (!state.every(Number.isFinite)) {
    return refusal(
      "not_converged",
      `${steps} steps from ${from} to ${to}`,
      "the solution left the finite numbers",
      "use more steps: the method is stable for step * |df/dy| < 2.7",
    );
  }
  return { ok: true, value: state };
}
