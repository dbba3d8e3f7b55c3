import { resolve } from "node:path";

import { type Command, InvalidArgumentError } from "commander";

import { ok, type Result } from "../../../actors/kernel/result.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { dataFolder } from "../data-folder.ts";
import { type Divergence, findDivergences } from "../divergences.ts";
import { calmOption, type OutputFormat, outputOption, printed, rowPrinter } from "../output.ts";
import { during } from "../progress.ts";
import { facts, print, table } from "../terminal.ts";
import { askTool, type Row } from "../tool.ts";

type JournalOptions = { readonly output: OutputFormat };
type DumpOptions = JournalOptions & {
  readonly from: number;
  readonly to?: number;
  readonly limit: number;
};
type RestoreOptions = JournalOptions & { readonly to: string; readonly into: string };

interface VerifyReport {
  readonly folder: string;
  readonly engine: string;
  readonly records: number;
  readonly epoch: number;
  readonly time: string;
  readonly digest: string;
  readonly openOrders: number;
  readonly tornBytes: number;
  readonly tornFile: string;
  readonly snapshots: readonly {
    readonly sequence: number;
    readonly verdict: "good" | "bad";
    readonly digest: string;
    readonly reason: string;
  }[];
  readonly chain: {
    readonly blocks: number;
    readonly fences: number;
    readonly first: number;
    readonly last: number;
    readonly hash: string;
    readonly fault: string | null;
  };
  readonly perSecond: number;
}

interface RestoreReport {
  readonly sequence: number;
  readonly time: string;
  readonly digest: string;
  readonly openOrders: number;
  readonly logId: string;
  readonly into: string;
}

/** `meridian journal …`: the write-ahead log of a market, offline. */
export function register(program: Command): void {
  const journal = program
    .command("journal")
    .description("check, print and roll back the write-ahead log of a market that is not open");

  journal
    .command("verify")
    .description(
      "check every record, seal and snapshot, replay all of it and say the state's digest",
    )
    .argument("<folder>", "of the log: it holds segment-….log files")
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nA torn tail is what a crash leaves of its last write: it is reported, and no fault. Damage, a\nblock whose hash is not that of its records, or a snapshot that does not fit the log, ends with exit code 1.\nWho can write the folder can change records and seals alike: the chain hash is to be compared with the\njournal stream's, which servers of other regions hold.",
    )
    .action((folder: string, options: JournalOptions) => perform(() => verify(folder, options)));

  journal
    .command("dump")
    .description("print records")
    .argument("<folder>")
    .option("--from <sequence>", "first record", sequence, 1)
    .option("--to <sequence>", "last record", sequence)
    .option("--limit <count>", "rows of the table at most", sequence, 100)
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      "\nWith -o json, jsonl or csv every record is one line with every field, without a limit.",
    )
    .action((folder: string, options: DumpOptions) => perform(() => dump(folder, options)));

  journal
    .command("restore")
    .description("make a log of its own that ends at an earlier record or time")
    .argument("<folder>")
    .requiredOption("--to <sequence|time>", "last record, or a time like 2026-01-31T12:00:00Z")
    .requiredOption("--into <folder>", "where the new log goes; does not exist yet")
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      `
The given log stays as it is. The new one has an id of its own: a market takes it only as another
disk, so that nothing that was acknowledged after the record is forgotten unasked.

Examples:
  npx meridian journal restore .meridian/cells/eu-central/markets/BTC-EUR/log --to 4711 --into /tmp/then
  npx meridian journal restore LOG --to 2026-01-31T12:00:00Z --into then -o json`,
    )
    .action((folder: string, options: RestoreOptions) => perform(() => restore(folder, options)));

  journal
    .command("divergences")
    .description("list records that were acknowledged by a cell and cut off by the accepted chain")
    .argument("[folder]", "data folder of a cluster or a cell (default: the cluster's)")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
A cell that comes back after others took its markets sets such records aside: they never happened for
anybody else, and what they acknowledged (durable, or matched) has to be settled with the clients by people.
Each row names the folder of the log; journal dump FOLDER/log --from FIRST prints its orders.

