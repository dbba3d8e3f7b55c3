import type { Command } from "commander";

import { ok } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { actingUser, dataFolder, readCluster } from "../data-folder.ts";
import { type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

/** `meridian config print`: each effective setting with its origin. */
export function register(program: Command): void {
  const config = program.command("config").description("settings of the command line");
  withClusterOptions(config.command("print"))
    .description("print each effective setting and where it comes from")
    .addOption(outputOption())
    .action((options: ClusterOptions & { readonly output: OutputFormat }) =>
      perform(async () => {
        const data = dataFolder(options.data);
        const cluster = readCluster(data.value);
        const settings = [
          { name: "data", ...data },
          { name: "user", ...actingUser(data.value, options.as) },
          ...(cluster.ok ? clusterSettings(cluster.value) : []),
        ];
        const told = { settings, cluster: cluster.ok ? null : cluster.failure };
        if (!printed(options, { value: told, rows: settings })) {
          print(
            table(
              ["SETTING", "VALUE", "ORIGIN"],
              settings.map(({ name, value, origin }) => [name, value, origin]),
            ),
          );
          if (!cluster.ok) print(`\n${cluster.failure.reason}; next: ${cluster.failure.next}`);
        }
        return ok(exitCodes.ok);
      }),
    );
}

function clusterSettings(cluster: {
  readonly profile: string;
  readonly regions: readonly { readonly name: string; readonly nats: string }[];
}): readonly { readonly name: string; readonly value: string; readonly origin: string }[] {
  return [
    { name: "profile", value: cluster.profile, origin: "cluster.json" },
    ...cluster.regions.map((region) => ({
      name: `nats.${region.name}`,
      value: region.nats,
      origin: "cluster.json",
    })),
  ];
}
