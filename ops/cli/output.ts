import { Option } from "commander";

import { type Result, refuse } from "../../actors/kernel/result.ts";
import { hideProgress } from "./progress.ts";

/**
 * The forms in which a command tells what it found. All have the same fields: `table` for people, `json`
 * one value, `jsonl` a line for each row, `csv` (RFC 4180) a line for each row below their names.
 */
export const outputFormats = ["table", "json", "jsonl", "csv"] as const;
export type OutputFormat = (typeof outputFormats)[number];

/** -o table|json|jsonl|csv, the same on every command that prints data. */
export const outputOption = (): Option =>
  new Option("-o, --output <format>", "how to print").choices(outputFormats).default("table");

/** -q, the same on every command that lists or makes something with a name. */
export const quietOption = (what = "names"): Option =>
  new Option("-q, --quiet", `print ${what} only`);

export interface OutputOptions {
  readonly output: OutputFormat;
  readonly quiet?: boolean;
}

/** -q of commands that take long. */
export const calmOption = (): Option => new Option("-q, --quiet", "show no progress");

/** What a command has to tell. */
export interface Told {
  /** All of it. */
  readonly value: unknown;
  /** Its rows; absent: it is one row itself. */
  readonly rows?: readonly object[];
  /** For -q: one a line. */
  readonly ids?: readonly string[];
}

const write = (text: string): void => {
  hideProgress();
  process.stdout.write(text);
};

/** Prints in the form that was asked for; false: that is a table, which the command makes itself. */
export function printed(options: OutputOptions, told: Told): boolean {
  if (options.quiet === true && told.ids !== undefined) {
    for (const id of told.ids) write(`${id}\n`);
    return true;
  }
  const rows = told.rows ?? [told.value as object];
  switch (options.output) {
    case "table":
      return false;
    case "json":
      write(`${JSON.stringify(told.value, null, process.stdout.isTTY ? 2 : 0)}\n`);
      return true;
    case "jsonl":
      for (const row of rows) write(`${JSON.stringify(row)}\n`);
      return true;
    case "csv":
      write(csv(rows));
      return true;
    default:
      return options.output satisfies never;
  }
}

/** Fields of inner objects become columns `outer.inner`; lists are JSON. */
export function csv(rows: readonly object[]): string {
  const flat = rows.map((row) => flatten(row));
  const names = [...new Set(flat.flatMap((row) => [...row.keys()]))];
  const lines = flat.map((row) => names.map((name) => quoted(row.get(name) ?? "")).join(","));
  return `${[names.map(quoted).join(","), ...lines].join("\r\n")}\r\n`;
}

function flatten(value: object, prefix = ""): ReadonlyMap<string, string> {
  const cells = new Map<string, string>();
  for (const [name, inner] of Object.entries(value) as [string, unknown][]) {
    const column = `${prefix}${name}`;
    if (inner === null || inner === undefined) cells.set(column, "");
    else if (typeof inner === "string") cells.set(column, inner);
    else if (typeof inner !== "object" || Array.isArray(inner)) {
      cells.set(column, JSON.stringify(inner));
    } else for (const [below, cell] of flatten(inner, `${column}.`)) cells.set(below, cell);
  }
  return cells;
}

const quoted = (cell: string): string =>
  /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

/** Rows as they come, for commands that go on: jsonl and json alike are a line each. Null: a table. */
export function rowPrinter(options: OutputOptions): ((row: object) => void) | null {
  if (options.output === "table") return null;
  if (options.output !== "csv") return (row) => write(`${JSON.stringify(row)}\n`);
  let names: readonly string[] | null = null;
  return (row) => {
    const cells = flatten(row);
    if (names === null) {
      names = [...cells.keys()];
      write(`${names.map(quoted).join(",")}\r\n`);
    }
    write(`${names.map((name) => quoted(cells.get(name) ?? "")).join(",")}\r\n`);
  };
}

/** A whole number of an option. Failure code: usage. */
export function wholeOption(text: string, name: string, most: number): Result<number> {
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= 1 && value <= most) return { ok: true, value };
  return refuse("usage", `--${name} ${text} is no whole number`, `1 to ${most}`);
}
