import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import type { Command } from "commander";

import { ok, refuse, type Result } from "../../../actors/kernel/result.ts";
import { isToken } from "../../../schemas/subjects.ts";
import { exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import { findMarket } from "../markets.ts";
import {
  type ActorView,
  askActor,
  decodeReport,
  type ExecutionView,
  knownRegion,
  listActors,
  regionOf,
  sendToActor,
  spawnActor,
  type StrategyView,
  watchActor,
} from "../strategies.ts";
import { outputOption, type OutputOptions, printed, quietOption, rowPrinter } from "../output.ts";
import { type ClusterOptions, facts, print, table, withClusterOptions } from "../terminal.ts";

type Options = ClusterOptions & OutputOptions & { readonly region?: string };
type SpawnOptions = Options & {
  readonly market: string;
  readonly account?: string;
  readonly key?: string;
  readonly antiAffinity?: string;
  readonly set: readonly string[];
  readonly from?: string;
  readonly quiet?: boolean;
};

const help = `
Types and what --set takes (defaults in brackets; prices in price units, quantities in quantity units):
  all of them            risk [one of its own]: the risk limit that is asked before each order (meridian account);
                         maximumOrder, maximumOpen, maximumPosition, maximumLoss: of its own limit
  avellaneda-stoikov,    gamma [0.1], kappa [1.5], arrivalRate [1], sigma [as seen], horizon [1],
  gueant-lehalle-tapia   quantity [10 lots], maximumInventory [10 quotes], interval [500],
                         tolerance [0], reference [none]
  twap                   side, quantity, duration, slices [60], limit [none], interval [500]
  pov                    side, quantity, share, band [1], maximumChild [all], limit [none], interval [500]
  custom                 quantity [10 lots], maximumInventory [10 quotes], interval [500]; the strategy is
                         yours, in the file of --from (actors/custom-strategy/README.md shows how to write one)

Examples:
  npx meridian strategy spawn avellaneda-stoikov --market BTC-EUR --set gamma=0.1 --as operator
  npx meridian strategy spawn --from ./my-strategy.ts --market BTC-EUR --as operator
  npx meridian strategy spawn twap --market BTC-EUR --set side=buy --set quantity=100 --set duration=60 --as operator`;

/** `meridian strategy …`: spawn, watch and stop strategies and executions. */
export function register(program: Command): void {
  const strategy = program
    .command("strategy")
    .description("spawn, watch and stop strategies and executions");

  withRegion(strategy.command("spawn"))
    .description("start one; the same key again is the same one")
    .argument("[type]", "avellaneda-stoikov, gueant-lehalle-tapia, twap, pov or custom", "custom")
    .requiredOption("--market <market>", "market it trades in")
    .option("--account <number>", "account it trades under (default: one of its own)")
    .option("--key <id>", "its name (default: the type and eight random digits)")
    .option("--anti-affinity <word>", "keep those of one word in different cells")
    .option("--from <file>", "your own strategy: a TypeScript file")
    .option("--set <name=value>", "a parameter; may be repeated", collect, [])
    .addOption(quietOption("its name"))
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((type: string, options: SpawnOptions) =>
      perform(() => withCluster(options, (cluster) => spawn(cluster, type, options))),
    );

  withRegion(strategy.command("list"))
    .description("list those of one region or all")
    .addOption(quietOption())
    .addOption(outputOption())
    .action((options: Options) =>
      perform(() => withCluster(options, (cluster) => list(cluster, options))),
    );

  for (const [verb, description] of [
    ["describe", "show one with its parameters and its last report"],
    ["stop", "cancel what rests, then end it; its record stays"],
    ["restart", "start a stopped one again with its state, or a running one anew"],
  ] as const) {
    withRegion(strategy.command(verb))
      .description(description)
      .argument("<id>")
      .addOption(quietOption("its name"))
      .addOption(outputOption())
      .action((id: string, options: Options) =>
        one(id, options, (cluster, region) => askActor(cluster, region, verb, id)),
      );
  }

  for (const verb of ["pause", "resume", "flatten"] as const) {
    withRegion(strategy.command(verb))
      .description(
        {
          pause: "cancel what rests and wait",
          resume: "go on after a pause, state as left",
          flatten: "trade its inventory away at the other side's best price, then wait",
        }[verb],
      )
      .argument("<id>")
      .option("--command-id <id>", "the same id again is done once (default: a random one)")
      .addOption(quietOption("its name"))
      .addOption(outputOption())
      .action((id: string, options: Options & { readonly commandId?: string }) =>
        one(id, options, (cluster, region) =>
          sendToActor(cluster, region, verb, id, options.commandId ?? randomDigits()),
        ),
      );
  }

  withRegion(strategy.command("watch"))
    .description("print its reports as they come, until Ctrl-C")
    .argument("<id>")
    .option("--count <number>", "end after this many")
    .addOption(outputOption())
    .action((id: string, options: Options & { readonly count?: string }) =>
      perform(() => withCluster(options, (cluster) => watch(cluster, id, options))),
    );
}

const withRegion = (command: Command): Command =>
  withClusterOptions(command).option("--region <region>", "only there (default: found by itself)");

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

const randomDigits = (): string => randomBytes(4).toString("hex");

async function spawn(cluster: Cluster, type: string, options: SpawnOptions) {
  const given = parametersOf(options);
  if (!given.ok) return given;
  const parameters = withSource(type, options.from, given.value);
  if (!parameters.ok) return parameters;
  const region =
    options.region === undefined
      ? await homeOf(cluster, options.market)
      : knownRegion(cluster, options.region);
  if (!region.ok) return region;
  const key = options.key ?? `${type}-${randomDigits()}`;
  if (!isToken(key)) return refuse("usage", `${JSON.stringify(key)} is no name`, "like maker-1");
  const order = {
    key,
    type,
    parameters: parameters.value,
    antiAffinity: options.antiAffinity ?? "",
  };
  const spawned = await spawnActor(cluster, region.value, order);
  if (!spawned.ok) return spawned;
  shown(spawned.value, options);
  return ok(exitCodes.ok);
}

async function homeOf(cluster: Cluster, market: string): Promise<Result<string>> {
  const found = await findMarket(cluster, market);
  return found.ok ? ok(found.value.home) : found;
}

/** Failure code: usage. */
export function parametersOf(
  options: Pick<SpawnOptions, "market" | "account" | "set">,
): Result<Readonly<Record<string, string>>> {
  const parameters: Record<string, string> = { market: options.market };
  if (options.account !== undefined) parameters["account"] = options.account;
  for (const setting of options.set) {
    const at = setting.indexOf("=");
    const name = setting.slice(0, at);
    if (at < 1) {
      return refuse("usage", `--set ${setting} has no value`, "write it like --set gamma=0.1");
    }
    if (Object.hasOwn(parameters, name)) {
      return refuse("usage", `${name} is given twice`, "give each parameter once");
    }
    parameters[name] = setting.slice(at + 1);
  }
  return ok(parameters);
}

/** The file of a custom strategy goes with the request. Failure codes: usage, file_unreadable. */
function withSource(
  type: string,
  file: string | undefined,
  parameters: Readonly<Record<string, string>>,
): Result<Readonly<Record<string, string>>> {
  if ((type === "custom") !== (file !== undefined)) {
    return file === undefined
      ? refuse("usage", "a custom strategy is in a file", "--from FILE, or name another type")
      : refuse(
          "usage",
          `--from is for your own strategy, not for ${type}`,
          "leave one of them out",
        );
  }
  if (file === undefined) return ok(parameters);
  try {
    return ok({ ...parameters, source: readFileSync(file, "utf8") });
  } catch (error) {
    return refuse("file_unreadable", `${file}: ${(error as Error).message}`, "check the path");
  }
}

async function list(cluster: Cluster, options: Options) {
  const regions =
    options.region === undefined
      ? ok(cluster.regions)
      : asList(knownRegion(cluster, options.region));
  if (!regions.ok) return regions;
  const answers = await Promise.all(regions.value.map((region) => listActors(cluster, region)));
  const actors = answers.flatMap((answer) => (answer.ok ? answer.value : []));
  const silent = answers.flatMap((answer, index) =>
    answer.ok ? [] : [{ region: regions.value[index] ?? "", ...answer.failure }],
  );
  const ids = actors.map(({ id }) => id);
  if (!printed(options, { value: { actors, silent }, rows: actors, ids })) {
    print(actorTable(actors));
    for (const { region, reason } of silent) print(`${region}: ${reason}`);
  }
  return ok(silent.length === regions.value.length ? exitCodes.failed : exitCodes.ok);
}

const asList = (region: Result<string>): Result<readonly string[]> =>
  region.ok ? ok([region.value]) : region;

function one(
  id: string,
  options: Options,
  body: (cluster: Cluster, region: string) => Promise<Result<ActorView>>,
): Promise<void> {
  return perform(() =>
    withCluster(options, async (cluster) => {
      const region = await regionOf(cluster, id, options.region);
      if (!region.ok) return region;
      const actor = await body(cluster, region.value);
      if (!actor.ok) return actor;
      shown(actor.value, options);
      return ok(exitCodes.ok);
    }),
  );
}

function shown(actor: ActorView, options: Options): void {
  if (!printed(options, { value: actor, ids: [actor.id] })) print(actorFacts(actor));
}

async function watch(cluster: Cluster, id: string, options: Options & { readonly count?: string }) {
  const count = options.count === undefined ? Number.POSITIVE_INFINITY : Number(options.count);
  if (!(count >= 1)) return refuse("usage", "--count is no whole number above 0", "like --count 5");
  const region = await regionOf(cluster, id, options.region);
  if (!region.ok) return region;
  const found = await watchActor(cluster, region.value, id);
  if (!found.ok) return found;
  let left = count;
  const rows = rowPrinter(options);
  for await (const payload of cluster.listen(found.value.subject)) {
    const report = decodeReport(found.value.subject, payload);
    const row = report.strategy ?? report.execution;
    if (rows !== null && row !== null) rows(row);
    else print(reportLine(report));
    left -= 1;
    if (left <= 0) break;
  }
  return ok(exitCodes.ok);
}

export function actorTable(actors: readonly ActorView[]): string {
  return table(
    ["ID", "TYPE", "STATE", "REGION", "CELL", "MARKET", "REPORT", "NOTE"],
    actors.map((actor) => [
      actor.id,
      actor.type,
      actor.state,
      actor.region,
      actor.cell === "" ? "-" : actor.cell,
      actor.parameters["market"] ?? "-",
      reportLine(actor),
      actor.detail,
    ]),
  );
}

export function actorFacts(actor: ActorView): string {
  const parameters = Object.entries(actor.parameters)
    .sort(([first], [second]) => (first < second ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const limit = (actor.strategy ?? actor.execution)?.limit;
  return facts([
    ["id", actor.id],
    ["type", actor.type],
    ["state", actor.detail === "" ? actor.state : `${actor.state} (${actor.detail})`],
    ["runs in", `${actor.region}, ${actor.cell === "" ? "no cell" : `cell ${actor.cell}`}`],
    ["incarnation", `${actor.incarnation}, shard ${actor.shard}`],
    ["parameters", parameters.join(" ")],
    ["requested by", actor.requestedBy === "" ? "-" : actor.requestedBy],
    ...(actor.antiAffinity === "" ? [] : [["apart from", actor.antiAffinity] as const]),
    ["report", reportLine(actor)],
    ...(limit === undefined
      ? []
      : [
          [
            "risk limit",
            `${limit.name}, ${limit.held} lots held, ${limit.refused} refused`,
          ] as const,
        ]),
  ]);
}

/** What it said last, in one line. */
export function reportLine(report: Pick<ActorView, "strategy" | "execution">): string {
  if (report.strategy !== null) return strategyLine(report.strategy);
  return report.execution === null ? "-" : executionLine(report.execution);
}

function strategyLine({ state, inventory, profit, bid, ask, fills }: StrategyView): string {
  const quote = (side: StrategyView["bid"]): string =>
    side === null ? "-" : `${side.quantity}@${side.price}`;
  return `${state}: ${quote(bid)} / ${quote(ask)}, inventory ${inventory}, profit ${profit}, fills ${fills}`;
}

const executionLine = ({ state, executed, quantity, scheduled, paid }: ExecutionView): string =>
  `${state}: ${executed} of ${quantity}, scheduled ${scheduled}, cash ${paid}`;
