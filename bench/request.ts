import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BenchOptions } from "./bench.ts";

/** What one command line of bench/run.ts asks for. */
export interface Request<Bench> {
  readonly bench: Bench;
  readonly options: BenchOptions;
  /** Append the figures to the history. */
  readonly record: boolean;
}

const REPEATS = 5;
const MOST_REPEATS = 100;

/** What is asked for, or what is wrong with it. */
export function readRequest<Bench extends { readonly name: string }>(
  words: readonly string[],
  benches: readonly Bench[],
): Request<Bench> | string {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        repeats: { type: "string" },
        file: { type: "string" },
        record: { type: "boolean", default: false },
        quick: { type: "boolean", default: false },
      },
    });
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
  const { record, quick, file } = parsed.values;
  const [name, ...more] = parsed.positionals;
  const bench = benches.find((one) => one.name === name);
  if (bench === undefined) return `there is no bench ${name ?? "without a name"}`;
  if (more.length > 0) return `one bench at a time, not also ${more.join(" ")}`;
  const repeats = Number(parsed.values.repeats ?? (quick ? 1 : REPEATS));
  if (!Number.isInteger(repeats) || repeats < 1 || repeats > MOST_REPEATS) {
    return `--repeats takes a whole number from 1 to ${MOST_REPEATS}`;
  }
  if (record && quick) return "--quick measures nothing that is worth a --record";
  if (file !== undefined && bench.name !== "replay") return "--file is for replay";
  if (file !== undefined && !existsSync(file)) return `there is no file ${file}`;
  const options = { quick, repeats, file: file === undefined ? null : resolve(file) };
  return { bench, record, options };
}
