import * as assert from "uvu/assert";

import { modelRandomness, type ModelRandomness } from "../../actors/models/random/generator.ts";

const edges = [
  0,
  -0,
  1,
  -1,
  2,
  10,
  100,
  0.99,
  5e-324,
  1e-300,
  1e-16,
  1 - 1e-16,
  1e16,
  1e300,
  -1e300,
  1.7e308,
  Number.NaN,
  Infinity,
  -Infinity,
] as const;

/** Ordinary numbers with edges of the doubles among them. */
export class Draw {
  readonly random: ModelRandomness;

  constructor(start: number) {
    this.random = modelRandomness(start);
  }

  below(bound: number): number {
    return this.random.below(bound);
  }

  /** One in three is an edge. */
  number(): number {
    return this.below(3) === 0 ? edges[this.below(edges.length)]! : 4 * this.random.unit();
  }

  /** The usual value, or one in three any number. */
  mostly(usual: number): number {
    return this.below(3) === 0 ? this.number() : usual;
  }

  numbers(length = this.below(6)): Float64Array {
    return Float64Array.from({ length }, () => this.number());
  }

  /** Positive, but for one in eight. */
  positives(length: number, scale = 1): Float64Array {
    return Float64Array.from({ length }, () =>
      this.below(8) === 0 ? this.number() : scale * (this.random.unit() + 0.1),
    );
  }

  /** A moving series: half of them ordinary, else with an edge or two, or of an edge's scale. */
  series(length: number): Float64Array {
    const out = Float64Array.from({ length }, () => 2 * this.random.unit() - 1);
    const kind = this.below(8);
    if (kind === 0) return out.map((one) => one * edges[this.below(edges.length)]!);
    if (kind === 1) return out.fill(this.number());
    for (let k = 0; k < kind - 5; k += 1) out[this.below(length)] = this.number();
    return out;
  }

  /** Positive definite, of any scale, or with one entry replaced. */
  covariance(n: number): Float64Array {
    const factor = Float64Array.from({ length: n * n }, () => this.random.unit() - 0.4);
    const scale = this.below(6) === 0 ? Math.abs(this.number()) : 1;
    const covariance = new Float64Array(n * n);
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) {
        let sum = i === j ? 0.01 : 0;
        for (let k = 0; k < n; k += 1) sum += factor[i * n + k]! * factor[j * n + k]!;
        covariance[i * n + j] = scale * sum;
      }
    }
    if (this.below(8) === 0) covariance[this.below(n * n)] = this.number();
    return covariance;
  }
}

export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly failure: { readonly code: string; readonly next: string } };
export type Trial = readonly [name: string, run: () => Answer];

function hasNoNumber(value: unknown): boolean {
  if (typeof value === "number") return !Number.isFinite(value);
  if (value instanceof Float64Array) return !value.every(Number.isFinite);
  if (value === null || typeof value !== "object") return false;
  return Object.values(value).some(hasNoNumber);
}

/**
 * Each trial of each domain must answer numbers or refuse by name, never throw, and do both more than
 * five times over the rounds.
 */
export function checkTrials(
  domains: readonly ((draw: Draw) => readonly Trial[])[],
  rounds: number,
  start: number,
): void {
  const draw = new Draw(start);
  const answered = new Map<string, { answers: number; refusals: number }>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of domains.flatMap((domain) => domain(draw))) {
      const seen = answered.get(name) ?? { answers: 0, refusals: 0 };
      answered.set(name, seen);
      const at = `${name} in round ${round} SEED=${start}`;
      let answer: Answer;
      try {
        answer = run();
      } catch (cause) {
        throw new Error(at, { cause });
      }
      if (answer.ok) {
        seen.answers += 1;
        assert.not.ok(hasNoNumber(answer.value), at);
      } else {
        seen.refusals += 1;
        assert.ok(answer.failure.code.length > 0 && answer.failure.next.length > 0, at);
      }
    }
  }
  for (const [name, { answers, refusals }] of answered) {
    assert.ok(answers > 5 && refusals > 5, `${name}: ${answers} answers, ${refusals} refusals`);
  }
}
