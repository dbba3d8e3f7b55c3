import type { Command } from "commander";

import { ok } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { withRegionalCluster } from "../cluster.ts";
import { type OutputFormat, outputOption, printed, quietOption } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

type NearestOptions = ClusterOptions & { readonly output: OutputFormat; readonly quiet?: boolean };

/** `meridian region nearest`: the regions a client here may go through, and the one that it would. */
export function extendWithNearest(group: Command): void {
  withClusterOptions(group.command("nearest"))
    .description("round trip and health of each allowed region from here, and which one is chosen")
    .addOption(quietOption("the name of the chosen region"))
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  npx meridian region nearest
  npx meridian region nearest --residency-of uk-south     through which regions its data may go
  npx meridian top --residency-of uk-south`,
    )
    .action((options: NearestOptions) =>
      perform(() =>
        withRegionalCluster(options, async (cluster, line) => {
          await line.lookedAtAll();
          const sights = line.sights();
          const regions = cluster.regions.map((name) => {
            const sight = sights.find(({ region }) => region === name);
            return {
              region: name,
              allowed: sight !== undefined,
              condition: sight?.condition ?? "not_allowed",
              roundTripUs: sight?.roundTripUs ?? null,
              chosen: name === line.region,
              reason: sight?.reason ?? "",
            };
          });
          const ids = regions.filter(({ chosen }) => chosen).map(({ region }) => region);
          const value = { chosen: line.region, regions };
          if (!printed(options, { value, rows: regions, ids })) {
            print(
              table(
                ["REGION", "CONDITION", "ROUND TRIP", "CHOSEN", "REASON"],
                regions.map(({ region, condition, roundTripUs, chosen, reason }) => [
                  region,
                  condition.replace("_", " "),
                  roundTripUs === null ? "-" : `${(roundTripUs / 1_000).toFixed(1)} ms`,
                  chosen ? "yes" : "",
                  reason,
                ]),
              ),
            );
          }
          return ok(exitCodes.ok);
        }),
      ),
    );
}
