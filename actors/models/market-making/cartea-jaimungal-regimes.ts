/**
 * The dealer of Cartea and Jaimungal in a market that switches between regimes r with the generator G (rows
 * sum to 0). In w the equation is no longer linear; in h it is, but for the exponentials, integrated backwards
 * by Runge–Kutta:
 *
 *   dh_r(q)/ds = -phi_r q^2 + (lam+_r / (kappa_r e)) exp(kappa_r (h_r(q-1) - h_r(q)))
 *                           + (lam-_r / (kappa_r e)) exp(kappa_r (h_r(q+1) - h_r(q))) + sum over s of G_rs h_s(q)
 *
 * with h_r(q) = -alpha q^2 at the horizon. Impacts and a drift per regime enter as in cartea-jaimungal.ts.
 */
import {
  failure,
  integerWithin,
  type ModelResult,
  notNegative,
  refused,
  type Check,
} from "../numerics/failure.ts";
import { type Derivative, integrate } from "../numerics/ordinary-differential.ts";
import { type CarteaJaimungalParameters, carteaJaimungalControl } from "./cartea-jaimungal.ts";
import { type InventoryControl, type QuoteLadder, writeQuotesOf } from "./inventory-control.ts";
import type { InventoryLots, Seconds } from "./quotes.ts";

export const MAX_REGIMES = 16;

function generatorCheck(generator: readonly (readonly number[])[], regimes: number): Check {
  if (generator.length !== regimes || generator.some((row) => row.length !== regimes)) {
    return failure(
      "wrong_shape",
      `a generator of ${generator.length} rows for ${regimes} regimes`,
      "it has one row and one column for each regime",
      "give a square generator",
    );
  }
  for (const [r, row] of generator.entries()) {
    const sum = row.reduce((total, rate) => total + rate, 0);
    const scale = row.reduce((total, rate) => total + Math.abs(rate), 0);
    const good = row.every((rate, s) => Number.isFinite(rate) && (s === r || rate >= 0));
    if (!good || Math.abs(sum) > 1e-9 * Math.max(1, scale)) {
      return failure(
        good || row.every(Number.isFinite) ? "out_of_range" : "not_finite",
        `generator row ${r} = ${row.join(", ")}`,
        "rates of switching are 0 or more and each row sums to 0",
        "put minus the sum of the other rates on the diagonal",
      );
    }
  }
  return null;
}

/** The equations of all regimes side by side: h_r(q) at r (2 Q + 1) + q + Q. */
export interface RegimeSystem {
  readonly controls: readonly InventoryControl[];
  readonly inventoryBound: InventoryLots;
  /** h at the horizon. */
  readonly terminal: Float64Array;
  /** dh/ds, s the time left. */
  readonly slope: Derivative;
}

/**
 * Checks the regimes and sets their equations up. All regimes share one inventory bound. Codes: not_finite,
 * out_of_range, wrong_shape.
 */
export function regimeSystem(
  regimes: readonly CarteaJaimungalParameters[],
  generator: readonly (readonly number[])[],
): ModelResult<RegimeSystem> {
  const controls: InventoryControl[] = [];
  for (const parameters of regimes) {
    const control = carteaJaimungalControl(parameters);
    if (!control.ok) return control;
    controls.push(control.value);
  }
  const inventoryBound = controls[0]?.inventoryBound ?? 0;
  const wrong =
    integerWithin("regimes", regimes.length, 1, MAX_REGIMES) ??
    (controls.some((control) => control.inventoryBound !== inventoryBound)
      ? failure(
          "wrong_shape",
          "inventory bounds of the regimes",
          "inventory survives a change of regime, so the bound is one",
          "give all regimes one inventoryBound",
        )
      : null) ??
    generatorCheck(generator, regimes.length);
  if (wrong !== null) return refused(wrong);
  const size = 2 * inventoryBound + 1;
  const terminal = new Float64Array(size * regimes.length);
  for (const [r, control] of controls.entries()) {
    for (let i = 0; i < size; i += 1) {
      terminal[r * size + i] = control.terminal[i]! / control.arrivalDecay;
    }
  }
  const slope: Derivative = (_, h, into) => {
    for (let r = 0; r < controls.length; r += 1) {
      regimeSlope(controls[r]!, generator[r]!, h, into, r, size);
    }
  };
  return { ok: true, value: { controls, inventoryBound, terminal, slope } };
}

/**
 * One ladder per regime with `timeLeft` to the horizon; logValue holds kappa_r h_r. The step is `timeLeft` /
 * `steps`; stable while step * (kappa phi Q^2 + rates) < 2.7. Codes: those of regimeSystem, not_converged (more
 * steps are needed). O(steps * R (Q + R Q)).
 */
export function solveRegimes(
  regimes: readonly CarteaJaimungalParameters[],
  generator: readonly (readonly number[])[],
  timeLeft: Seconds,
  steps: number,
): ModelResult<readonly QuoteLadder[]> {
  const system = regimeSystem(regimes, generator);
  if (!system.ok) return system;
  const wrong = notNegative("timeLeft", timeLeft);
  if (wrong !== null) return refused(wrong);
  const { controls, inventoryBound, terminal, slope } = system.value;
  const solved = integrate(slope, terminal, 0, timeLeft, steps);
  if (!solved.ok) return solved;
  const size = 2 * inventoryBound + 1;
  return {
    ok: true,
    value: controls.map((control, r) => {
      const logValue = new Float64Array(size);
      for (let i = 0; i < size; i += 1) {
        logValue[i] = solved.value[r * size + i]! * control.arrivalDecay;
      }
      const bid = new Float64Array(size);
      const ask = new Float64Array(size);
      writeQuotesOf(control, logValue, bid, ask, 0);
      return { inventoryBound, logValue, bid, ask };
    }),
  };
}

function regimeSlope(
  { generator: { killing, up, down }, arrivalDecay }: InventoryControl,
  switching: readonly number[],
  h: Float64Array,
  slope: Float64Array,
  regime: number,
  size: number,
): void {
  const offset = regime * size;
  for (let i = 0; i < size; i += 1) {
    const here = h[offset + i]!;
    let rate = -killing[i]!;
    if (i + 1 < size) rate += up[i]! * Math.exp(arrivalDecay * (h[offset + i + 1]! - here));
    if (i > 0) rate += down[i]! * Math.exp(arrivalDecay * (h[offset + i - 1]! - here));
    rate /= arrivalDecay;
    for (let s = 0; s < switching.length; s += 1) rate += switching[s]! * h[s * size + i]!;
    slope[offset + i] = rate;
  }
}
