import { type Command, Option } from "commander";

import { type Failure, ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { auditKinds, auditSubject } from "../../../schemas/subjects.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import {
  type OutputOptions,
  outputOption,
  printed,
  quietOption,
  rowPrinter,
  wholeOption,
} from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";
import { askAudit, type AuditRow, auditRow } from "../views.ts";
import { duration } from "./status.ts";

type AuditOptions = ClusterOptions &
  OutputOptions & {
    readonly region?: string;
    readonly user: string;
    readonly target: string;
    readonly kind: string;
    readonly act: string;
    readonly id: string;
    readonly limit: string;
    readonly follow?: boolean;
  };

const mostEntries = 20_000;

const help = `
Each command of a person is in the trail: operations, control of actors, risk limits, failovers. USER is
whose connection asked; a command that was sent for somebody else says so in --output json.

Examples:
  npx meridian audit
  npx meridian audit --user operator --kind risk --limit 20
  npx meridian audit --target BTC-EUR -o csv > trail.csv
  npx meridian audit --follow -o jsonl`;

/** `meridian audit`: who told the exchange to do what, and what came of it. */
export function register(program: Command): void {
  withClusterOptions(program.command("audit"))
    .description("show who told the exchange to do what, newest first")
    .option("--region <region>", "only this region")
    .option("--user <user>", "only commands of this user", "")
    .option("--target <text>", "only what this is a part of: a market, an actor, a limit", "")
    .addOption(
      new Option("--kind <kind>", "only these commands").choices([...auditKinds]).default(""),
    )
    .option("--act <action>", "only this action, like market-halt", "")
    .option("--id <id>", "only this entry", "")
    .option("--limit <entries>", "at most", "50")
    .option("-f, --follow", "go on with what comes, until Ctrl-C")
    .addOption(quietOption("ids of entries"))
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((options: AuditOptions) =>
      perform(() => withCluster(options, (cluster) => show(cluster, options))),
    );
}

async function show(cluster: Cluster, options: AuditOptions): Promise<Result<ExitCode>> {
  const { region } = options;
  if (region !== undefined && !cluster.regions.includes(region)) {
    const known = `one of: ${cluster.regions.join(", ")}`;
    return refuse("usage", `the cluster has no region ${region}`, known);
  }
  const limit = wholeOption(options.limit, "limit", mostEntries);
  if (!limit.ok) return limit;
  const regions = region === undefined ? cluster.regions : [region];
  if (options.follow === true) return follow(cluster, regions, options);
  const answers = await Promise.all(
    regions.map((name) => entriesOf(cluster, name, options, limit.value)),
  );
  const entries = answers
    .flatMap((answer) => (answer.ok ? answer.value : []))
    .sort((one, other) => (one.at < other.at ? 1 : -1))
    .slice(0, limit.value);
  const silent = answers.flatMap((answer, index): (Failure & { readonly region: string })[] =>
    answer.ok ? [] : [{ region: regions[index] ?? "", ...answer.failure }],
  );
  const ids = entries.map(({ id }) => id);
  if (!printed(options, { value: { entries, silent }, rows: entries, ids })) {
    print(auditTable(entries));
    for (const failure of silent) print(`${failure.region}: ${failure.reason}`);
  }
  return ok(silent.length === regions.length ? exitCodes.failed : exitCodes.ok);
}

async function entriesOf(
  cluster: Cluster,
  region: string,
  options: AuditOptions,
  limit: number,
): Promise<Result<readonly AuditRow[]>> {
  const { user, target, kind, act: action, id } = options;
  const entries: AuditRow[] = [];
  let before = 0;
  do {
    const request = { user, target, kind, action, id, before, limit: limit - entries.length };
    const window = await askAudit(cluster, region, request);
    if (!window.ok) return window;
    entries.push(...window.value.entries);
    before = window.value.next;
  } while (before > 0 && entries.length < limit);
  return ok(entries);
}

/** Ends with Ctrl-C. */
async function follow(
  cluster: Cluster,
  regions: readonly string[],
  options: AuditOptions,
): Promise<Result<ExitCode>> {
  const rows = rowPrinter(options);
  const tell = (entry: AuditRow): void => {
    if (!matches(entry, options)) return;
    if (options.quiet === true) print(entry.id);
    else if (rows !== null) rows(entry);
    else print(lineOf(entry));
  };
  const subjects = regions.flatMap((region) =>
    auditKinds.map((kind) => auditSubject(region, kind)),
  );
  await Promise.all(
    subjects.map(async (subject) => {
      for await (const payload of cluster.listen(subject)) {
        tell(auditRow(wire.audit.v1.AuditEntry.decode(payload)));
      }
    }),
  );
  return ok(exitCodes.ok);
}

const matches = (entry: AuditRow, { user, target, kind, act }: AuditOptions): boolean =>
  (user === "" || entry.user === user || entry.requestedBy === user) &&
  entry.target.includes(target) &&
  (kind === "" || entry.kind === kind) &&
  (act === "" || entry.action === act);

const cells = (entry: AuditRow): readonly string[] => [
  entry.at,
  entry.region,
  entry.user || entry.requestedBy,
  entry.kind,
  entry.action,
  entry.target,
  entry.outcome,
  duration(entry.tookUs * 1_000),
  entry.id,
];

const lineOf = (entry: AuditRow): string => cells(entry).join("  ");

const auditTable = (entries: readonly AuditRow[]): string =>
  table(
    ["TIME", "REGION", "USER", "KIND", "ACTION", "TARGET", "OUTCOME", "TOOK", "ID"],
    entries.map(cells),
  );
