/**
 * What a model is held against: a number that somebody else printed, or that a slower and independent
 * computation gave. Every `*.oracles.ts` of this folder exports `oracles: readonly Oracle[]`;
 * `npm run models:oracles` writes them all, with the error reached, to ORACLES.md.
 */
export interface Oracle {
  /** The model's name as the index page has it: "Avellaneda-Stoikov, exact". */
  readonly model: string;
  /** The formula that the number exercises, in one line. */
  readonly formula: string;
  /** Paper and equation, or table, or the library whose output it is. */
  readonly source: string;
  /**
   * R: read in the source. C: computed independently of the code under test.
   * M: the source's number from memory, an unverified source value.
   */
  readonly provenance: "R" | "C" | "M";
  /** What is compared, with the parameters that set it apart: "bid distance, q = 5, gamma = 0.1". */
  readonly quantity: string;
  /**
   * A string is the number as printed: half a unit of its last digit is allowed, or a relative 1e-8
   * where that is more. A number is exact: a relative 1e-8 is allowed (1e-8 where it is 0).
   */
  readonly expected: string | number;
  /** Absolute error allowed, where the source says another one than the above. */
  readonly tolerance?: number;
  readonly compute: () => number;
}

/** What the numbers of one source have in common. */
export type OracleSource = Omit<Oracle, "quantity" | "expected" | "compute">;

/** One oracle for each entry of a vector (or of a matrix, row by row) that one call computes. */
export function vectorOracles(
  source: OracleSource,
  quantity: string,
  expected: readonly (string | number)[],
  compute: () => ArrayLike<number>,
): readonly Oracle[] {
  return expected.map((one, index) => ({
    ...source,
    quantity: `${quantity} [${index}]`,
    expected: one,
    compute: () => compute()[index] ?? Number.NaN,
  }));
}

/** Absolute error that an oracle allows. */
export function allowedError({ expected, tolerance }: Oracle): number {
  if (tolerance !== undefined) return tolerance;
  const value = Number(expected);
  const relative = RELATIVE_TOLERANCE * (value === 0 ? 1 : Math.abs(value));
  return typeof expected === "string"
    ? Math.max(halfUnitOfLastDigit(expected), relative)
    : relative;
}

/** |computed - expected|; NaN where the computation gave none. */
export function errorReached(oracle: Oracle): number {
  return Math.abs(oracle.compute() - Number(oracle.expected));
}

const RELATIVE_TOLERANCE = 1e-8;

/** "0.9809879667" -> 0.5e-10, "-2.0e-3" -> 0.5e-4, "65" -> 0.5. */
function halfUnitOfLastDigit(printed: string): number {
  const parts = /^[+-]?(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(printed.trim());
  if (parts === null || Number.isNaN(Number(printed)))
    throw new RangeError(`an oracle must be a decimal number, not "${printed}"`);
  const decimals = parts[2]?.length ?? 0;
  return 0.5 * 10 ** (Number(parts[3] ?? 0) - decimals);
}
