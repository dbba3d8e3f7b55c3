import type { Command } from "commander";

import { ok } from "../../../actors/kernel/result.ts";
import { exitCodes, perform } from "../action.ts";
import { withCluster } from "../cluster.ts";
import { askLauncher, stepLines } from "../deployment.ts";
import { calmOption, type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

type MemberOptions = ClusterOptions & { readonly output: OutputFormat };

/** `meridian region add|remove|residency`: which regions a running cluster has, and what they keep. */
export function extendWithMembers(group: Command): void {
  const change = (verb: "add" | "remove", description: string): void => {
    withClusterOptions(group.command(`${verb} <region>`))
      .description(description)
      .addOption(outputOption())
      .addOption(calmOption())
      .action((region: string, options: MemberOptions) =>
        perform(() =>
          withCluster(options, async (cluster) => {
            const done = await askLauncher(cluster, `region-${verb}`, region);
            if (!done.ok) return done;
            const { steps } = done.value;
            if (!printed(options, { value: { region, steps }, rows: steps ?? [], ids: [region] })) {
              for (const line of stepLines(done.value)) print(line);
            }
            return ok(exitCodes.ok);
          }),
        ),
      );
  };
  change("add", "take a region that regions/ declares into the running cluster");
  change("remove", "let a region go that holds no market and that no journal needs");

  withClusterOptions(group.command("residency"))
    .description("where data is kept, against where it may be; exit code 1 when it is not so")
    .addOption(outputOption())
    .addOption(calmOption())
    .action((options: MemberOptions) => perform(() => residency(options)));
}

async function residency(options: MemberOptions): ReturnType<Parameters<typeof perform>[0]> {
  return withCluster(options, async (cluster) => {
    const looked = await askLauncher(cluster, "residency");
    if (!looked.ok) return looked;
    const { streams = 0, faults = [] } = looked.value.residency ?? {};
    if (printed(options, { value: { streams, faults }, rows: faults ?? [] })) {
      return ok((faults ?? []).length === 0 ? exitCodes.ok : exitCodes.failed);
    }
    if ((faults ?? []).length === 0) print(`${streams} streams, all where they may be`);
    else {
      print(
        table(
          ["STREAM", "DATA OF", "CLASS", "KEPT IN", "SERVER", "ALLOWED"],
          (faults ?? []).map((fault) => [
            fault.stream ?? "",
            fault.home ?? "",
            fault.dataClass ?? "",
            fault.keptIn ?? "",
            fault.server ?? "",
            (fault.allowed ?? []).join(", "),
          ]),
        ),
      );
    }
    return ok((faults ?? []).length === 0 ? exitCodes.ok : exitCodes.failed);
  });
}
