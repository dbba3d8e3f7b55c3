import { randomUUID } from "node:crypto";

import { type Command, Option } from "commander";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { wire } from "../../../schemas/messages.ts";
import { actorSubject, isToken } from "../../../schemas/subjects.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { type OutputFormat, outputOption, printed } from "../output.ts";
import { type ClusterOptions, facts, print, withClusterOptions } from "../terminal.ts";

const { risk } = wire;
const { Scope } = risk.v1;
const scopes = {
  desk: Scope.SCOPE_DESK,
  account: Scope.SCOPE_ACCOUNT,
  strategy: Scope.SCOPE_STRATEGY,
} as const;
type ScopeName = keyof typeof scopes;

/** What --set takes, and the field of Limits it is. */
const limitNames = {
  "order-quantity": "maximumOrderQuantity",
  "open-quantity": "maximumOpenQuantity",
  position: "maximumPosition",
  notional: "maximumNotional",
  collar: "collar",
  "open-orders": "maximumOpenOrders",
  messages: "messageCount",
  "messages-ms": "messageWindowMs",
  executions: "executionCount",
  "executions-ms": "executionWindowMs",
  loss: "maximumLoss",
} as const satisfies Readonly<Record<string, keyof wire.risk.v1.ILimits>>;
type LimitName = keyof typeof limitNames;

type Options = ClusterOptions & {
  readonly output: OutputFormat;
  readonly region?: string;
  readonly id?: string;
};

/** What stands, as a person and a program read it. */
interface View {
  readonly name: string;
  readonly scope: string;
  readonly parent: string;
  readonly account: number;
  readonly stopped: string;
  readonly proposal: string;
  readonly reserved: number;
  readonly position: number;
  readonly profit: number;
  readonly limits: Readonly<Record<LimitName, number>>;
  /** Of a dry run. */
  readonly approvalNeeded: boolean;
}

function view(name: string, reply: wire.risk.v1.RiskLimitReply): View {
  const held = reply.limits ?? {};
  const limits = Object.fromEntries(
    Object.entries(limitNames).map(([key, field]) => [key, held[field] ?? 0]),
  );
  const scope = Object.entries(scopes).find(([, number]) => number === reply.scope)?.[0];
  return {
    name,
    scope: scope ?? "undefined",
    parent: reply.parent,
    account: reply.account,
    stopped: reply.stopped,
    proposal: reply.proposal,
    reserved: reply.reserved,
    position: reply.position,
    profit: reply.profit,
    limits: limits as View["limits"],
    approvalNeeded: reply.approvalNeeded,
  };
}

async function ask(
  cluster: Cluster,
  options: Options,
  name: string,
  question: string,
  payload: Uint8Array,
): Promise<Result<View>> {
  if (!isToken(name)) {
    return refuse("usage", `${JSON.stringify(name)} is no name`, "letters, digits, _ and -");
  }
  const region = options.region ?? cluster.regions[0] ?? "";
  if (!cluster.regions.includes(region)) {
    const known = `one of: ${cluster.regions.join(", ")}`;
    return refuse("usage", `the cluster has no region ${region}`, known);
  }
  return cluster.ask(actorSubject(region, "risk-limit", name, question), payload, (bytes) => {
    const reply = risk.v1.RiskLimitReply.decode(bytes);
    if (!reply.refusal) return ok(view(name, reply));
    const { code, reason, next } = reply.refusal;
    return refuse(code ?? "internal", reason ?? "", next ?? "");
  });
}

function shown(account: View, options: Options): Result<ExitCode> {
  if (printed(options, { value: account, ids: [account.name] })) return ok(exitCodes.ok);
  const bounds = Object.entries(account.limits).filter(([, value]) => value !== 0);
  print(
    facts([
      ["name", account.name],
      ["scope", account.scope],
      ["parent", account.parent || "none"],
      ["account", account.account === 0 ? "none" : String(account.account)],
      ["state", account.stopped === "" ? "takes orders" : `stopped: ${account.stopped}`],
      ["waits", account.proposal === "" ? "nothing" : `${account.proposal} for approval`],
      ["reserved", String(account.reserved)],
      ["position", String(account.position)],
      ["profit", String(account.profit)],
      ["limits", bounds.map(([key, value]) => `${key}=${value}`).join(" ") || "nothing is allowed"],
    ]),
  );
  return ok(exitCodes.ok);
}

