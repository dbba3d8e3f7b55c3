import { type Command, Option } from "commander";

import { ok, type Result, refuse } from "../../../actors/kernel/result.ts";
import type { OuchInbound, OuchOutbound } from "../../../schemas/nasdaq/codec.ts";
import { type ByteStream, OuchClient, connectTcp } from "../../../schemas/nasdaq/ouch-client.ts";
import { type ExitCode, exitCodes } from "../action.ts";
import { findGateway, type LocalGateway } from "../local-edges.ts";
import { formatPrice, parsePrice, parseWhole } from "../prices.ts";
import { type OutputFormat, printed } from "../output.ts";
import { facts, print } from "../terminal.ts";

/** `meridian order … --via ouch`: an order through a gateway of OUCH 5.0 instead of NATS. */

export interface OuchOptions {
  readonly via: "nats" | "ouch";
  /** Absent: where the cell of a cluster on this machine listens. */
  readonly gateway?: string;
  readonly data?: string;
  readonly user?: string;
  readonly password?: string;
  readonly output: OutputFormat;
}

export const withOuchOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--via <door>", "through which door").choices(["nats", "ouch"]).default("nats"),
    )
    .addOption(
      new Option(
        "--gateway <host:port>",
        "with --via ouch: where it listens (default: as the data folder says)",
      ),
    )
    .addOption(new Option("--user <name>", "with --via ouch: the member").env("MERIDIAN_OUCH_USER"))
    .addOption(new Option("--password <word>", "with --via ouch").env("MERIDIAN_OUCH_PASSWORD"));

/** Prices of OUCH are in 10^-4. */
const DECIMALS = 4;
const LARGEST_QUANTITY = 2 ** 31 - 1;
const MARKET_PRICE = 0x7fffffffn;
const ANSWER_MS = 5_000;
/** What an order causes at once comes with its answer; after so much silence there is no more. */
const QUIET_MS = 200;

export async function placeViaOuch(
  symbol: string,
  side: string,
  quantityText: string,
  priceText: string | undefined,
  options: OuchOptions & { readonly tif: string },
): Promise<Result<ExitCode>> {
  if (side !== "buy" && side !== "sell")
    return refuse("usage", `${JSON.stringify(side)} is no side`, "buy or sell");
  if (options.tif === "fok")
    return refuse("usage", "OUCH has no fill-or-kill", "--tif ioc, or --via nats");
  const quantity = parseWhole(quantityText, "quantity", LARGEST_QUANTITY);
  if (!quantity.ok) return quantity;
  const price = priceText === undefined ? ok(null) : parsePrice(priceText, DECIMALS);
  if (!price.ok) return price;
  return withMember(symbol, options, async (client, listed) => {
    client.send({ kind: "accountQuery" });
    const account = await answer(client, ["accountQueryResponse"]);
    if (!account.ok) return account;
    const userRef = account.value.kind === "accountQueryResponse" ? account.value.nextUserRef : 0;
    const isMarket = price.value === null;
    const order: OuchInbound = {
      kind: "enterOrder",
      userRef,
      side: side === "buy" ? "B" : "S",
      quantity: quantity.value,
      symbol: listed,
      price: price.value === null ? MARKET_PRICE : BigInt(price.value),
      timeInForce: isMarket || options.tif === "ioc" ? "3" : "0",
      display: "Y",
      capacity: "P",
      intermarketSweep: "N",
      crossType: "N",
      clientOrderId: "",
      options: {},
    };
    client.send(order);
    return finish(client, userRef, quantity.value, options);
  });
}

export async function cancelViaOuch(
  symbol: string,
  userRefText: string,
  options: OuchOptions,
): Promise<Result<ExitCode>> {
  const userRef = parseWhole(userRefText, "user reference", 2 ** 32 - 1);
  if (!userRef.ok) return userRef;
  return withMember(symbol, options, async (client) => {
    client.send({ kind: "cancelOrder", userRef: userRef.value, quantity: 0 });
    const canceled = await answer(client, ["orderCanceled", "cancelReject"], userRef.value);
    if (!canceled.ok) return canceled;
    if (canceled.value.kind !== "orderCanceled")
      return refuse("order_unknown", `no open order has the reference ${userRef.value}`);
    const { quantity } = canceled.value;
    if (!printed(options, { value: { userRef: userRef.value, canceled: quantity } }))
      print(
        facts([
          ["user reference", userRefText],
          ["canceled", String(quantity)],
        ]),
      );
    return ok(exitCodes.ok);
  });
}

