import type { Command } from "commander";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { decodeRefusal } from "../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../schemas/subjects.ts";
import { exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import {
  type ClusterOptions,
  type OutputFormat,
  outputOption,
  print,
  printJson,
  table,
  withClusterOptions,
} from "../terminal.ts";

interface NodeView {
  readonly region: string;
  readonly path: string;
  readonly type: string;
  readonly state: string;
  readonly restarts: number;
  readonly mailbox: number;
  readonly lastFailure: string;
}

/** `meridian tree`: the supervision tree of one region or all. */
export function register(program: Command): void {
  withClusterOptions(program.command("tree"))
    .description("show the supervision tree")
    .argument("[region]", "only this region")
    .addOption(outputOption())
    .action(
      (region: string | undefined, options: ClusterOptions & { readonly output: OutputFormat }) =>
        perform(() =>
          withCluster(options, async (cluster) => {
            if (region !== undefined && !cluster.regions.includes(region)) {
              return refuse(
                "usage",
                `the cluster has no region ${region}`,
                `one of: ${cluster.regions.join(", ")}`,
              );
            }
            const asked = region === undefined ? cluster.regions : [region];
            const answers = await Promise.all(asked.map((name) => askTree(cluster, name)));
            const nodes = answers.flatMap((answer) => (answer.ok ? answer.value : []));
            const silent = answers.flatMap((answer, index) =>
              answer.ok ? [] : [{ region: asked[index] ?? "", ...answer.failure }],
            );
            if (options.output === "json") printJson({ nodes, silent });
            else {
              print(treeTable(nodes));
              for (const failure of silent) print(`${failure.region}: ${failure.reason}`);
            }
            return ok(silent.length === asked.length ? exitCodes.failed : exitCodes.ok);
          }),
        ),
    );
}

function askTree(cluster: Cluster, region: string): Promise<Result<readonly NodeView[]>> {
  const request = wire.control.v1.TreeRequest.encode({}).finish();
  return cluster.ask(operationsSubject(region, "tree"), request, (payload) => {
    const reply = wire.control.v1.TreeReply.decode(payload);
    const failure = decodeRefusal(reply.refusal);
    if (failure !== null) return { ok: false, failure };
    return ok(
      (reply.nodes ?? []).map((node) => ({
        region,
        path: node.path ?? "",
        type: node.type ?? "",
        state: node.state ?? "",
        restarts: node.restarts ?? 0,
        mailbox: node.mailbox ?? 0,
        lastFailure: node.lastFailure ?? "",
      })),
    );
  });
}

function treeTable(nodes: readonly NodeView[]): string {
  return table(
    ["ACTOR", "TYPE", "STATE", "RESTARTS", "MAILBOX", "LAST FAILURE"],
    nodes.map((node) => {
      const steps = node.path.split("/").filter((step) => step !== "");
      const name = steps.at(-1) ?? node.region;
      return [
        `${"  ".repeat(Math.max(0, steps.length - 1))}${name}`,
        node.type,
        node.state,
        String(node.restarts),
        String(node.mailbox),
        node.lastFailure,
      ];
    }),
  );
}