/**
 * The region that keeps the name, which only its own regions know: of those that answer, the one that has it. Where
 * one cannot tell, the first: the command itself then says why.
 */
async function keptIn(cluster: Cluster, options: Options, name: string): Promise<Result<string>> {
  const first = cluster.regions[0] ?? "";
  if (options.region !== undefined || !isToken(name)) return ok(options.region ?? first);
  const question = risk.v1.Describe.encode({}).finish();
  let unknown = 0;
  for (const region of cluster.regions) {
    const held = await ask(cluster, { ...options, region }, name, "describe", question);
    if (held.ok) return ok(region);
    if (held.failure.code === "not_found") unknown += 1;
  }
  if (unknown < cluster.regions.length) return ok(first);
  return refuse(
    "not_found",
    `no region has a risk limit ${name}`,
    `npx meridian account define ${name} --as operator`,
  );
}

/** `key=value` pairs over what is in force; what is not named stays. */
function changed(held: View["limits"], pairs: readonly string[]): Result<wire.risk.v1.ILimits> {
  const limits: Record<string, number> = {};
  for (const [key, field] of Object.entries(limitNames)) limits[field] = held[key as LimitName];
  for (const pair of pairs) {
    const [key = "", text = ""] = pair.split("=");
    const value = Number(text);
    if (
      !Object.hasOwn(limitNames, key) ||
      text === "" ||
      !Number.isSafeInteger(value) ||
      value < 0
    ) {
      const known = Object.keys(limitNames).join(", ");
      return refuse("usage", `${JSON.stringify(pair)} sets no limit`, `NAME=NUMBER with ${known}`);
    }
    limits[limitNames[key as LimitName]] = value;
  }
  return ok(limits);
}

function verb(account: Command, name: string): Command {
  return withClusterOptions(account.command(name))
    .argument("<name>", "desk, account or strategy")
    .option(
      "--region <region>",
      "region that keeps it (default: the one that has it; for a new name the first)",
    )
    .option("--id <id>", "id of this command: send the same again after a time-out")
    .addOption(outputOption());
}

type LimitOptions = Options & { readonly set: readonly string[]; readonly dryRun?: boolean };

/** What `account limit` would do: nothing is changed. */
async function tried(
  cluster: Cluster,
  options: Options,
  name: string,
  wanted: wire.risk.v1.ILimits,
): Promise<Result<ExitCode>> {
  const question = risk.v1.Describe.encode({ wanted }).finish();
  const held = await ask(cluster, options, name, "describe", question);
  if (!held.ok) return held;
  const limits = Object.fromEntries(
    Object.entries(limitNames).map(([key, field]) => [key, wanted[field] ?? 0]),
  );
  const { approvalNeeded } = held.value;
  const would = { name, approvalNeeded, from: held.value.limits, to: limits };
  if (printed(options, { value: would })) return ok(exitCodes.ok);
  const changes = Object.entries(limitNames).flatMap(([key, field]) => {
    const [from, to] = [held.value.limits[key as LimitName], wanted[field] ?? 0];
    return from === to ? [] : [`${key} ${from} → ${to}`];
  });
  print(changes.length === 0 ? "nothing would change" : changes.join(", "));
  print(approvalNeeded ? "somebody else has to approve it" : "it would hold at once");
  return ok(exitCodes.ok);
}

