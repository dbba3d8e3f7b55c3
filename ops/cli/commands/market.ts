import { readFileSync } from "node:fs";

import { Argument, type Command, Option } from "commander";
import { parse } from "smol-toml";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { marketFileSchema } from "../../../schemas/configuration.ts";
import { wire } from "../../../schemas/messages.ts";
import { isToken, operationsSubject } from "../../../schemas/subjects.ts";
import { exitCodes, perform } from "../action.ts";
import { type Cluster, withCluster } from "../cluster.ts";
import {
  changeMode,
  changePhase,
  clusterStatus,
  createMarket,
  decodeMarketReply,
  type DefinitionView,
  findMarket,
  type MarketView,
  type ModeName,
  modeNames,
  type PhaseName,
  phaseNames,
} from "../markets.ts";
import { formatPrice } from "../prices.ts";
import { type OutputFormat, outputOption, printed, quietOption } from "../output.ts";
import { type ClusterOptions, print, table, withClusterOptions } from "../terminal.ts";

type MarketOptions = ClusterOptions & { readonly output: OutputFormat; readonly quiet?: boolean };
type CreateOptions = MarketOptions & {
  readonly home?: string;
  readonly like?: string;
  readonly file?: string;
  readonly mode?: ModeName;
};

/** `meridian market …`: make, halt, resume and list markets, change their mode and phase. */
export function register(program: Command): void {
  const market = program.command("market").description("make, halt, resume and list markets");

  withClusterOptions(market.command("list"))
    .description("list all markets with their reference data")
    .addOption(quietOption())
    .addOption(outputOption())
    .action((options: MarketOptions) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const { markets, regions } = await clusterStatus(cluster);
          const silent = regions.filter((region) => region.cell === null);
          const ids = markets.map(({ market: name }) => name);
          if (!printed(options, { value: { markets, silent }, rows: markets, ids })) {
            print(definitionTable(markets));
            for (const region of silent) print(`${region.name}: ${region.reason ?? ""}`);
          }
          return ok(silent.length === regions.length ? exitCodes.failed : exitCodes.ok);
        }),
      ),
    );

  withClusterOptions(market.command("create"))
    .description("make a market at run time; it stays until the data folder is removed")
    .argument("<name>", "token of letters, digits, _ and -")
    .option("--home <region>", "region that runs it (default: that of --like, else the first)")
    .option("--like <market>", "take the reference data of this market")
    .option("--file <toml>", "take the reference data of a file like regions/*/markets/*.toml")
    .addOption(new Option("--mode <mode>", "what an acknowledgement promises").choices(modeNames))
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  npx meridian market create ETH-EUR --like BTC-EUR --as operator
  npx meridian market create ETH-USD --file ETH-USD.toml --home us-east --as operator`,
    )
    .action((name: string, options: CreateOptions) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          if (!isToken(name)) {
            return refuse("usage", `${JSON.stringify(name)} is no market name`, "like BTC-EUR");
          }
          const wanted = await wantedMarket(cluster, options);
          if (!wanted.ok) return wanted;
          const created = await createMarket(
            cluster,
            name,
            wanted.value.home,
            wanted.value.definition,
          );
          return created.ok ? shown(created.value, options) : created;
        }),
      ),
    );

  withClusterOptions(market.command("mode"))
    .description("change what acknowledgements promise from now on")
    .argument("<market>")
    .addArgument(new Argument("<mode>", "the promise").choices(modeNames))
    .option("--reason <text>", "kept with the change", "by command line")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
  replicated   survives the loss of any one region
  durable      survives a crash and a power cut, when the market comes back on that disk
  matched      promises nothing

What follows the change is acknowledged as replicated until the change is in the journal.`,
    )
    .action((name: string, mode: ModeName, options: MarketOptions & { readonly reason: string }) =>
      perform(() =>
        withCluster(options, async (cluster) => {
          const found = await findMarket(cluster, name);
          if (!found.ok) return found;
          const changed = await changeMode(cluster, found.value, mode, options.reason);
          return changed.ok ? shown(changed.value, options) : changed;
        }),
      ),
    );

  withClusterOptions(market.command("phase"))
    .description("call an auction, close the market, or uncross and open it")
    .argument("<market>")
    .addArgument(new Argument("<phase>", "what may be traded from now on").choices(phaseNames))
    .option("--reason <text>", "kept with the change", "by command line")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
