import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline/promises";

import type { Command } from "commander";

import { ok, refuse, type Result } from "../../../actors/kernel/result.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import {
  abortFailover,
  approveFailover,
  askFailover,
  failoverSteps,
  type FailoverView,
  type FailoverWish,
  type PlanView,
  type StepView,
} from "../failovers.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { activity } from "../progress.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

type FailoverOptions = ClusterOptions & {
  readonly to: string;
  readonly dryRun?: boolean;
  readonly confirm?: string;
  readonly acceptLoss?: boolean;
  readonly reason: string;
  readonly output: OutputFormat;
};

/** A failover that nobody hears of any more is asked about again. */
const SILENT_AFTER_MS = 40_000;
const marks = { ok: "●", warning: "▲", fault: "■" } as const;

/** `meridian region failover | failback | approve | abort`: moves a region's markets. */
export function extend(region: Command): void {
  for (const verb of ["failover", "failback"] as const) {
    withClusterOptions(region.command(verb))
      .description(
        verb === "failover"
          ? "move a region's markets, strategies and risk limits to another one: planned while it lives, forced when it is silent"
          : "give what is at home in a region back to it: markets, strategies and risk limits",
      )
      .argument("<from>", "region whose markets move")
      .requiredOption("--to <region>", "region that takes them")
      .option(
        "--dry-run",
        "show what would move, what could be lost and every check; change nothing",
      )
      .option("--accept-loss", "take what a durable or matched market of a silent region can lose")
      .option("--confirm <from>", "the region's name again, instead of typing it")
      .option("--reason <text>", "kept with the failover", "by command line")
      .addOption(outputOption())
      .addOption(calmOption())
      .addHelpText(
        "after",
        `
A planned move hands each market over after everything acknowledged is in the journal: clients see a
pause. A region that is silent is taken from: nothing acknowledged as replicated is lost. In the
production profile another person has to approve it: npx meridian region approve ID --in REGION.

Examples:
  npx meridian region failover eu-central --to us-east --dry-run --as operator
  npx meridian region failover eu-central --to us-east --as operator
  npx meridian region failback us-east --to eu-central --as operator`,
      )
      .action((from: string, options: FailoverOptions) =>
        perform(() =>
          withCluster(options, (cluster) => failover(cluster, from, options, verb === "failback")),
        ),
      );
  }

  withClusterOptions(region.command("approve"))
    .description("approve a failover that another person has asked for")
    .argument("<id>")
    .requiredOption("--in <region>", "region that carries it out")
    .addOption(outputOption())
    .action((id: string, options: ClusterOptions & { in: string; output: OutputFormat }) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const approved = await approveFailover(cluster, options.in, id);
          if (!approved.ok) return approved;
          const { status } = approved.value;
          if (!printed(options, { value: status, rows: status === null ? [] : [status] })) {
            print(`${id}: ${status?.state ?? ""}`);
          }
          return ok(exitCodes.ok);
        }),
      ),
    );

  withClusterOptions(region.command("abort"))
    .description("end a failover where it stands: what has not been handed over stays")
    .argument("<id>")
    .requiredOption("--in <region>", "region that carries it out")
    .option("--reason <text>", "kept with the failover", "by command line")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Until the last record of a market's epoch is written the market goes on where it is. What has moved stays moved:
