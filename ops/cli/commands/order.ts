import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { type Command, Option } from "commander";

import { type Failure, ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import { ExchangeClient } from "../../../schemas/sdk/client.ts";
import { allowedRegions } from "../../../schemas/placement.ts";
import type {
  Action,
  Book,
  Outcome,
  RestingOrder,
  TimeInForce,
} from "../../../schemas/sdk/orders.ts";
import { type ExitCode, exitCodes, perform } from "../action.ts";
import { type Cluster, type Target, withCluster } from "../cluster.ts";
import { type DefinitionView, findMarket, type MarketView } from "../markets.ts";
import { formatPrice, parsePrice, parseWhole } from "../prices.ts";
import { cancelViaOuch, type OuchOptions, placeViaOuch, withOuchOptions } from "./ouch.ts";
import { type OutputFormat, outputOption, printed, quietOption } from "../output.ts";
import { type ClusterOptions, facts, print, table, withClusterOptions } from "../terminal.ts";

type OrderOptions = ClusterOptions & {
  readonly output: OutputFormat;
  readonly quiet?: boolean;
  readonly account: string;
};

/** `meridian order …`: single orders and the book, through the same door as every client. */
export function register(program: Command): void {
  const order = program.command("order").description("enter and change orders, show a book");

  withOuchOptions(orderCommand(order, "place"))
    .description("enter an order")
    .argument("<market>")
    .argument("<side>", "buy or sell")
    .argument("<quantity>", "in the market's quantity units")
    .argument("[price]", "in the market's currency; without it: a market order")
    .addOption(
      new Option("--tif <time>", "how long it stays").choices(["day", "ioc", "fok"]).default("day"),
    )
    .addHelpText(
      "after",
      `
Examples:
  npx meridian order place BTC-EUR buy 10 64000.50 --as operator
  npx meridian order place BTC-EUR sell 5 --as operator            a market order
  npx meridian order place BTC-EUR buy 10 64000.50 --tif fok -o json --as operator
  npx meridian order place BTC-EUR buy 10 64000.50 --via ouch
  npx meridian order place ACME buy 10 1.25 --via ouch --gateway 127.0.0.1:9001 --user alice

With --via ouch the price has 4 decimals and the account is the member's: without --user the first one of the cluster
on this machine. With --gateway the market is the gateway's symbol. An order of a member that cancels on disconnect is
gone when the command ends.`,
    )
    .action(
      (
        market: string,
        side: string,
        quantity: string,
        price: string | undefined,
        options: OrderOptions & OuchOptions & { readonly tif: TimeInForce },
      ) => {
        if (options.via === "ouch") {
          return perform(() => placeViaOuch(market, side, quantity, price, options));
        }
        return run(market, options, ({ account, decimals }) => {
          if (side !== "buy" && side !== "sell") {
            return refuse("usage", `${JSON.stringify(side)} is no side`, "buy or sell");
          }
          const lots = parseWhole(quantity, "quantity");
          if (!lots.ok) return lots;
          const limit = price === undefined ? ok(null) : parsePrice(price, decimals);
          if (!limit.ok) return limit;
          const timeInForce = price === undefined && options.tif === "day" ? "ioc" : options.tif;
          return ok({
            kind: "place",
            account,
            side,
            timeInForce,
            price: limit.value,
            quantity: lots.value,
          });
        });
      },
    );

  withOuchOptions(orderCommand(order, "cancel"))
    .description("cancel a resting order")
    .argument("<market>")
    .argument("<order-id>", "with --via ouch: the user reference")
    .action((market: string, id: string, options: OrderOptions & OuchOptions) => {
      if (options.via === "ouch") return perform(() => cancelViaOuch(market, id, options));
      return run(market, options, ({ account }) => {
        const orderId = parseWhole(id, "order id");
        return orderId.ok ? ok({ kind: "cancel", account, orderId: orderId.value }) : orderId;
      });
    });

  orderCommand(order, "reduce")
    .description("take quantity off a resting order, which keeps its priority")
    .argument("<market>")
    .argument("<order-id>")
    .argument("<quantity>", "what to take off")
    .action((market: string, id: string, quantity: string, options: OrderOptions) =>
      run(market, options, ({ account }) => {
        const orderId = parseWhole(id, "order id");
        if (!orderId.ok) return orderId;
        const lots = parseWhole(quantity, "quantity");
        if (!lots.ok) return lots;
        return ok({ kind: "reduce", account, orderId: orderId.value, quantity: lots.value });
      }),
    );

  orderCommand(order, "replace")
    .description("replace a resting order; the new one has a new id and no priority")
    .argument("<market>")
    .argument("<order-id>")
    .argument("<quantity>")
    .argument("<price>", "in the market's currency")
    .action((market: string, id: string, quantity: string, price: string, options: OrderOptions) =>
      run(market, options, ({ account, decimals }) => {
        const orderId = parseWhole(id, "order id");
        if (!orderId.ok) return orderId;
        const lots = parseWhole(quantity, "quantity");
        if (!lots.ok) return lots;
        const limit = parsePrice(price, decimals);
        if (!limit.ok) return limit;
        return ok({
          kind: "replace",
          account,
          orderId: orderId.value,
          price: limit.value,
          quantity: lots.value,
        });
      }),
    );

  orderCommand(order, "list")
    .description("list the resting orders of an account")
    .argument("<market>")
    .action((market: string, options: OrderOptions) =>
      perform(() => withCluster(options, (cluster) => list(cluster, market, options))),
    );

  withClusterOptions(order.command("book"))
    .description("show the best price levels of a market")
    .argument("<market>")
    .option("--levels <count>", "levels of each side", "10")
    .addOption(outputOption())
    .action(
      (
        market: string,
        options: ClusterOptions & { readonly output: OutputFormat; readonly levels: string },
      ) =>
        perform(() =>
          withCluster(options, async (cluster) => {
            const levels = parseWhole(options.levels, "number of levels", 1_000);
            if (!levels.ok) return levels;
            const found = await findMarket(cluster, market);
            if (!found.ok) return found;
            const book = await clientFor(cluster, found.value).book(levels.value);
            if (!book.ok) return book;
            const decimals = found.value.definition?.priceDecimals ?? 0;
            const value = { market, priceDecimals: decimals, ...book.value };
            const rows = [
              ...book.value.bids.map((level) => ({ side: "buy", ...level })),
              ...book.value.asks.map((level) => ({ side: "sell", ...level })),
            ];
            if (!printed(options, { value, rows })) print(bookTable(book.value, decimals));
            return ok(exitCodes.ok);
          }),
        ),
    );
}

function orderCommand(order: Command, name: string): Command {
  return withClusterOptions(order.command(name))
    .option("--account <number>", "trading account", "1")
    .addOption(quietOption("order ids"))
    .addOption(outputOption());
}

async function list(
  cluster: Cluster,
  market: string,
  options: OrderOptions,
): Promise<Result<ExitCode>> {
  const account = parseWhole(options.account, "trading account", LARGEST_ACCOUNT);
  if (!account.ok) return account;
  const found = await findMarket(cluster, market);
  if (!found.ok) return found;
  const client = clientFor(cluster, found.value);
  const orders: RestingOrder[] = [];
  for (let more = true; more; ) {
    const page = await client.orders(account.value, orders.at(-1)?.orderId ?? 0);
    if (!page.ok) return page;
    orders.push(...page.value.orders);
    more = page.value.more && page.value.orders.length > 0;
  }
  const decimals = found.value.definition?.priceDecimals ?? 0;
  const value = { market, priceDecimals: decimals, orders };
  const ids = orders.map(({ orderId }) => String(orderId));
  if (!printed(options, { value, rows: orders, ids })) {
    const rows = orders.map(({ orderId, side, price, remaining }) => [
      String(orderId),
      side,
      String(remaining),
      formatPrice(price, decimals),
    ]);
    print(table(["ORDER", "SIDE", "RESTING", "PRICE"], rows));
  }
  return ok(exitCodes.ok);
}

const LARGEST_ACCOUNT = 2 ** 32 - 1;

/** Regions that orders of the client's home may go to; null: any. */
const ordersOf = ({ cluster, home }: Target): readonly string[] | null =>
  home === null
    ? null
    : allowedRegions(
        cluster.regions.map(({ name }) => name),
        cluster.regions.find(({ name }) => name === home)?.residency,
        "orders",
      );

const clientFor = (cluster: Cluster, market: MarketView): ExchangeClient =>
  new ExchangeClient({
    region: market.region,
    otherRegions: cluster.regions,
    allowedRegions: ordersOf(cluster.target),
    market: market.market,
    transport: cluster,
    session: randomInt(1, 2 ** 48 - 1),
    sleep,
    random: Math.random,
  });

function run(
  market: string,
  options: OrderOptions,
  build: (context: { readonly account: number; readonly decimals: number }) => Result<Action>,
): Promise<void> {
  return perform(() =>
    withCluster<ExitCode>(options, async (cluster) => {
      const account = parseWhole(options.account, "trading account", LARGEST_ACCOUNT);
      if (!account.ok) return account;
      const found = await findMarket(cluster, market);
      if (!found.ok) return found;
      const decimals = found.value.definition?.priceDecimals ?? 0;
      const action = build({ account: account.value, decimals });
      if (!action.ok) return action;
      const answer = await clientFor(cluster, found.value).submit([action.value]);
      if (!answer.ok) return answer;
      const [outcome] = answer.value.outcomes;
      if (outcome === undefined) return refuse("reply_malformed", "the reply has no outcome");
      const { durability, epoch } = answer.value;
      const value = { market, durability, epoch, priceDecimals: decimals, ...outcome };
      const ids = outcome.refusal === null ? [String(outcome.orderId)] : [];
      if (!printed(options, { value, ids }) && outcome.refusal === null) {
        print(outcomeText(outcome, durability, decimals));
      }
      if (outcome.refusal === null) return ok(exitCodes.ok);
      return { ok: false, failure: inCurrency(outcome.refusal, found.value.definition) };
    }),
  );
}

/** Says what would be right in the terms in which people write prices and quantities. */
export function inCurrency(refusal: Failure, definition: DefinitionView | null): Failure {
  if (definition === null) return refusal;
  const price = (units: number): string => formatPrice(units, definition.priceDecimals);
  switch (refusal.code) {
    case "price_off_tick":
      return {
        ...refusal,
        reason: `the price is not a multiple of the tick, ${price(definition.tick)} ${definition.currency}`,
      };
    case "price_out_of_band":
      return {
        ...refusal,
        reason: `the price is outside the market's band, ${price(definition.bandLow)} to ${price(definition.bandHigh)} ${definition.currency}`,
      };
    case "quantity_too_large":
      return {
        ...refusal,
        reason: `the quantity is above the market's maximum, ${definition.maximumQuantity}`,
      };
    default:
      return refusal;
  }
}

function outcomeText(outcome: Outcome, durability: string, decimals: number): string {
  const lines = facts([
    ["order", String(outcome.orderId)],
    ["executed", String(outcome.executed)],
    ["canceled", String(outcome.canceled)],
    ["resting", String(outcome.remaining)],
    ["sequence", String(outcome.sequence)],
    ["promise", durability],
  ]);
  const fills = outcome.fills.map(
    (fill) =>
      `  ${fill.quantity} @ ${formatPrice(fill.price, decimals)} of order ${fill.makerOrderId}`,
  );
  return [lines, ...fills].join("\n");
}

function bookTable(book: Book, decimals: number): string {
  const depth = Math.max(book.bids.length, book.asks.length);
  const rows = Array.from({ length: depth }, (_, index) => {
    const bid = book.bids[index];
    const ask = book.asks[index];
    return [
      bid === undefined ? "" : String(bid.orders),
      bid === undefined ? "" : String(bid.quantity),
      bid === undefined ? "" : formatPrice(bid.price, decimals),
      ask === undefined ? "" : formatPrice(ask.price, decimals),
      ask === undefined ? "" : String(ask.quantity),
      ask === undefined ? "" : String(ask.orders),
    ];
  });
  return table(["ORDERS", "QUANTITY", "BID", "ASK", "QUANTITY", "ORDERS"], rows);
}
