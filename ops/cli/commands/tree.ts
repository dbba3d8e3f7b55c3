import type { Command } from "commander";

import { type Failure, ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { type OutputOptions, outputOption, printed, quietOption, wholeOption } from "../output.ts";
import { type ClusterOptions, facts, print, table, withClusterOptions } from "../terminal.ts";
import { askNode, askTree, type CountsView, type NodeAccountView, type NodeRow } from "../views.ts";

type TreeOptions = ClusterOptions &
  OutputOptions & {
    readonly filter: string;
    readonly branch: string;
    readonly cell: string;
    readonly sort: string;
    readonly limit: string;
    readonly node?: string;
  };

const rowsPerWindow = 200;
const mostRows = 100_000;

const help = `
A filter is words that must all hold: /failed /restarting /stopped /running, restarts>N (in the last ten
minutes), mailbox>N, type:T, state:S, or any part of the path. --sort takes path, restarts, mailbox or
state, with - before it for the highest first.

Examples:
  npx meridian tree
  npx meridian tree eu-central --filter "type:market"
  npx meridian tree --filter "/failed" -q
  npx meridian tree --sort=-restarts --limit 20 -o jsonl
  npx meridian tree eu-central --node /eu-central/markets/BTC-EUR`;

/** `meridian tree`: the supervision trees of the cells of one region or all. */
export function register(program: Command): void {
  withClusterOptions(program.command("tree"))
    .description("show the supervision tree, or one node of it with why it was restarted")
    .argument("[region]", "only this region")
    .option("--filter <words>", "only rows that match", "")
    .option("--branch <path>", "only below this node", "")
    .option("--cell <name>", "only this cell", "")
    .option("--sort <key>", "order of the rows (default: that of the tree)", "")
    .option("--limit <rows>", "rows of each region at most", "1000")
    .option("--node <path>", "this node alone: specification, machine, restarts and their causes")
    .addOption(quietOption("paths"))
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((region: string | undefined, options: TreeOptions) =>
      perform(() => withCluster(options, (cluster) => show(cluster, region, options))),
    );
}

async function show(
  cluster: Cluster,
  region: string | undefined,
  options: TreeOptions,
): Promise<Result<ExitCode>> {
  if (region !== undefined && !cluster.regions.includes(region)) {
    const known = `one of: ${cluster.regions.join(", ")}`;
    return refuse("usage", `the cluster has no region ${region}`, known);
  }
  const limit = wholeOption(options.limit, "limit", mostRows);
  if (!limit.ok) return limit;
  const asked = region === undefined ? cluster.regions : [region];
  if (options.node !== undefined) return showNode(cluster, asked, options.node, options);
  const answers = await Promise.all(
    asked.map((name) => windows(cluster, name, options, limit.value)),
  );
  const nodes = answers.flatMap((answer) => (answer.ok ? answer.value.rows : []));
  const totals = answers.flatMap((answer, index) =>
    answer.ok
      ? [{ region: asked[index] ?? "", rows: answer.value.total, ...answer.value.totals }]
      : [],
  );
  const silent = answers.flatMap((answer, index): Silent[] =>
    answer.ok
      ? answer.value.silent.map((one) => ({ region: asked[index] ?? "", ...one }))
      : [{ region: asked[index] ?? "", ...answer.failure }],
  );
  const fault = answers.find((answer) => !answer.ok && answer.failure.code === "malformed");
  if (fault !== undefined && !fault.ok) return usage(fault.failure);
  const ids = nodes.map(({ path }) => path);
  if (!printed(options, { value: { nodes, totals, silent }, rows: nodes, ids })) {
    print(treeTable(nodes, options.filter !== "" || options.sort !== ""));
    for (const one of totals) print(totalLine(one, nodes));
    for (const failure of silent) print(`${failure.region}: ${failure.reason}`);
  }
  return ok(answers.every((answer) => !answer.ok) ? exitCodes.failed : exitCodes.ok);
}

type Silent = Failure & { readonly region: string };

const usage = (failure: Failure): Result<never> => refuse("usage", failure.reason, failure.next);

interface Gathered {
  readonly rows: readonly NodeRow[];
  readonly total: number;
  readonly totals: CountsView;
  readonly silent: readonly Failure[];
}

/** Window after window, until there are as many rows as wanted. */
async function windows(
  cluster: Cluster,
  region: string,
  options: TreeOptions,
  limit: number,
): Promise<Result<Gathered>> {
  const { filter, branch, cell, sort } = options;
  const rows: NodeRow[] = [];
  for (;;) {
    const request = { filter, branch, cell, sort, offset: rows.length };
    const room = Math.min(rowsPerWindow, limit - rows.length);
    const window = await askTree(cluster, region, { ...request, limit: room });
    if (!window.ok) return window;
    rows.push(...window.value.rows);
    const { total, totals, cells } = window.value;
    if (rows.length < Math.min(limit, total) && window.value.rows.length > 0) continue;
    const silent = cells
      .filter((one) => one.silent !== "")
      .map((one) => ({
        code: "timeout",
        reason: `cell ${one.cell} does not answer: ${one.silent}`,
        next: "npx meridian status",
      }));
    return ok({ rows, total, totals, silent });
  }
}

/** A shape for each condition, so that colour is never the only sign. */
export const signs: Readonly<Record<string, string>> = {
  running: "●",
  restarting: "▲",
  failed: "■",
  stopping: "◆",
  stopped: "◌",
};

function treeTable(nodes: readonly NodeRow[], flat: boolean): string {
  return table(
    ["ACTOR", "TYPE", "STATE", "RESTARTS", "10 MIN", "MAILBOX", "BELOW", "CELL", "LAST FAILURE"],
    nodes.map((node) => {
      const steps = node.path.split("/").filter((step) => step !== "");
      const indent = "  ".repeat(Math.max(0, steps.length - 1));
      const name = flat ? node.path : `${indent}${steps.at(-1) ?? node.region}`;
      return [
        `${signs[node.condition] ?? " "} ${name}`,
        node.type,
        node.state,
        String(node.restarts),
        String(node.recentRestarts),
        String(node.mailbox),
        node.children === 0 ? "" : belowText(node.below),
        node.cell,
        node.lastFailure,
      ];
    }),
  );
}

export function belowText({ nodes, failed, restarting }: CountsView): string {
  const parts = [String(nodes)];
  if (failed > 0) parts.push(`${failed} failed`);
  if (restarting > 0) parts.push(`${restarting} restarting`);
  return parts.join(", ");
}

function totalLine(
  total: CountsView & { readonly region: string; readonly rows: number },
  nodes: readonly NodeRow[],
): string {
  const shown = nodes.filter(({ region }) => region === total.region).length;
  const more =
    shown < total.rows ? `; ${shown} of ${total.rows} rows shown: --limit ${total.rows}` : "";
  return `${total.region}: ${belowText(total)} · ${total.recentRestarts} ${total.recentRestarts === 1 ? "restart" : "restarts"} in 10 min${more}`;
}

async function showNode(
  cluster: Cluster,
  regions: readonly string[],
  path: string,
  options: TreeOptions,
): Promise<Result<ExitCode>> {
  const named = regions.filter((region) => path.startsWith(`/${region}`));
  const answers = await Promise.all(
    (named.length === 0 ? regions : named).map((region) =>
      askNode(cluster, region, { path, cell: options.cell }),
    ),
  );
  const found = answers.find((answer) => answer.ok);
  if (found?.ok !== true) {
    const [first] = answers;
    return first?.ok === false
      ? first
      : refuse("not_found", `no node ${path}`, "npx meridian tree -q");
  }
  if (!printed(options, { value: found.value, ids: [found.value.node.path] })) {
    print(accountText(found.value));
  }
  return ok(exitCodes.ok);
}

function accountText({ node, spec, machine, ...rest }: NodeAccountView): string {
  const head = facts([
    ["path", `${signs[node.condition] ?? ""} ${node.path}`],
    ["cell", node.cell],
    ["type", node.type],
    ["state", node.state],
    ["restarts", `${node.restarts}, ${node.recentRestarts} in the last ten minutes`],
    ["mailbox", `${node.mailbox} of ${spec["mailboxCapacity"] ?? 0}`],
    ["specification", specText(spec)],
  ]);
  const states = machine
    .filter(({ state }) => state !== "")
    .map(({ state, active, transitions }) => [
      `${active ? "●" : "○"} ${state}`,
      transitions.map(({ event, target }) => `${event} → ${target || "(stays)"}`).join(", "),
    ]);
  const parts = [head, table(["STATE", "LEAVES BY"], states)];
  const section = (title: string, columns: readonly string[], rows: readonly string[][]): void => {
    if (rows.length > 0) parts.push(`${title}\n${table(columns, rows)}`);
  };
  section(
    "Last transitions",
    ["TIME", "FROM", "TO", "CAUSE"],
    rest.transitions.map(({ at, from, to, cause }) => [at, from, to, cause]),
  );
  section(
    "Why it was restarted",
    ["TIME", "LIFE", "END", "FAILURE", "MESSAGE", "BECAUSE OF"],
    rest.ends.map((one) => [
      one.at,
      String(one.incarnation),
      one.kind,
      one.failure === "" ? "" : `${one.failure} (${one.during})`,
      one.message,
      one.because,
    ]),
  );
  section(
    "Last events",
    ["SEQUENCE", "TIME", "EVENT", "DETAIL"],
    rest.events.map(({ sequence, at, type, detail }) => [String(sequence), at, type, detail]),
  );
  section(
    "Dead letters",
    ["TIME", "REASON", "MESSAGE", "FAILURE"],
    rest.letters.map(({ at, reason, message, failure }) => [at, reason, message, failure]),
  );
  return parts.join("\n\n");
}

function specText(spec: NodeAccountView["spec"]): string {
  const { restart = "", shutdown = "", strategy = "" } = spec;
  const supervisor =
    strategy === ""
      ? ""
      : `, ${strategy}, ${spec["maximumRestarts"] ?? 0} restarts in ${spec["withinMs"] ?? 0} ms`;
  return `${restart}, stopped within ${shutdown}${supervisor}`;
}
