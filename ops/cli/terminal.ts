import Table from "cli-table3";
import type { Command } from "commander";
import colors from "picocolors";

import { hideProgress } from "./progress.ts";

export { type OutputFormat, outputOption, quietOption } from "./output.ts";

/** Options of every command that talks to a cluster. */
export function withClusterOptions(command: Command): Command {
  return command
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .option("--as <user>", "user to act as (default: the one of `meridian login`, else observer)")
    .option(
      "--residency-of <region>",
      "go only through regions that may keep what originates there",
    );
}

export interface ClusterOptions {
  readonly data?: string;
  readonly as?: string;
  readonly residencyOf?: string;
}

export const print = (text: string): void => {
  hideProgress();
  process.stdout.write(`${text}\n`);
};
export const printJson = (value: unknown): void => {
  print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : 0));
};

/** A plain table without frame lines: readable, and easy to cut by column in a pipe. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const view = new Table({
    head: head.map((title) => colors.bold(title)),
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      "left-mid": "",
      mid: "",
      "mid-mid": "",
      right: "",
      "right-mid": "",
      middle: "  ",
    },
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
  });
  for (const row of rows) view.push([...row]);
  return view
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

/** Two columns: name and value. */
export const facts = (rows: readonly (readonly [string, string])[]): string => {
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${colors.bold(name.padEnd(width))}  ${value}`).join("\n");
};