/** `meridian account …`: the limits of desks, accounts and strategies. */
export function register(program: Command): void {
  const account = program
    .command("account")
    .description("limits of desks, accounts and strategies: show, define, limit, approve, stop");
  const act = (
    command: Command,
    request: (
      id: string,
      user: string,
      options: Options,
      ...rest: readonly string[]
    ) => { readonly verb: string; readonly payload: { finish(): Uint8Array } },
  ): Command =>
    command.action((...given: readonly unknown[]) => {
      const options = given.at(-2) as Options;
      const [name = "", ...rest] = given.slice(0, -2) as readonly string[];
      return perform(() =>
        withCluster(options, async (cluster) => {
          const id = options.id ?? randomUUID();
          const { verb: to, payload } = request(id, cluster.user, options, ...rest);
          // A name that is defined is new, and is kept where the caller says.
          const kept =
            to === "define"
              ? ok(options.region ?? cluster.regions[0] ?? "")
              : await keptIn(cluster, options, name);
          if (!kept.ok) return kept;
          const asked = { ...options, region: kept.value };
          const done = await ask(cluster, asked, name, to, payload.finish());
          return done.ok ? shown(done.value, options) : done;
        }),
      );
    });

  act(verb(account, "show").description("what stands: limits, what is used, what waits"), () => ({
    verb: "describe",
    payload: risk.v1.Describe.encode({}),
  }));

  act(
    verb(account, "define")
      .description("say what a name is; it holds for good")
      .addOption(
        new Option("--scope <scope>", "what it is").choices(Object.keys(scopes)).default("account"),
      )
      .option("--parent <name>", "whose limits hold beside its own", "")
      .option("--number <account>", "account of its orders, 1 to 4294967295", "0")
      .addHelpText(
        "after",
        `
Examples:
  npx meridian account define desk-1 --scope desk --as operator
  npx meridian account define acme --parent desk-1 --number 7 --as operator`,
      ),
    (commandId, requestedBy, options) => {
      const { scope, parent, number } = options as Options & {
        readonly scope: ScopeName;
        readonly parent: string;
        readonly number: string;
      };
      const fields = { commandId, requestedBy, scope: scopes[scope], parent };
      return {
        verb: "define",
        payload: risk.v1.Define.encode({ ...fields, account: Math.max(0, Number(number) || 0) }),
      };
    },
  );

  verb(account, "limit")
    .description("tighten limits at once, or propose wider ones for approval")
    .option("--dry-run", "say whether they would hold at once or need approval; change nothing")
    .requiredOption("--set <limit=value...>", `of ${Object.keys(limitNames).join(", ")}; 0: none`)
    .addHelpText(
      "after",
      `
Examples:
  npx meridian account limit acme --set order-quantity=100 open-quantity=1000 loss=50000 --as operator
  npx meridian account limit acme --set position=5000 --dry-run
  npx meridian account approve acme ID --as approver`,
    )
    .action((name: string, given: LimitOptions) =>
      perform(() =>
        withCluster(given, async (cluster) => {
          // The first limits of a name make it: in the first region, unless it is kept anywhere.
          const kept = await keptIn(cluster, given, name);
          const first = cluster.regions[0] ?? "";
          const options = { ...given, region: kept.ok ? kept.value : first };
          const question = risk.v1.Describe.encode({}).finish();
          const held = await ask(cluster, options, name, "describe", question);
          if (!held.ok && held.failure.code !== "not_found") return held;
          const none = Object.fromEntries(Object.keys(limitNames).map((key) => [key, 0]));
          const limits = changed(
            held.ok ? held.value.limits : (none as View["limits"]),
            options.set,
          );
          if (!limits.ok) return limits;
          if (options.dryRun === true) return await tried(cluster, options, name, limits.value);
          const commandId = options.id ?? randomUUID();
          const fields = { commandId, limits: limits.value, requestedBy: cluster.user };
          const payload = risk.v1.SetLimits.encode(fields).finish();
          const done = await ask(cluster, options, name, "set-limits", payload);
          if (!done.ok) return done;
          if (done.value.proposal === commandId && options.output === "table") {
            const region = options.region === first ? "" : ` --region ${options.region}`;
            print(`These limits wait for somebody else's approval:`);
            print(`  npx meridian account approve ${name} ${commandId}${region} --as approver\n`);
          }
          return shown(done.value, options);
        }),
      ),
    );

  act(
    verb(account, "approve")
      .argument("<proposal>", "id of what waits; `account show` tells it")
      .description("approve wider limits or a resume that somebody else asked for"),
    (commandId, approvedBy, _, proposal = "") => ({
      verb: "approve",
      payload: risk.v1.Approve.encode({ commandId, proposal, approvedBy }),
    }),
  );

  act(
    verb(account, "stop")
      .description("cancel its orders and take no more, in every market, until it is resumed")
      .option("--reason <text>", "kept with the stop", "by command line"),
    (commandId, requestedBy, options) => {
      const { reason } = options as Options & { readonly reason: string };
      return { verb: "stop", payload: risk.v1.Stop.encode({ commandId, reason, requestedBy }) };
    },
  );

  act(
    verb(account, "resume").description("ask that orders be taken again; somebody else approves"),
    (commandId, requestedBy) => ({
      verb: "resume",
      payload: risk.v1.Resume.encode({ commandId, requestedBy }),
    }),
  );
}