/** Who enters orders where; what is not given stands in the data folder of the cluster. */
function memberOf(symbol: string, options: OuchOptions): Result<LocalGateway> {
  const { gateway, data, user: username, password } = options;
  if (gateway !== undefined && username !== undefined && password !== undefined)
    return ok({ gateways: [gateway], symbol, username, password });
  if (gateway !== undefined)
    return refuse(
      "usage",
      "an order through a gateway needs a member",
      "--user and --password, or MERIDIAN_OUCH_USER and MERIDIAN_OUCH_PASSWORD",
    );
  const found = findGateway(data, symbol, password === undefined ? username : undefined);
  if (!found.ok) return found;
  if (username === undefined || password === undefined) return found;
  return ok({ ...found.value, username, password });
}

async function withMember(
  market: string,
  options: OuchOptions,
  body: (client: OuchClient, symbol: string) => Promise<Result<ExitCode>>,
): Promise<Result<ExitCode>> {
  const member = memberOf(market, options);
  if (!member.ok) return member;
  const { gateways, symbol, username, password } = member.value;
  const connected = await connectFirst(gateways);
  if (!connected.ok) return connected;
  const loggedIn = await OuchClient.logIn(connected.value, { username, password });
  if (!loggedIn.ok)
    return refuse("unavailable", `the gateway: ${loggedIn.failure.reason}`, "see its members file");
  const result = await body(loggedIn.client, symbol);
  loggedIn.client.logOut();
  return result;
}

/** The first that listens: where the market is now. */
async function connectFirst(gateways: readonly string[]): Promise<Result<ByteStream>> {
  const reasons: string[] = [];
  for (const gateway of gateways) {
    const [, host = "", port = ""] = /^(.+):(\d{1,5})$/.exec(gateway) ?? [];
    if (host === "") return refuse("usage", `${gateway} is no gateway`, "--gateway HOST:PORT");
    const connected = await connectTcp(host, Number(port), ANSWER_MS);
    if (connected.ok) return ok(connected.stream);
    reasons.push(`${gateway}: ${connected.reason}`);
  }
  return refuse("unavailable", reasons.join("; "), "npx meridian status");
}

/** The next message of one of these kinds, about this order if one is named. */
async function answer(
  client: OuchClient,
  kinds: readonly OuchOutbound["kind"][],
  userRef?: number,
): Promise<Result<OuchOutbound>> {
  for (;;) {
    const received = await client.receive(ANSWER_MS);
    if (received.kind === "timeout")
      return refuse("timeout", "no answer came; the order may have been taken");
    if (received.kind === "end") return refuse("unavailable", "the session is over");
    if (received.kind === "closed") return refuse("unavailable", received.reason);
    const { message } = received;
    const isNamed = userRef === undefined || ("userRef" in message && message.userRef === userRef);
    if (kinds.includes(message.kind) && isNamed) return ok(message);
  }
}

/** Gathers what becomes of an order at once, and prints it. */
async function finish(
  client: OuchClient,
  userRef: number,
  quantity: number,
  options: OuchOptions,
): Promise<Result<ExitCode>> {
  const first = await answer(client, ["orderAccepted", "orderRejected"], userRef);
  if (!first.ok) return first;
  if (first.value.kind !== "orderAccepted") {
    const reason = first.value.kind === "orderRejected" ? first.value.reason : 0;
    return refuse(
      "order_rejected",
      `the gateway rejects the order, reason 0x${reason.toString(16).padStart(2, "0")}`,
      "native/order_entry/README.md says what the reasons mean",
    );
  }
  let executed = 0;
  let canceled = 0;
  const fills: { readonly quantity: number; readonly price: number }[] = [];
  for (;;) {
    const received = await client.receive(QUIET_MS);
    if (received.kind !== "message") break;
    const { message } = received;
    if (!("userRef" in message) || message.userRef !== userRef) continue;
    if (message.kind === "orderExecuted") {
      executed += message.quantity;
      fills.push({ quantity: message.quantity, price: Number(message.price) });
    } else if (message.kind === "orderCanceled") canceled += message.quantity;
  }
  const open = quantity - executed - canceled;
  const orderId = String(first.value.orderReference);
  const value = { userRef, orderId, executed, canceled, open, priceDecimals: DECIMALS, fills };
  if (printed(options, { value, ids: [orderId] })) return ok(exitCodes.ok);
  const lines = facts([
    ["user reference", String(userRef)],
    ["order", orderId],
    ["executed", String(executed)],
    ["canceled", String(canceled)],
    ["open", String(open)],
  ]);
  const trades = fills.map((fill) => `  ${fill.quantity} @ ${formatPrice(fill.price, DECIMALS)}`);
  print([lines, ...trades].join("\n"));
  return ok(exitCodes.ok);
}
