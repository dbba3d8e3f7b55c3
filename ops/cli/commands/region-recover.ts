import { join } from "node:path";

import { type Command, Option } from "commander";

import { type Result, ok, refuse } from "../../../actors/kernel/result.ts";
import { defaultPorts } from "../../deploy/ports.ts";
import type { Proposal } from "../../deploy/recovery/record.ts";
import {
  type Recovered,
  type RecoverySettings,
  approve,
  propose,
  run,
} from "../../deploy/recovery/recovery.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { actingUser, dataFolder, repository } from "../data-folder.ts";
import { type OutputFormat, outputOption, printed } from "../output.ts";
import { facts, print, table } from "../terminal.ts";

interface RecoverOptions {
  readonly data?: string;
  readonly regionsDirectory: string;
  readonly as?: string;
  readonly output: OutputFormat;
}
type ProposeOptions = RecoverOptions & { readonly survivor: string; readonly because: string };

/** `meridian region recover …`: the way back when most of the regions are gone for good. */
export function register(region: Command): void {
  const recover = region
    .command("recover")
    .description(
      "make a cluster of the one region that is left, when the others are gone for good",
    );
  common(recover.command("propose"), "as whom: an operator")
    .description(
      "look at the survivor's disk and write down what is to be done, signed by an operator",
    )
    .requiredOption("--survivor <region>", "the region whose server is left")
    .requiredOption("--because <text>", "what has happened to the others")
    .action((options: ProposeOptions) => perform(() => proposed(options)));
  common(recover.command("approve <id>"), "as whom: an approver, not the one who proposed it")
    .description("the second signature")
    .action((id: string, options: RecoverOptions) => perform(() => approved(id, options)));
  common(recover.command("run <id>"), "as whom: an operator")
    .description("do what two people have signed; then `meridian up`")
    .action((id: string, options: RecoverOptions) => perform(() => done(id, options)));
  recover.addHelpText(
    "after",
    `
The cluster must not run. What the surviving server has on its disk becomes a cluster of its own, with new,
empty servers in the places of the lost ones; every shard gets an epoch that cannot have been given before.
The disks of the lost regions must never come back: their servers would be a second cluster.
What was acknowledged may be missing when the lost regions had it and the survivor did not; \`run\` lists per
market how far its journal goes and who owned it. The survivor's disk is kept as it was, beside its folder.`,
  );
}

const common = (command: Command, asWhom: string): Command =>
  command
    .option("--data <folder>", "data folder of the cluster ($MERIDIAN_DATA; default: .meridian)")
    .option("--regions-directory <folder>", "reference data", join(repository, "regions"))
    .addOption(new Option("--as <user>", asWhom))
    .addOption(outputOption());

const settingsOf = (options: RecoverOptions): RecoverySettings => ({
  dataDirectory: dataFolder(options.data).value,
  regionsDirectory: options.regionsDirectory,
  firstPorts: defaultPorts,
  say: (line) => process.stderr.write(`${line}\n`),
});

/** The user, when the role that the step needs is its own. */
function acting(options: RecoverOptions, role: "operator" | "approver"): Result<string> {
  const user = actingUser(dataFolder(options.data).value, options.as).value;
  if (user === role) return ok(user);
  return refuse("user_unknown", `${user} is no ${role}`, `--as ${role}`);
}

async function proposed(options: ProposeOptions): Promise<Result<ExitCode>> {
  const user = acting(options, "operator");
  if (!user.ok) return user;
  const { survivor, because } = options;
  const made = await propose(settingsOf(options), survivor, because, user.value);
  if (!made.ok) return made;
  show(made.value, options);
  const next = `npx meridian region recover approve ${made.value.id} --as approver`;
  if (options.output !== "json") print(`next, by somebody else: ${next}`);
  return ok(exitCodes.ok);
}

async function approved(id: string, options: RecoverOptions): Promise<Result<ExitCode>> {
  const user = acting(options, "approver");
  if (!user.ok) return user;
  const made = await approve(settingsOf(options), id, user.value);
  if (!made.ok) return made;
  show(made.value, options);
  if (options.output !== "json") {
    print(`next: npx meridian region recover run ${id} --as operator`);
  }
  return ok(exitCodes.ok);
}

function show(proposal: Proposal, { output }: RecoverOptions): void {
  if (printed({ output }, { value: proposal, ids: [proposal.id] })) return;
  print(
    facts([
      ["recovery", proposal.id],
      ["survivor", proposal.survivor],
      ["gone for good", proposal.lost.join(", ")],
      ["because", proposal.reason],
    ]),
  );
  const rows = proposal.streams.map(({ name, messages, lastSequence }) => [
    name,
    String(messages),
    String(lastSequence),
  ]);
  print(table(["stream", "messages", "last"], rows));
}

async function done(id: string, options: RecoverOptions): Promise<Result<ExitCode>> {
  const user = acting(options, "operator");
  if (!user.ok) return user;
  const recovered = await run(settingsOf(options), id);
  if (!recovered.ok) return recovered;
  const told = { value: recovered.value, rows: recovered.value.journals };
  if (!printed(options, told)) report(recovered.value);
  return ok(exitCodes.ok);
}

function report({ journals, shards, survivor, kept }: Recovered): void {
  const rows = journals.map(({ market, epoch, sequence, dropped, holder }) => [
    market,
    String(epoch),
    String(sequence),
    String(dropped),
    holder,
    holder.startsWith(`${survivor}/`) ? "nothing: its log sends the rest again" : "what came after",
  ]);
  print(table(["market", "epoch", "sequence", "dropped", "last owner", "may be lost"], rows));
  print(`${shards.length} shards have no owner and start behind every epoch given so far`);
  print(`the survivor's disk as it was: ${kept}`);
  print("next: npx meridian up");
}
