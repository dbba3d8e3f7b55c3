import type { Randomness } from "./ports/randomness.ts";

/** Reproducible chance: the same seed gives the same numbers on every machine. Not for secrets. */
export interface SeededRandomness extends Randomness {
  /** 32 hexadecimal digits; randomnessFromState continues from here. */
  state(): string;
  /**
   * An independent generator for a named part. It depends on this one's seed and the name alone, not
   * on how many numbers were drawn, so that parts do not disturb each other's numbers.
   */
  fork(name: string): SeededRandomness;
}

/** xoshiro128** 1.1 (Blackman and Vigna, 2018), seeded through splitmix32. `seed`: 0 … 2^53 - 1. */
export function seededRandomness(seed: number): SeededRandomness {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`a seed is an integer from 0 to 2^53 - 1, not ${seed}`);
  }
  return generator(spread([seed >>> 0, Math.floor(seed / 2 ** 32)]));
}

/** Continues from a printed state. Throws on text that is not 32 hexadecimal digits, or all zero. */
export function randomnessFromState(state: string): SeededRandomness {
  if (!/^[0-9a-f]{32}$/.test(state) || /^0+$/.test(state)) {
    throw new RangeError(`not a randomness state: ${JSON.stringify(state.slice(0, 64))}`);
  }
  return generator([0, 8, 16, 24].map((at) => Number.parseInt(state.slice(at, at + 8), 16)));
}

function generator(start: readonly number[]): SeededRandomness {
  let [a, b, c, d] = start as [number, number, number, number];

  function next(): number {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  }

  function below(bound: number): number {
    if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
      throw new RangeError(`a bound is an integer from 1 to 2^32, not ${bound}`);
    }
    // The last incomplete run of `bound` numbers is drawn again: without this small numbers would
    // come a little more often.
    const fair = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const drawn = next();
      if (drawn < fair) return drawn % bound;
    }
  }

  return {
    below,
    unit: () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53,
    state: () => [a, b, c, d].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join(""),
    fork: (name) => generator(spread([...start, ...Buffer.from(name, "utf8")])),
  };
}

/** Four well mixed words from any number of words, never all zero. */
function spread(words: readonly number[]): readonly number[] {
  let mixed = 0x9e3779b9;
  for (const word of words) mixed = splitmix(mixed ^ word);
  const state = [1, 2, 3, 4].map((step) => splitmix(mixed + Math.imul(step, 0x9e3779b9)));
  return state.some((word) => word !== 0) ? state : [1, 2, 3, 4];
}

/** The mixing function of splitmix32. */
function splitmix(value: number): number {
  let word = (value + 0x9e3779b9) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return (word ^ (word >>> 15)) >>> 0;
}

const rotate = (word: number, by: number): number => ((word << by) | (word >>> (32 - by))) >>> 0;
