import { type ModelResult, refused } from "../numerics/failure.ts";
import { type HawkesParameters, parametersCheck } from "./hawkes.ts";

/**
 * Intensities as arrivals come in, O(d P) an arrival, allocating nothing: for features and quotes. The
 * state is the excitement of each target by each component just after the last update.
 */
export class HawkesIntensity {
  /** lambda_i at the time of the last call, per second. Read it, do not write it. */
  readonly rates: Float64Array;
  readonly #baseline: Float64Array;
  readonly #decays: Float64Array;
  /** a_ijp b_p, at (j d + i) P + p: what one arrival of type j adds, in one run of memory. */
  readonly #jumps: Float64Array;
  readonly #excitement: Float64Array;
  #time: number;

  private constructor(parameters: HawkesParameters, time: number) {
    const d = parameters.baseline.length;
    const P = parameters.decays.length;
    this.#baseline = Float64Array.from(parameters.baseline);
    this.#decays = Float64Array.from(parameters.decays);
    this.#jumps = new Float64Array(d * d * P);
    for (let target = 0; target < d; target += 1) {
      for (let source = 0; source < d; source += 1) {
        for (let p = 0; p < P; p += 1) {
          this.#jumps[(source * d + target) * P + p] =
            parameters.branching[(target * d + source) * P + p]! * parameters.decays[p]!;
        }
      }
    }
    this.#excitement = new Float64Array(d * P);
    this.rates = Float64Array.from(parameters.baseline);
    this.#time = time;
  }

  /** An empty past until `time`, seconds. Failures: those of parametersCheck. */
  static of(parameters: HawkesParameters, time = 0): ModelResult<HawkesIntensity> {
    const wrong = parametersCheck(parameters);
    if (wrong !== null) return refused(wrong);
    return { ok: true, value: new HawkesIntensity(parameters, time) };
  }

  /**
   * An arrival of `type` at `time`; `rates` are then those just after it. False, and nothing is changed,
   * when the time is before the last one or no number, or the type unknown.
   */
  arrive(time: number, type: number): boolean {
    const known = Number.isInteger(type) && type >= 0 && type < this.#baseline.length;
    if (!known || !this.#fade(time)) return false;
    const excitement = this.#excitement;
    const from = type * excitement.length;
    for (let at = 0; at < excitement.length; at += 1) excitement[at]! += this.#jumps[from + at]!;
    this.#sum();
    return true;
  }

  /** Brings `rates` to `time` when nothing arrived since. False when the time is before the last one. */
  advance(time: number): boolean {
    if (!this.#fade(time)) return false;
    this.#sum();
    return true;
  }

  #fade(time: number): boolean {
    const elapsed = time - this.#time;
    if (!(elapsed >= 0 && elapsed < Infinity)) return false;
    const P = this.#decays.length;
    const excitement = this.#excitement;
    for (let p = 0; p < P; p += 1) {
      const fading = Math.exp(-this.#decays[p]! * elapsed);
      for (let at = p; at < excitement.length; at += P) excitement[at]! *= fading;
    }
    this.#time = time;
    return true;
  }

  #sum(): void {
    const P = this.#decays.length;
    for (let target = 0, at = 0; target < this.rates.length; target += 1) {
      let rate = this.#baseline[target]!;
      for (let p = 0; p < P; p += 1, at += 1) rate += this.#excitement[at]!;
      this.rates[target] = rate;
    }
  }
}