In an auction orders gather and nothing is matched; open uncrosses them at one price. closed uncrosses as well, and
cancels what is good for the day.`,
    )
    .action(
      (name: string, phase: PhaseName, options: MarketOptions & { readonly reason: string }) =>
        perform(() =>
          withCluster(options, async (cluster) => {
            const found = await findMarket(cluster, name);
            if (!found.ok) return found;
            const changed = await changePhase(cluster, found.value, phase, options.reason);
            return changed.ok ? shown(changed.value, options) : changed;
          }),
        ),
    );

  for (const verb of ["halt", "resume"] as const) {
    withClusterOptions(market.command(verb))
      .description(
        verb === "halt" ? "stop matching; cancels are still taken" : "match again after a halt",
      )
      .argument("<market>")
      .option("--reason <text>", "kept with the change", "by command line")
      .addOption(outputOption())
      .action((name: string, options: MarketOptions & { readonly reason: string }) =>
        perform(() =>
          withCluster(options, async (cluster) => {
            const found = await findMarket(cluster, name);
            if (!found.ok) return found;
            const request = wire.control.v1.MarketStateRequest.encode({
              market: name,
              reason: options.reason,
              requestedBy: cluster.user,
            }).finish();
            const { region } = found.value;
            const subject = operationsSubject(region, `market-${verb}`);
            const changed = await cluster.ask(subject, request, (payload) =>
              decodeMarketReply(payload, region),
            );
            return changed.ok ? shown(changed.value, options) : changed;
          }),
        ),
      );
  }
}

/** An auction is told in the place of the state: a market that is called is not open. */
const stateText = ({ state, phase }: MarketView): string =>
  state === "open" && phase !== "" ? phase : state;

function shown(market: MarketView, options: MarketOptions) {
  if (!printed(options, { value: market, ids: [market.market] })) {
    print(`${market.market} in ${market.region}: ${stateText(market)}, ${market.mode}`);
  }
  return ok(exitCodes.ok);
}

async function wantedMarket(
  cluster: Cluster,
  options: CreateOptions,
): Promise<Result<{ readonly home: string; readonly definition: DefinitionView }>> {
  if ((options.like === undefined) === (options.file === undefined)) {
    return refuse(
      "usage",
      "reference data must come from somewhere",
      "--like MARKET or --file FILE",
    );
  }
  const base = options.like === undefined ? null : await findMarket(cluster, options.like);
  if (base !== null && !base.ok) return base;
  const home = options.home ?? base?.value.home ?? cluster.regions[0] ?? "";
  if (!cluster.regions.includes(home)) {
    return refuse(
      "usage",
      `the cluster has no region ${home}`,
      `one of: ${cluster.regions.join(", ")}`,
    );
  }
  const given =
    base === null ? readDefinition(options.file ?? "") : likeDefinition(base.value, options.home);
  if (!given.ok) return given;
  const mode = options.mode ?? given.value.mode;
  return ok({ home, definition: { ...given.value, mode } });
}

function likeDefinition(base: MarketView, home: string | undefined): Result<DefinitionView> {
  if (base.definition === null) {
    return refuse(
      "definition_missing",
      `region ${base.home} does not tell the reference data of ${base.market}`,
      "use --file",
    );
  }
  // Markets of one shard share a home.
  if (home !== undefined && home !== base.home) {
    return refuse(
      "usage",
      `${base.market} is at home in ${base.home}, and so are all markets of its shard`,
      "leave --home out, or use --file with a shard of that region",
    );
  }
  return ok(base.definition);
}

/** Failure codes: file_unreadable, definition_invalid. */
function readDefinition(path: string): Result<DefinitionView> {
  let content: unknown;
  try {
    content = parse(readFileSync(path, "utf8"));
  } catch (error) {
    return refuse("file_unreadable", `${path}: ${(error as Error).message}`, "check the file");
  }
  const parsed = marketFileSchema.safeParse(content);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refuse(
      "definition_invalid",
      `${path}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? "invalid"}`,
      "regions/*/markets/*.toml are examples",
    );
  }
  const file = parsed.data;
  return ok({
    group: file.group,
    shard: file.shard,
    currency: file.currency,
    priceDecimals: file.price_decimals,
    tick: file.tick,
    lot: file.lot,
    bandLow: file.bands.low,
    bandHigh: file.bands.high,
    maximumQuantity: file.maximum_quantity,
    orderCapacity: file.order_capacity,
    mode: file.mode,
    calendar: file.calendar,
    makerFeeBpsE2: file.fees.maker_bps_e2,
    takerFeeBpsE2: file.fees.taker_bps_e2,
  });
}

function definitionTable(markets: readonly MarketView[]): string {
  return table(
    ["MARKET", "HOME", "STATE", "MODE", "CURRENCY", "TICK", "LOT", "BANDS", "MAXIMUM", "NOTE"],
    markets.map((found) => {
      const { market, home, mode, definition, detail } = found;
      const price = (units: number): string => formatPrice(units, definition?.priceDecimals ?? 0);
      return [
        market,
        home,
        stateText(found),
        mode,
        definition?.currency ?? "-",
        definition === null ? "-" : price(definition.tick),
        String(definition?.lot ?? "-"),
        definition === null ? "-" : `${price(definition.bandLow)} … ${price(definition.bandHigh)}`,
        String(definition?.maximumQuantity ?? "-"),
        detail ?? "",
      ];
    }),
  );
}
