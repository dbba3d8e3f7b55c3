/** What the benches have in common: how they are asked, and what they give back. */

export interface BenchOptions {
  /** A tiny form that checks counts and hashes in seconds; its times mean nothing. */
  readonly quick: boolean;
  /** How often the measured part is repeated, >= 1. */
  readonly repeats: number;
  /** A recorded session for `replay`; null: a generated one. */
  readonly file: string | null;
}

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** One a repeat, in order. */
  readonly values: readonly number[];
  /** Stated in the requirements; no bench fails for missing it, because the machine is shared. */
  readonly goal?: number;
}

export interface Report {
  /** What was run, and what was compared before any figure counts. */
  readonly workload: readonly string[];
  readonly figures: readonly Figure[];
  /** What explains the figures. */
  readonly notes: readonly string[];
}

/** Throws BenchVoid when what was done is not what should have been: there is no figure then. */
export type RunBench = (options: BenchOptions) => Promise<Report>;

/** A count or hash differs, or something needed is missing: an expected failure with a reason. */
export class BenchVoid extends Error {}

/** Values of each repeat under one name. */
export function figure(
  name: string,
  unit: string,
  better: Figure["better"],
  values: readonly number[],
  goal?: number,
): Figure {
  return { name, unit, better, values, ...(goal === undefined ? {} : { goal }) };
}

/** The middle value, the mean of both middle ones for an even count; `values` is not empty. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

export function best({ better, values }: Figure): number {
  return better === "lower" ? Math.min(...values) : Math.max(...values);
}

export function worst({ better, values }: Figure): number {
  return better === "lower" ? Math.max(...values) : Math.min(...values);
}

/** The value that `share` (0 … 1) of the samples do not exceed; `sorted` rises and is not empty. */
export function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Whole numbers from 100 on, else three digits. */
export function shown(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en-US")
    : String(Number(value.toPrecision(3)));
}
