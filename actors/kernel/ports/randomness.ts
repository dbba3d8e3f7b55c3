/** Chance enters only through this port, seeded, so that a run can be replayed. */
export interface Randomness {
  /** Uniform integer in [0, bound), bound <= 2^32. */
  below(bound: number): number;
  /** Uniform double in [0, 1). */
  unit(): number;
}
