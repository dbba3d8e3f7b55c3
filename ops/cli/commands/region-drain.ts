import { randomBytes } from "node:crypto";

import type { Command } from "commander";

import { ok, refuse, type Result } from "../../../actors/kernel/result.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { askFailover, askUndrain, type FailoverWish, type PlanView } from "../failovers.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, withClusterOptions } from "../terminal.ts";
import { carryOut } from "./region-failover.ts";

type DrainOptions = ClusterOptions & {
  readonly to?: string;
  readonly dryRun?: boolean;
  readonly confirm?: string;
  readonly reason: string;
  readonly output: OutputFormat;
};
type UndrainOptions = ClusterOptions & { readonly reason: string; readonly output: OutputFormat };

/** `meridian region drain | undrain`: empties a region so that its cells can be stopped. */
export function extend(region: Command): void {
  withClusterOptions(region.command("drain"))
    .description("move everything that a region serves elsewhere, and let it take nothing more")
    .argument("<region>", "region that is emptied")
    .option("--to <region>", "region that takes it all; default: the one that is least behind")
    .option("--dry-run", "show where everything would go and every check; change nothing")
    .option("--confirm <region>", "the region's name again, instead of typing it")
    .option("--reason <text>", "kept with the drain", "by command line")
    .addOption(outputOption())
    .addOption(calmOption())
    .addHelpText(
      "after",
      `
Markets are handed over one shard after another, strategies and risk limits follow. Afterwards no cell of the
region takes a market, however silent others are, until it is undrained; its cells can be stopped. It is refused,
naming what would have to stay, when no other region may take everything. In the production profile another person
has to approve it: npx meridian region approve ID --in REGION.

Examples:
  npx meridian region drain eu-central --dry-run --as operator
  npx meridian region drain eu-central --as operator
  npx meridian region undrain eu-central --as operator
  npx meridian region failback us-east --to eu-central --as operator`,
    )
    .action((from: string, options: DrainOptions) =>
      perform(() => withCluster(options, (cluster) => drain(cluster, from, options))),
    );

  withClusterOptions(region.command("undrain"))
    .description("let a drained region take markets again; `region failback` brings its own home")
    .argument("<region>")
    .option("--reason <text>", "kept in the trail", "by command line")
    .addOption(outputOption())
    .addHelpText("after", "\nExamples:\n  npx meridian region undrain eu-central --as operator")
    .action((name: string, options: UndrainOptions) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const undone = await askUndrain(cluster, name, options.reason);
          if (!undone.ok) return undone;
          if (!printed(options, { value: { region: name, drain: "" }, ids: [name] })) {
            print(`${name} takes markets again`);
          }
          return ok(exitCodes.ok);
        }),
      ),
    );
}

interface Candidate {
  readonly wish: FailoverWish;
  readonly plan: PlanView;
  readonly region: string;
}

async function drain(
  cluster: Cluster,
  from: string,
  options: DrainOptions,
): Promise<Result<ExitCode>> {
  const known = cluster.regions;
  const others = known.filter((name) => name !== from);
  const wanted = options.to === undefined ? others : [options.to];
  const unknown = [from, ...wanted].find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const next = `one of: ${known.join(", ")}`;
    return refuse("usage", `the cluster has no region ${unknown}`, next);
  }
  const id = `${from.slice(0, 20)}-${randomBytes(4).toString("hex")}`;
  const candidates: Candidate[] = [];
  for (const to of wanted) {
    const { reason } = options;
    const common = { acceptLoss: false, homeOnly: false, drain: true };
    const wish: FailoverWish = { id, from, to, dryRun: true, reason, ...common };
    const planned = await askFailover(cluster, wish);
    if (!planned.ok) return planned;
    const { plan, region } = planned.value;
    if (plan !== null) candidates.push({ wish, plan, region });
  }
  const free = candidates.filter(({ plan }) => faultsOf(plan).length === 0);
  const best = free.sort((one, other) => behind(one.plan) - behind(other.plan))[0];
  if (best !== undefined) return carryOut(cluster, best, options);
  const why = candidates.map(({ plan }) => `to ${plan.to}: ${faultsOf(plan).join("; ")}`);
  const next = "give what stays another place first, or stop it";
  return refuse("failover_refused", `${from} cannot be drained ${why.join("; ")}`, next);
}

const faultsOf = ({ checks }: PlanView): readonly string[] =>
  checks
    .filter(({ level }) => level === "fault")
    .map(({ name, what }) => (what.includes(name) ? what : `${name}: ${what}`));

const behind = ({ markets }: PlanView): number =>
  markets.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
