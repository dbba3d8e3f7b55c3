import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus, xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";
import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";

import type { Randomness } from "../../kernel/ports/randomness.ts";

/**
 * Chance for simulations: the port, with jump-ahead. One seed names 2^64 sequences of 2^64 numbers
 * each, so that paths, workers and antithetic runs draw from sequences that cannot overlap.
 * Not for secrets.
 */
export interface ModelRandomness extends Randomness {
  /** Moves 2^64 numbers ahead, in constant time (128 steps of the generator). */
  jump(): void;
  /** A generator at the same place; the two draw the same numbers from here on. */
  clone(): ModelRandomness;
  /** Four 32-bit words; modelRandomnessFromState continues from here. */
  state(): readonly number[];
}

/**
 * xoroshiro128+ (Blackman and Vigna 2018) of pure-rand. `seed`: an integer from 0 to 2^53 - 1. The
 * library takes a seed as it is, and two near seeds then begin with alike numbers; here its words are
 * mixed first.
 */
export function modelRandomness(seed: number): ModelRandomness {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new RangeError(`a seed is an integer from 0 to 2^53 - 1, not ${seed}`);
  }
  let word = mix(mix(0x9e3779b9 ^ (seed >>> 0)) ^ Math.floor(seed / 2 ** 32));
  const state = Array.from({ length: 4 }, () => (word = mix(word)) | 0);
  return wrap(
    state.some((one) => one !== 0) ? xoroshiro128plusFromState(state) : xoroshiro128plus(seed),
  );
}

/** Continues from a state that `state()` gave. */
export function modelRandomnessFromState(state: readonly number[]): ModelRandomness {
  if (state.length !== 4 || !state.every(Number.isInteger) || state.every((one) => one === 0)) {
    throw new RangeError(`not a state of a generator: ${JSON.stringify(state).slice(0, 64)}`);
  }
  return wrap(xoroshiro128plusFromState(state));
}

/**
 * `count` generators 2^64 numbers apart, the first one at the seed itself: one for each path or
 * worker. O(count).
 */
export function independentStreams(seed: number, count: number): ModelRandomness[] {
  if (!Number.isSafeInteger(count) || count < 0) {
    throw new RangeError(`a number of streams is an integer of 0 or more, not ${count}`);
  }
  const ahead = modelRandomness(seed);
  return Array.from({ length: count }, () => {
    const here = ahead.clone();
    ahead.jump();
    return here;
  });
}

function wrap(generator: JumpableRandomGenerator): ModelRandomness {
  return {
    unit: () => uniformFloat64(generator),
    below: (bound) => {
      if (!Number.isInteger(bound) || bound < 1 || bound > 2 ** 32) {
        throw new RangeError(`a bound is an integer from 1 to 2^32, not ${bound}`);
      }
      return uniformInt(generator, 0, bound - 1);
    },
    jump: () => generator.jump(),
    clone: () => wrap(generator.clone()),
    state: () => generator.getState(),
  };
}

/** The mixing function of splitmix32: a bijection, so that no two words meet. */
function mix(value: number): number {
  let word = (value + 0x9e3779b9) | 0;
  word = Math.imul(word ^ (word >>> 16), 0x21f0aaad);
  word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
  return (word ^ (word >>> 15)) >>> 0;
}
