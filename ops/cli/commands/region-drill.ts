import { randomBytes } from "node:crypto";

import { type Command, Option } from "commander";

import { ok } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { decodeRefusal } from "../../../schemas/sdk/codec.ts";
import { operationsSubject } from "../../../schemas/subjects.ts";
import { exitCodes, perform } from "../action.ts";
import { drillView } from "../cluster-facts.ts";
import { withCluster } from "../cluster.ts";
import { type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, print, withClusterOptions } from "../terminal.ts";
import { drillLine } from "./status.ts";

type DrillOptions = ClusterOptions & {
  readonly id?: string;
  readonly outcome: string;
  readonly recoveryMs: number;
  readonly lost: number;
  readonly doubled: number;
  readonly detail: string;
  readonly output: OutputFormat;
};

const { DrillRequest, DrillReply } = wire.region.v1;

const count = (text: string): number => {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`no count: ${text}`);
  return number;
};

/** `meridian region drill`: tells the cluster what a drill has shown, for `status` to show. */
export function extend(group: Command): void {
  withClusterOptions(group.command("drill"))
    .description("write down the outcome of a drill; `status` shows the last one")
    .argument("<region>", "region that is told")
    .argument("<fault>", "class of the fault: process-kill, journal-leader, partition, …")
    .addOption(
      new Option("--outcome <outcome>", "what the ledger of the clients says")
        .choices(["passed", "failed"])
        .makeOptionMandatory(),
    )
    .option("--recovery-ms <number>", "from the fault to the first acknowledgement", count, 0)
    .option("--lost <number>", "acknowledged orders that are missing", count, 0)
    .option("--doubled <number>", "orders done twice", count, 0)
    .option("--detail <text>", "anything else", "")
    .option("--id <id>", "its name (default: eight random digits)")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  npx meridian region drill eu-central process-kill --outcome passed --recovery-ms 2700 --as operator`,
    )
    .action((region: string, fault: string, options: DrillOptions) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const { outcome, recoveryMs, lost, doubled, detail } = options;
          const id = options.id ?? randomBytes(4).toString("hex");
          const recordedBy = cluster.user;
          const what = { id, fault, outcome, recoveryMs, lost, doubled, detail, recordedBy };
          const told = await cluster.ask(
            operationsSubject(region, "drill-record"),
            DrillRequest.encode({ drill: { ...what, atUnixMs: Date.now() } }).finish(),
            (payload) => {
              const reply = DrillReply.decode(payload);
              const failure = decodeRefusal(reply.refusal);
              if (failure !== null) return { ok: false, failure };
              return ok(drillView(reply.drill ?? {}));
            },
          );
          if (!told.ok) return told;
          if (!printed(options, { value: told.value, rows: [told.value], ids: [told.value.id] })) {
            print(drillLine(told.value));
          }
          return ok(exitCodes.ok);
        }),
      ),
    );
}
