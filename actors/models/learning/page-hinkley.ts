/**
 * Test of Page (Biometrika 41, 1954) in Hinkley's form for a rise of the mean, with the past forgotten:
 * mean_t updated by x_t, then m_t = lambda m_{t-1} + (x_t - mean_t - delta); an alarm when m_t rose above
 * its minimum by more than the threshold. Form and parameters of the river library.
 */
import { ok } from "../../kernel/result.ts";
import {
  firstFailure,
  integerWithin,
  type ModelResult,
  notNegative,
  positive,
  refused,
  within,
} from "../numerics/failure.ts";

export interface PageHinkleyOptions {
  /** Values before the first alarm; 30 by default. */
  readonly least?: number;
  /** Rise of the mean that is let pass, in the unit of the values; 0.005 by default. */
  readonly delta?: number;
  /** In the unit of the values; 50 by default. */
  readonly threshold?: number;
  /** lambda in [0, 1]; 0.9999 by default. */
  readonly forgetting?: number;
}

/** Failure codes: not_finite, out_of_range. */
export function pageHinkley(options: PageHinkleyOptions = {}): ModelResult<PageHinkley> {
  const { least = 30, delta = 0.005, threshold = 50, forgetting = 0.9999 } = options;
  const wrong = firstFailure(
    integerWithin("least", least, 1, 2 ** 31),
    notNegative("delta", delta),
    positive("threshold", threshold),
    within("forgetting", forgetting, 0, 1),
  );
  return wrong === null
    ? ok(new PageHinkley({ least, delta, threshold, forgetting }))
    : refused(wrong);
}

/** Made by pageHinkley. An update is O(1) and allocates nothing. */
export class PageHinkley {
  readonly #options: Required<PageHinkleyOptions>;
  #count = 0;
  #mean = 0;
  #sum = 0;
  #least = Number.POSITIVE_INFINITY;

  constructor(options: Required<PageHinkleyOptions>) {
    this.#options = options;
  }

  /** Takes a value; true at an alarm, after which it starts anew. A value that is not finite: false. */
  update(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const { least, delta, threshold, forgetting } = this.#options;
    this.#count += 1;
    this.#mean += (value - this.#mean) / this.#count;
    this.#sum = forgetting * this.#sum + (value - this.#mean - delta);
    this.#least = Math.min(this.#least, this.#sum);
    if (this.#count < least || this.#sum - this.#least <= threshold) return false;
    this.#count = 0;
    this.#mean = 0;
    this.#sum = 0;
    this.#least = Number.POSITIVE_INFINITY;
    return true;
  }
}
