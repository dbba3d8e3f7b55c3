import type { Command } from "commander";

import { ok, refuse, type Result } from "../../../actors/kernel/result.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import {
  type Act,
  actOn,
  findIncident,
  type IncidentAccount,
  type IncidentRow,
  listIncidents,
} from "../incidents.ts";
import { type OutputFormat, outputOption, printed, quietOption } from "../output.ts";
import { type ClusterOptions, facts, print, table, withClusterOptions } from "../terminal.ts";

interface Options extends ClusterOptions {
  readonly output: OutputFormat;
  readonly quiet?: boolean;
  readonly region?: string;
  readonly note?: string;
  readonly all?: true;
  readonly over?: true;
}

const acts: readonly { readonly act: Act; readonly what: string; readonly example: string }[] = [
  {
    act: "acknowledge",
    what: "say that you look after it: no further level is paged",
    example: "",
  },
  { act: "escalate", what: "page the next level now", example: ' --note "needs the storage team"' },
  { act: "resolve", what: "say that it is over", example: ' --note "disk replaced"' },
  {
    act: "review",
    what: "close it for good, with what was learnt",
    example: ' --note "RB-07 was short"',
  },
];

const sample = "cell_down-eu-central-eu-central-1";

/** `meridian incident`: what went wrong, who looks after it, and what was done. */
export function register(program: Command): void {
  const incident = program
    .command("incident")
    .description("what went wrong, who looks after it, and what was done");
  withClusterOptions(incident.command("list"))
    .description("show incidents that are open")
    .option("--all", "those that are resolved or reviewed as well")
    .option("--region <region>", "only those that this region keeps")
    .addOption(quietOption("ids"))
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  npx meridian incident list\n  npx meridian incident list --all -o csv",
    )
    .action((options: Options) =>
      perform(() => withCluster(options, (cluster) => list(cluster, options))),
    );
  withClusterOptions(incident.command("show"))
    .description("show an incident with its whole timeline")
    .argument("<id>", "as `meridian incident list` names it")
    .option("--region <region>", "that keeps it (default: asks all)")
    .option("--over", "exit code 1 while what raised it still stands")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `\nExamples:\n  npx meridian incident show ${sample}\n  npx meridian incident show ${sample} -o json > timeline.json`,
    )
    .action((id: string, options: Options) =>
      perform(() => withCluster(options, (cluster) => show(cluster, id, options))),
    );
  for (const { act, what, example } of acts) {
    withClusterOptions(incident.command(act))
      .description(what)
      .argument("<id>", "as `meridian incident list` names it")
      .option("--region <region>", "that keeps it (default: asks all)")
      .option("--note <text>", "kept in the timeline", "")
      .addOption(quietOption("its status"))
      .addOption(outputOption())
      .addHelpText(
        "after",
        `\nExamples:\n  npx meridian incident ${act} ${sample}${example} --as operator`,
      )
      .action((id: string, options: Options) =>
        perform(() => withCluster(options, (cluster) => change(cluster, id, act, options))),
      );
  }
}

function regionsOf(cluster: Cluster, { region }: Options): Result<readonly string[]> {
  if (region === undefined) return ok(cluster.regions);
  if (cluster.regions.includes(region)) return ok([region]);
  const known = `one of: ${cluster.regions.join(", ")}`;
  return refuse("usage", `the cluster has no region ${region}`, known);
}

async function list(cluster: Cluster, options: Options): Promise<Result<ExitCode>> {
  const regions = regionsOf(cluster, options);
  if (!regions.ok) return regions;
  const found = await listIncidents(cluster, regions.value, options.all === true);
  if (!found.ok) return found;
  const { incidents, silent } = found.value;
  const told = { value: found.value, rows: incidents, ids: incidents.map(({ id }) => id) };
  if (!printed(options, told)) {
    print(incidents.length === 0 ? "no open incident" : incidentTable(incidents));
    for (const name of silent) print(`${name} did not answer`);
  }
  return ok(exitCodes.ok);
}

async function show(cluster: Cluster, id: string, options: Options): Promise<Result<ExitCode>> {
  const regions = regionsOf(cluster, options);
  if (!regions.ok) return regions;
  const found = await findIncident(cluster, id, options.region);
  if (!found.ok) return found;
  if (!printed(options, { value: found.value, rows: found.value.timeline })) {
    print(accountText(found.value));
  }
  return ok(options.over === true && found.value.stands ? exitCodes.failed : exitCodes.ok);
}

async function change(
  cluster: Cluster,
  id: string,
  act: Act,
  options: Options,
): Promise<Result<ExitCode>> {
  const found = await findIncident(cluster, id, options.region);
  if (!found.ok) return found;
  const done = await actOn(cluster, found.value, act, options.note ?? "");
  if (!done.ok) return done;
  const { status, auditId } = done.value;
  if (!printed(options, { value: done.value, ids: [status] })) {
    print(`${id} is ${status} (audit ${auditId})`);
  }
  return ok(exitCodes.ok);
}

export const incidentTable = (rows: readonly IncidentRow[]): string =>
  table(
    ["ID", "STATUS", "LEVEL", "STANDS", "SINCE", "BY", "RUNBOOK", "TITLE"],
    rows.map((row) => [
      row.id,
      row.status,
      row.level || "-",
      row.stands ? "yes" : "no",
      row.raised,
      row.acknowledgedBy || "-",
      row.runbook,
      row.title,
    ]),
  );

function accountText(account: IncidentAccount): string {
  const { timeline, former, stepsDropped, ...row } = account;
  const told = facts([
    ["incident", `${row.id} (occurrence ${row.occurrence}, kept by ${row.region})`],
    ["what", row.title],
    ["detail", row.detail],
    ["status", `${row.status}${row.level === "" ? "" : `, ${row.level} was paged`}`],
    ["stands", row.stands ? "yes" : "no"],
    ["looked after by", row.acknowledgedBy || "nobody"],
    ["next level", row.escalates || "-"],
    ["found by", row.source],
    ["runbook", `npx meridian runbook show ${row.runbook}`],
  ]);
  const steps = table(
    ["TIME", "STEP", "BY", "LEVEL", "RUNBOOK", "OUTCOME", "DETAIL"],
    timeline.map((step) => [
      step.at,
      step.phase === "" ? step.type : `${step.type} ${step.phase}`,
      step.by,
      step.level,
      `${step.runbook}${step.drill ? " drill" : ""}`,
      step.outcome,
      step.detail.split("\n")[0] ?? "",
    ]),
  );
  const dropped = stepsDropped === 0 ? "" : `\n${stepsDropped} steps are not shown`;
  const before = former.map(
    (one) => `\noccurrence ${one.occurrence}: ${one.raised} to ${one.ended}, ${one.status}`,
  );
  return `${told}\n\n${steps}${dropped}${before.join("")}`;
}