Examples:
  npx meridian journal divergences
  npx meridian journal divergences /srv/meridian/cells/eu-central -o json`,
    )
    .action((folder: string | undefined, options: JournalOptions) =>
      perform(() => Promise.resolve(divergences(folder, options))),
    );
}

function divergences(given: string | undefined, options: JournalOptions): Result<ExitCode> {
  const folder = given === undefined ? dataFolder(undefined).value : resolve(given);
  const found = findDivergences(folder);
  if (!found.ok) return found;
  const rows = found.value;
  if (!printed(options, { value: { divergences: rows }, rows })) {
    print(rows.length === 0 ? `no log under ${folder} was cut off` : divergenceTable(rows));
  }
  return ok(exitCodes.ok);
}

const divergenceTable = (found: readonly Divergence[]): string =>
  table(
    ["TIME", "MARKET", "FIRST", "RECORDS", "ACCEPTED", "REASON", "FOLDER"],
    found.map(({ time, market, first, records, accepted, reason, folder }) => [
      time,
      market,
      `${first}`,
      `${records}`,
      `${accepted.lastSequence} (epoch ${accepted.epoch})`,
      reason,
      folder,
    ]),
  );

async function verify(folder: string, options: JournalOptions): Promise<Result<ExitCode>> {
  const report = await ask<VerifyReport>(["verify", resolve(folder)]);
  if (!report.ok) return report;
  const found = report.value;
  const bad = found.snapshots.filter(({ verdict }) => verdict === "bad");
  if (!printed(options, { value: found })) {
    print(
      facts([
        ["log", found.folder],
        ["records", `${found.records}`],
        ["last epoch", `${found.epoch}`],
        ["last time", found.records === 0 ? "-" : found.time],
        ["open orders", `${found.openOrders}`],
        ["digest", found.digest],
        [
          "torn tail",
          found.tornBytes === 0 ? "none" : `${found.tornBytes} bytes in ${found.tornFile}`,
        ],
        ["sealed", sealedText(found)],
        ["chain hash", found.chain.hash === "" ? "-" : found.chain.hash],
        ["chain", found.chain.fault ?? "every hash is that of the records"],
        ["replayed", `${found.perSecond.toLocaleString("en")} records/s, ${found.engine} engine`],
      ]),
    );
    if (found.snapshots.length > 0) {
      const rows = found.snapshots.map((one) => [
        `${one.sequence}`,
        one.verdict,
        one.digest,
        one.reason,
      ]);
      print(`\n${table(["SNAPSHOT", "VERDICT", "DIGEST", "REASON"], rows)}`);
    }
  }
  const isGood = bad.length === 0 && found.chain.fault === null;
  return ok(isGood ? exitCodes.ok : exitCodes.failed);
}

function sealedText({ chain, records }: VerifyReport): string {
  if (chain.last < chain.first) return `nothing of ${records} records`;
  const tail = records - chain.last;
  return `records ${chain.first} to ${chain.last} in ${chain.blocks} blocks, ${tail} behind them are not`;
}

async function dump(folder: string, options: DumpOptions): Promise<Result<ExitCode>> {
  const printRow = rowPrinter(options);
  const last =
    printRow !== null
      ? options.to
      : Math.min(options.to ?? 2 ** 53, options.from + options.limit - 1);
  const rows: string[][] = [];
  const result = await ask<{ readonly rows: number }>(
    [
      "dump",
      resolve(folder),
      `--from=${options.from}`,
      ...(last === undefined ? [] : [`--to=${last}`]),
    ],
    (row) => {
      if (printRow !== null) printRow(row);
      else rows.push(tableRow(row));
    },
  );
  if (!result.ok) return result;
  if (printRow === null)
    print(table(["SEQUENCE", "EPOCH", "TIME", "KIND", "ACCOUNT", "DETAIL"], rows));
  return ok(exitCodes.ok);
}

async function restore(folder: string, options: RestoreOptions): Promise<Result<ExitCode>> {
  const into = resolve(options.into);
  const report = await ask<RestoreReport>([
    "restore",
    resolve(folder),
    `--to=${options.to}`,
    `--into=${into}`,
  ]);
  if (!report.ok) return report;
  const made = report.value;
  if (!printed(options, { value: made })) {
    print(
      facts([
        ["new log", made.into],
        ["id", made.logId],
        ["last record", `${made.sequence}`],
        ["last time", made.time],
        ["open orders", `${made.openOrders}`],
        ["digest", made.digest],
      ]),
    );
  }
  return ok(exitCodes.ok);
}

const headers = new Set(["sequence", "epoch", "time", "kind", "account", "tag"]);

function tableRow(row: Row): string[] {
  const detail = Object.entries(row)
    .filter(([name, value]) => !headers.has(name) && value !== 0 && value !== "")
    .map(([name, value]) => `${name}=${String(value)}`);
  const cells = ["sequence", "epoch", "time", "kind", "account"].map((name) => String(row[name]));
  return [...cells, detail.join(" ")];
}

const ask = <T>(given: readonly string[], onRow?: (row: Row) => void): Promise<Result<T>> =>
  during(`journal ${given[0]}`, (line) =>
    askTool<T>("journal-tool", given, (row) => {
      if (typeof row["phase"] === "string") line.step(row["phase"]);
      else onRow?.(row);
    }),
  );

function sequence(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("a whole number is wanted.");
  return Number(text);
}