it goes back by a failover the other way.`,
    )
    .action(
      (
        id: string,
        options: ClusterOptions & { in: string; reason: string; output: OutputFormat },
      ) =>
        perform(() =>
          withCluster(options, async (cluster) => {
            const aborted = await abortFailover(cluster, options.in, id, options.reason);
            if (!aborted.ok) return aborted;
            const { status } = aborted.value;
            if (!printed(options, { value: status, rows: status === null ? [] : [status] })) {
              print(`${id}: ${status?.state ?? ""}`);
            }
            return ok(exitCodes.ok);
          }),
        ),
    );
}

async function failover(
  cluster: Cluster,
  from: string,
  options: FailoverOptions,
  homeOnly: boolean,
): Promise<Result<ExitCode>> {
  const { to } = options;
  for (const name of [from, to]) {
    if (cluster.regions.includes(name)) continue;
    return refuse(
      "usage",
      `the cluster has no region ${name}`,
      `one of: ${cluster.regions.join(", ")}`,
    );
  }
  const wish = {
    id: `${from.slice(0, 20)}-${randomBytes(4).toString("hex")}`,
    from,
    to,
    dryRun: true,
    acceptLoss: options.acceptLoss ?? false,
    reason: options.reason,
    homeOnly,
  };
  const planned = await askFailover(cluster, wish);
  if (!planned.ok) return planned;
  const { plan, region } = planned.value;
  if (plan === null)
    return refuse("reply_malformed", `${region} has sent no plan`, "npx meridian doctor");
  return carryOut(cluster, { wish, plan, region }, options);
}

/** Shows the plan, and does it unless only the plan was wanted. */
export async function carryOut(
  cluster: Cluster,
  { wish, plan, region }: { wish: FailoverWish; plan: PlanView; region: string },
  options: Pick<FailoverOptions, "dryRun" | "confirm" | "output">,
): Promise<Result<ExitCode>> {
  const { from } = wish;
  const { output } = options;
  if (output === "table") printPlan(plan);
  const faults = plan.checks.filter(({ level }) => level === "fault");
  if (options.dryRun === true) {
    printed(options, { value: plan, rows: plan.markets });
    return ok(faults.length === 0 ? exitCodes.ok : exitCodes.refused);
  }
  if (faults.length > 0) {
    return refuse("failover_refused", faults.map(({ what }) => what).join("; "), "see the checks");
  }
  const confirmed = await confirmedBy(options.confirm, from);
  if (!confirmed) {
    return refuse(
      "usage",
      `not confirmed: type the region's name, ${from}`,
      `or give --confirm ${from}`,
    );
  }
  const line = activity(`from ${from} to ${wish.to}`);
  const steps = follow(cluster, region, wish.id, (step) => {
    if (output === "table") printStep(step);
    line.step([step.step, step.market].filter((word) => word !== "").join(" "));
  });
  const begun = await askFailover(cluster, { ...wish, dryRun: false });
  if (!begun.ok) {
    line.end();
    return begun;
  }
  if (begun.value.status?.state === "awaiting_approval") {
    print(
      `waits for approval: npx meridian region approve ${wish.id} --in ${region} --as approver`,
    );
  }
  await steps;
  line.end();
  const ended = await askFailover(cluster, { ...wish, dryRun: false });
  if (!ended.ok) return ended;
  return concluded(ended.value.status, output);
}

function concluded(status: FailoverView | null, output: OutputFormat): Result<ExitCode> {
  const told = { value: status, rows: status === null ? [] : [status] };
  if (printed({ output }, told))
    return ok(status?.state === "done" ? exitCodes.ok : exitCodes.failed);
  if (status?.state === "done") {
    print(
      `${status.marketsMoved} markets and ${status.actorsMoved} actors moved; the longest pause of a market was ${status.longestPauseMs} ms`,
    );
  } else print(`${status?.state ?? "unknown"}: ${status?.detail ?? ""}`);
  return ok(status?.state === "done" ? exitCodes.ok : exitCodes.failed);
}

/** Resolves when the failover has ended, or nothing has been heard of it for long. */
async function follow(
  cluster: Cluster,
  region: string,
  id: string,
  onStep: (step: StepView) => void,
): Promise<void> {
  const heard = failoverSteps(cluster, region);
  for (;;) {
    const silence = AbortSignal.timeout(SILENT_AFTER_MS);
    const late = new Promise<null>((resolve) => {
      silence.addEventListener("abort", () => resolve(null));
    });
    const next = await Promise.race([heard.next(), late]);
    if (next === null || next.done === true) return;
    const step = next.value;
    if (step.id !== id) continue;
    onStep(step);
    if (["done", "failed", "aborted"].includes(step.step)) return;
  }
}

async function confirmedBy(given: string | undefined, from: string): Promise<boolean> {
  if (given !== undefined) return given === from;
  if (!process.stdin.isTTY) return false;
  const question = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await question.question(`type ${from} to go on: `)).trim() === from;
  } finally {
    question.close();
  }
}

function printPlan(plan: PlanView): void {
  const kind = plan.planned ? "planned move" : "forced takeover";
  print(`${kind} of ${plan.markets.length} markets from ${plan.from} to ${plan.to}\n`);
  print(
    table(
      ["MARKET", "MODE", "OWNER", "EPOCH", "LAST", "STANDBY", "BEHIND", "LOSS"],
      plan.markets.map((one) => [
        one.market,
        one.mode,
        one.owner,
        String(one.epoch),
        String(Math.max(one.committed, one.matched)),
        String(one.standbySequence),
        `${one.lagRecords} (${one.lagMs} ms)`,
        one.loss,
      ]),
    ),
  );
  print("");
  if (plan.actors.length > 0) printActors(plan);
  for (const check of plan.checks) print(`${marks[check.level]} ${check.name}: ${check.what}`);
  print("");
}

function printActors({ actors, actorsLeftOut }: PlanView): void {
  print(
    table(
      ["ACTOR", "OF", "TYPE", "SHARD", "EPOCH", "LAST EVENT"],
      actors.map((one) => [
        one.id,
        one.region,
        one.type,
        one.shard,
        String(one.epoch),
        String(one.sequence),
      ]),
    ),
  );
  if (actorsLeftOut > 0) print(`and ${actorsLeftOut} more`);
  print("");
}

function printStep({ at, step, market, detail, by }: StepView): void {
  const parts = [step, market, detail, by === "" ? "" : `by ${by}`];
  print(`${at.slice(11, 23)}  ${parts.filter((part) => part !== "").join("  ")}`);
}
