import type { Randomness } from "../../kernel/ports/randomness.ts";
import {
  failure,
  firstFailure,
  type ModelResult,
  notNegative,
  positive,
  refused,
  sorted,
  within,
} from "../numerics/failure.ts";
import { standardNormal } from "../random/distributions.ts";
import { type Scheme, step, type StochasticEquation } from "./schemes.ts";

/**
 * Times of a Poisson process of `rate` on (0, horizon], rising. Failures: out_of_range, not_finite.
 */
export function poissonTimes(
  rate: number,
  horizon: number,
  random: Randomness,
): ModelResult<Float64Array> {
  const wrong = firstFailure(
    notNegative("rate", rate),
    positive("horizon", horizon),
    within("rate * horizon", rate * horizon, 0, 1e8),
  );
  if (wrong !== null) return refused(wrong);
  const times: number[] = [];
  if (rate === 0) return { ok: true, value: new Float64Array(0) };
  let time = -Math.log(1 - random.unit()) / rate;
  while (time <= horizon) {
    times.push(time);
    time -= Math.log(1 - random.unit()) / rate;
  }
  return { ok: true, value: Float64Array.from(times) };
}

/**
 * The regular grid of `steps` intervals on [0, horizon] with the jump times put in, so that no step contains a jump
 * (Platen 1982; Bruti-Liberati & Platen 2007). `jumpAt[k]` is the number of jumps at grid[k]. O(steps + jumps).
 * Failures: out_of_range, not_finite, unsorted.
 */
export function jumpAdaptedGrid(
  horizon: number,
  steps: number,
  jumps: Float64Array,
): ModelResult<{ readonly grid: Float64Array; readonly jumpAt: Int32Array }> {
  const wrong = firstFailure(
    positive("horizon", horizon),
    within("steps", steps, 1, 1e8),
    sorted("jumps", jumps),
    jumps.length === 0 ? null : within("a jump time", jumps[0]!, 0, horizon),
    jumps.length === 0 ? null : within("a jump time", jumps.at(-1)!, 0, horizon),
  );
  if (wrong !== null) return refused(wrong);
  const grid: number[] = [];
  const jumpAt: number[] = [];
  let next = 0;
  for (let k = 0; k <= steps; k += 1) {
    const regular = k === steps ? horizon : horizon * (k / steps);
    let time = regular;
    do {
      time = Math.min(regular, jumps[next] ?? Infinity);
      let count = 0;
      for (; jumps[next] === time; next += 1) count += 1;
      grid.push(time);
      jumpAt.push(count);
    } while (time < regular);
  }
  return { ok: true, value: { grid: Float64Array.from(grid), jumpAt: Int32Array.from(jumpAt) } };
}

/**
 * A jump diffusion on such a grid: the scheme between the times, and at each jump x becomes `jump(x, mark)` with a mark
 * drawn by `mark`. Keeps the strong order of the scheme, because between jumps the path is a diffusion. Values
 * after the jumps are written to `out`. Failures: wrong_shape, not_finite.
 */
export function integrateJumpPath(
  equation: StochasticEquation,
  scheme: Exclude<Scheme, "sri1w1">,
  start: number,
  { grid, jumpAt }: { readonly grid: Float64Array; readonly jumpAt: Int32Array },
  jump: (x: number, mark: number) => number,
  mark: (random: Randomness) => number,
  random: Randomness,
  out: Float64Array,
): ModelResult<Float64Array> {
  if (out.length !== grid.length || jumpAt.length !== grid.length) {
    return refused(
      failure(
        "wrong_shape",
        `${out.length} values and ${jumpAt.length} counts for ${grid.length} times`,
        "each time has one of both",
        "give arrays of the grid's length",
      ),
    );
  }
  if (scheme === "milstein" && equation.diffusionSlope === undefined) {
    return refused(
      failure(
        "wrong_shape",
        "milstein without the derivative of the diffusion",
        "its correction needs dg/dx",
        "give diffusionSlope, or use runge-kutta-milstein",
      ),
    );
  }
  let x = start;
  for (let k = 0; k < grid.length; k += 1) {
    if (k > 0) {
      const h = grid[k]! - grid[k - 1]!;
      x = step(equation, scheme, x, grid[k - 1]!, h, Math.sqrt(h) * standardNormal(random), 0);
    }
    for (let left = jumpAt[k]!; left > 0; left -= 1) x = jump(x, mark(random));
    out[k] = x;
  }
  if (!Number.isFinite(x)) {
    return refused(
      failure("not_finite", `the path ends at ${x}`, "it left the numbers", "use smaller steps"),
    );
  }
  return { ok: true, value: out };
}
