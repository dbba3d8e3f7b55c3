/**
 * The seed of a random test: $MERIDIAN_SEED when given, else the fixed one, so that a run repeats.
 * A failure must print it: `SEED=…`.
 */
export function seed(fixed: number): number {
  const given = process.env["MERIDIAN_SEED"];
  return given === undefined ? fixed : Number(given);
}
