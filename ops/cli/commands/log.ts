import { type Command, Option } from "commander";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { decodeRefusal } from "../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../schemas/subjects.ts";
import { exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

type LevelOptions = ClusterOptions & {
  readonly output: OutputFormat;
  readonly region?: string;
  readonly actor?: string;
};

/** How much a cell writes into its log; `actor` empty: of everything else. */
export interface LevelView {
  readonly region: string;
  readonly cell: string;
  readonly actor: string;
  readonly level: string;
}

/** `meridian log level`: how much cells write into their logs, and changing it while they run. */
export function register(program: Command): void {
  const log = program
    .command("log")
    .description("show and change what cells write into their logs");
  withClusterOptions(log.command("level"))
    .description("show levels, or change one; nothing is restarted")
    .argument("[level]", "error, warn or info; default takes a change back")
    .addOption(new Option("--region <region>", "only this region (default: all)"))
    .addOption(new Option("--actor <path>", "only this actor and all below it"))
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  npx meridian log level --as operator
  npx meridian log level warn --as operator
  npx meridian log level info --actor /eu-central/markets/BTC-EUR --region eu-central --as operator`,
    )
    .action((level: string | undefined, options: LevelOptions) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const regions = regionsOf(cluster, options);
          if (!regions.ok) return regions;
          const views: LevelView[] = [];
          for (const region of regions.value) {
            const answer = await askLevel(cluster, region, level ?? "", options.actor ?? "");
            if (!answer.ok) return answer;
            views.push(...answer.value);
          }
          const told = { value: { levels: views }, rows: views };
          if (!printed(options, told)) print(levelTable(views));
          return ok(exitCodes.ok);
        }),
      ),
    );
}

function regionsOf(cluster: Cluster, { region, actor }: LevelOptions): Result<readonly string[]> {
  const wanted = region ?? actor?.split("/")[1];
  if (wanted === undefined) return ok(cluster.regions);
  if (cluster.regions.includes(wanted)) return ok([wanted]);
  return refuse(
    "usage",
    `the cluster has no region ${wanted}`,
    `one of: ${cluster.regions.join(", ")}`,
  );
}

function askLevel(
  cluster: Cluster,
  region: string,
  level: string,
  actor: string,
): Promise<Result<readonly LevelView[]>> {
  const request = { level, actor, requestedBy: "command line" };
  const payload = wire.control.v1.LogLevelRequest.encode(request).finish();
  return cluster.ask(operationsSubject(region, "log-level"), payload, (bytes) => {
    const reply = wire.control.v1.LogLevelReply.decode(bytes);
    const failure = decodeRefusal(reply.refusal);
    if (failure !== null) return { ok: false, failure };
    const { cell } = reply;
    return ok([
      { region, cell, actor: "", level: reply.level },
      ...Object.entries(reply.actors).map(([path, own]) => ({
        region,
        cell,
        actor: path,
        level: own,
      })),
    ]);
  });
}

export const levelTable = (views: readonly LevelView[]): string =>
  table(
    ["REGION", "CELL", "ACTOR", "LEVEL"],
    views.map(({ region, cell, actor, level }) => [region, cell, actor || "all others", level]),
  );
