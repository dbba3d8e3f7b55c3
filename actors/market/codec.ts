import type { ChainMessage } from "../kernel/accepted-chain.ts";
import { HASH_BYTES } from "../kernel/accepted-chain.ts";
import type {
  DurabilityMode,
  EngineCommand,
  LatencySummary,
  Side,
  TimeInForce,
} from "../kernel/ports/matching-engine.ts";
import type { SenderIdentity } from "../kernel/incarnation-fence.ts";
import { ok, refuse, type Failure, type Result } from "../kernel/result.ts";
import {
  MAX_ORDER_LOTS,
  MAX_PRICE_TICKS,
  orderId,
  priceTicks,
  quantityLots,
  type AccountId,
  type OrderId,
  type PriceTicks,
  type QuantityLots,
} from "../kernel/units.ts";
import { wire } from "../../schemas/messages.ts";
import { isToken } from "../../schemas/subjects.ts";
import { refusals, type RefusalCode } from "../../schemas/refusals.ts";
import type { AccountRule, EngineLimits, LimitsRequest } from "./account-limits.ts";
import type { MarketDefinition, MarketStatus, TouchUnits } from "./messages.ts";
import type { OwnOrder } from "./orders-view.ts";

/** Messages of the market to and from protobuf, and units to and from ticks and lots. */

/** Largest request taken, in bytes. */
export const MAXIMUM_REQUEST_BYTES = 512 * 1024;
/** Most commands in one SubmitRequest. */
export const MAXIMUM_COMMANDS = 1_024;
/** Most levels a BookReply holds per side. */
export const MAXIMUM_BOOK_LEVELS = 1_000;

export type WireOutcome = wire.market.v1.IOutcome;

/** A command ready for the engine, or the reason why it goes no further. */
export type DecodedCommand =
  | { readonly number: number; readonly command: EngineCommand; readonly refused: null }
  | { readonly number: number; readonly command: null; readonly refused: Failure };

export interface DecodedSubmit {
  /** Null: a client, which acts under no lease. */
  readonly sender: SenderIdentity | null;
  readonly session: number;
  readonly commands: readonly DecodedCommand[];
}

/**
 * Decodes and checks a SubmitRequest. Refuses the whole of it as `too_large` or `malformed`; a
 * command that cannot be right (off tick, off lot, no side, …) is refused alone. Commands carry tag
 * `firstTag`, `firstTag` + 1, … modulo 2^32, locally refused ones included.
 */
export function decodeSubmit(
  payload: Uint8Array,
  definition: MarketDefinition,
  firstTag: number,
): Result<DecodedSubmit> {
  if (payload.length > MAXIMUM_REQUEST_BYTES) {
    return refuse(
      "too_large",
      `the request has ${payload.length} bytes, the limit is ${MAXIMUM_REQUEST_BYTES}`,
      "send fewer commands per request",
    );
  }
  let request: wire.market.v1.SubmitRequest;
  try {
    request = wire.market.v1.SubmitRequest.decode(payload);
  } catch {
    return refuse("malformed", "not a SubmitRequest", "encode by schemas/market/v1/market.proto");
  }
  const sender = decodeSender(request.sender);
  if (sender !== null && !sender.ok) return sender;
  const count = request.commands.length;
  if (count === 0 && sender === null)
    return refuse("malformed", "the request has no command", "send 1 to 1,024");
  if (count > MAXIMUM_COMMANDS) {
    return refuse("too_large", `${count} commands in a request`, "send at most 1,024");
  }
  const session = request.session;
  if (!Number.isSafeInteger(session)) {
    return refuse("malformed", "the session is above 2^53 - 1", "choose 1 … 2^53 - 1, or 0");
  }
  const commands = request.commands.map((command, index) =>
    decodeCommand(command, session, (firstTag + index) % 2 ** 32, definition),
  );
  return ok({ sender: sender?.value ?? null, session, commands });
}

/** Null when the request names none. */
function decodeSender(
  sender: wire.market.v1.IActorIdentity | null | undefined,
): Result<SenderIdentity> | null {
  if (sender === null || sender === undefined) return null;
  const { actor, shard, incarnation } = sender;
  if (actor && shard && isToken(shard) && actor.length <= 256) {
    if (incarnation && Number.isSafeInteger(incarnation)) return ok({ actor, shard, incarnation });
  }
  return refuse("malformed", "the sender is not whole", "name actor, shard and incarnation");
}

function decodeCommand(
  command: wire.market.v1.ICommand,
  session: number,
  tag: number,
  definition: MarketDefinition,
): DecodedCommand {
  const number = command.number ?? 0;
  if (!Number.isSafeInteger(number)) {
    return refused(0, "command_invalid", "the number is above 2^53 - 1");
  }
  const header = {
    session,
    // Without a session the number only names the outcome to the sender.
    number: session === 0 ? 0 : number,
    account: (command.account ?? 0) as AccountId,
    tag,
  };
  const { place, cancel, reduce, replace } = command;
  if (place) return decodePlace(place, header, number, definition);
  if (cancel) {
    const id = decodeOrderId(cancel.orderId);
    if (id === null) return unknownOrder(number);
    return { number, command: { ...header, kind: "cancel", orderId: id }, refused: null };
  }
  if (reduce) {
    const id = decodeOrderId(reduce.orderId);
    if (id === null) return unknownOrder(number);
    const quantity = decodeQuantity(reduce.quantity, definition);
    if (!quantity.ok) return { number, command: null, refused: quantity.failure };
    return {
      number,
      command: { ...header, kind: "reduce", orderId: id, quantity: quantity.value },
      refused: null,
    };
  }
  if (replace) {
    const id = decodeOrderId(replace.orderId);
    if (id === null) return unknownOrder(number);
    const price = decodePrice(replace.price, definition);
    if (!price.ok) return { number, command: null, refused: price.failure };
    const quantity = decodeQuantity(replace.quantity, definition);
    if (!quantity.ok) return { number, command: null, refused: quantity.failure };
    return {
      number,
      command: {
        ...header,
        kind: "replace",
        orderId: id,
        price: price.value,
        quantity: quantity.value,
      },
      refused: null,
    };
  }
  return refused(number, "command_invalid", "the command has no action");
}

function decodePlace(
  place: wire.market.v1.IPlace,
  header: Pick<EngineCommand, "session" | "number" | "account" | "tag">,
  number: number,
  definition: MarketDefinition,
): DecodedCommand {
  const side = sides[place.side ?? 0];
  if (side === undefined) return refused(number, "command_invalid", "the side is not set");
  const orderType = orderTypes[place.orderType ?? 0];
  if (orderType === undefined) {
    return refused(number, "command_invalid", "the order type is not set");
  }
  const timeInForce = timesInForce[place.timeInForce ?? 0];
  if (timeInForce === undefined) {
    return refused(number, "command_invalid", "the time in force is not set");
  }
  let price: PriceTicks | 0 = 0;
  if (orderType === "limit") {
    const decoded = decodePrice(place.price, definition);
    if (!decoded.ok) return { number, command: null, refused: decoded.failure };
    price = decoded.value;
  } else if ((place.price ?? 0) !== 0) {
    return refused(number, "command_invalid", "a market order has no price");
  }
  const quantity = decodeQuantity(place.quantity, definition);
  if (!quantity.ok) return { number, command: null, refused: quantity.failure };
  return {
    number,
    command: {
      ...header,
      kind: "place",
      side,
      orderType,
      timeInForce,
      price,
      quantity: quantity.value,
    },
    refused: null,
  };
}

const sides: Readonly<Record<number, Side>> = { 1: "buy", 2: "sell" };
const orderTypes: Readonly<Record<number, "limit" | "market">> = { 1: "limit", 2: "market" };
const timesInForce: Readonly<Record<number, TimeInForce>> = { 1: "day", 2: "ioc", 3: "fok" };

function decodePrice(
  units: number | null | undefined,
  definition: MarketDefinition,
): Result<PriceTicks> {
  const price = units ?? 0;
  if (price <= 0) return refuseCode("price_not_positive", `the price is ${price}`);
  const ticks = price / definition.tick;
  if (price > Number.MAX_SAFE_INTEGER || ticks > MAX_PRICE_TICKS) {
    return refuseCode(
      "price_out_of_band",
      `the price is above ${definition.bandHigh}, the top of the band`,
    );
  }
  if (!Number.isInteger(ticks)) {
    return refuseCode(
      "price_off_tick",
      `the price ${price} is not a multiple of the tick ${definition.tick}`,
    );
  }
  return ok(priceTicks(ticks));
}

function decodeQuantity(
  units: number | null | undefined,
  definition: MarketDefinition,
): Result<QuantityLots> {
  const quantity = units ?? 0;
  // A negative number written into an unsigned field arrives as 2^63 or more.
  if (quantity === 0 || quantity >= 2 ** 63) {
    return refuseCode("quantity_not_positive", "the quantity is zero or negative");
  }
  const lots = quantity / definition.lot;
  if (quantity > Number.MAX_SAFE_INTEGER || lots > MAX_ORDER_LOTS) {
    return refuseCode(
      "quantity_too_large",
      `the quantity is above the market's maximum of ${definition.maximumQuantity}`,
    );
  }
  if (!Number.isInteger(lots)) {
    return refuseCode(
      "quantity_off_lot",
      `the quantity ${quantity} is not a multiple of the lot ${definition.lot}`,
    );
  }
  return ok(quantityLots(lots));
}

function decodeOrderId(id: number | null | undefined): OrderId | null {
  return id && Number.isSafeInteger(id) ? orderId(id) : null;
}

const unknownOrder = (number: number): DecodedCommand =>
  refused(number, "order_unknown", "no order has that id");

function refused(number: number, code: RefusalCode, reason: string): DecodedCommand {
  return { number, command: null, refused: { code, reason, next: nextStep(code) } };
}

const refuseCode = (
  code: RefusalCode,
  reason: string,
): { readonly ok: false; readonly failure: Failure } => refuse(code, reason, nextStep(code));

/** What a client can do about a refusal, by code; empty where there is nothing. */
export function nextStep(code: string): string {
  return nextSteps[code as RefusalCode] ?? "";
}

const nextSteps: Partial<Record<RefusalCode, string>> = {
  command_invalid: "correct the command, see schemas/market/v1/market.proto",
  not_configured: "retry when the market is open",
  market_halted: "cancel, or retry when the market is resumed",
  quantity_not_positive: "send a positive quantity",
  quantity_too_large: "split the order",
  price_not_positive: "send a positive price",
  price_out_of_band: "choose a price inside the band, see the market's definition",
  price_off_tick: "round the price to the tick, see the market's definition",
  quantity_off_lot: "round the quantity to the lot, see the market's definition",
  order_unknown: "it was filled or canceled, or never existed: ask for the book",
  order_not_yours: "use the account that placed it",
  account_invalid: "send the number of a trading account",
  order_pool_full: "cancel orders, or retry later",
  level_pool_full: "use a price that has orders already, or retry later",
  number_stale: "look up the order, then use a new number",
  ring_full: "retry with the same number",
  market_stopped: "retry with the same number when the market is open",
  not_durable: "retry with the same number",
  busy: "retry with the same number",
  not_owner: "retry with the same number",
};

/** A refusal of the engine as clients see it. */
export function engineFailure(code: RefusalCode): Failure {
  return { code, reason: refusals[code], next: nextStep(code) };
}

export function encodeSubmitReply(
  outcomes: readonly WireOutcome[],
  mode: DurabilityMode,
  epoch: number,
): Uint8Array {
  return wire.market.v1.SubmitReply.encode({
    outcomes: outcomes as WireOutcome[],
    durability: durabilities[mode],
    epoch,
  }).finish();
}

export const encodeSubmitRefusal = (failure: Failure): Uint8Array =>
  wire.market.v1.SubmitReply.encode({ refusal: failure }).finish();

/** Levels wanted, 1 … 1,000 (absent: 10). */
export function decodeBookRequest(payload: Uint8Array): Result<number> {
  if (payload.length > MAXIMUM_REQUEST_BYTES) {
    return refuse("too_large", `the request has ${payload.length} bytes`, "send a BookRequest");
  }
  try {
    const { levels } = wire.market.v1.BookRequest.decode(payload);
    return ok(Math.min(levels === 0 ? 10 : levels, MAXIMUM_BOOK_LEVELS));
  } catch {
    return refuse("malformed", "not a BookRequest", "encode by schemas/market/v1/market.proto");
  }
}

/** One price level, units. */
export interface LevelUnits {
  readonly price: number;
  readonly quantity: number;
  readonly orders: number;
}

export const encodeBookReply = (
  bids: readonly LevelUnits[],
  asks: readonly LevelUnits[],
  sequence: number,
  digest: string,
  stale: boolean,
): Uint8Array =>
  wire.market.v1.BookReply.encode({
    bids: [...bids],
    asks: [...asks],
    sequence,
    digest,
    stale,
  }).finish();

export const encodeBookRefusal = (failure: Failure): Uint8Array =>
  wire.market.v1.BookReply.encode({ refusal: failure }).finish();

/** Most orders one OrdersReply holds. */
export const MAXIMUM_ORDERS_LISTED = 1_000;

export interface OrdersQuery {
  readonly account: number;
  /** Order id above which they are listed. */
  readonly after: number;
}

export function decodeOrdersRequest(payload: Uint8Array): Result<OrdersQuery> {
  if (payload.length > MAXIMUM_REQUEST_BYTES) {
    return refuse("too_large", `the request has ${payload.length} bytes`, "send an OrdersRequest");
  }
  try {
    const { account, after } = wire.market.v1.OrdersRequest.decode(payload);
    if (account === 0) {
      return refuse("account_invalid", refusals.account_invalid, nextStep("account_invalid"));
    }
    return ok({ account, after });
  } catch {
    return refuse("malformed", "not an OrdersRequest", "encode by schemas/market/v1/market.proto");
  }
}

/** Accounts one ApplyLimits may name. */
const MAXIMUM_ACCOUNTS = 1_024;

/** Failure codes: too_large, malformed, account_invalid. */
export function decodeLimits(payload: Uint8Array): Result<LimitsRequest> {
  if (payload.length > MAXIMUM_REQUEST_BYTES) {
    return refuse("too_large", `the request has ${payload.length} bytes`, "send an ApplyLimits");
  }
  let decoded: wire.risk.v1.ApplyLimits;
  try {
    decoded = wire.risk.v1.ApplyLimits.decode(payload);
  } catch {
    return refuse("malformed", "not an ApplyLimits", "encode by schemas/risk/v1/risk.proto");
  }
  const { actor, incarnation, accounts } = decoded;
  if (accounts.length > MAXIMUM_ACCOUNTS) {
    return refuse("too_large", `${accounts.length} accounts`, `send ${MAXIMUM_ACCOUNTS} at most`);
  }
  const rules: AccountRule[] = [];
  for (const { account = 0, stopped = false, limits } of accounts) {
    if (account === 0 || account === null) {
      return refuse("account_invalid", refusals.account_invalid, nextStep("account_invalid"));
    }
    rules.push({
      account: account as AccountId,
      stopped: stopped ?? false,
      limits: limits ? engineLimits(limits) : null,
    });
  }
  return ok({ actor, incarnation, accounts: rules });
}

const engineLimits = (limits: wire.risk.v1.ILimits): EngineLimits => ({
  quantity: limits.maximumOrderQuantity ?? 0,
  notional: limits.maximumNotional ?? 0,
  collar: limits.collar ?? 0,
  open_orders: limits.maximumOpenOrders ?? 0,
  position: limits.maximumPosition ?? 0,
  message_rate: { count: limits.messageCount ?? 0, windowMs: limits.messageWindowMs ?? 0 },
  execution_rate: { count: limits.executionCount ?? 0, windowMs: limits.executionWindowMs ?? 0 },
});

export const encodeLimitsReply = (failure: Failure | null): Uint8Array =>
  wire.risk.v1.ApplyLimitsReply.encode(failure === null ? {} : { refusal: failure }).finish();

/** `orders` in ticks and lots, at most MAXIMUM_ORDERS_LISTED of them. */
export const encodeOrdersReply = (
  definition: MarketDefinition,
  orders: readonly OwnOrder[],
  more: boolean,
  sequence: number,
  stale: boolean,
): Uint8Array =>
  wire.market.v1.OrdersReply.encode({
    orders: orders.map(({ orderId: id, side, price, remaining }) => ({
      orderId: id,
      side: side === "buy" ? wire.market.v1.Side.SIDE_BUY : wire.market.v1.Side.SIDE_SELL,
      price: price * definition.tick,
      remaining: remaining * definition.lot,
    })),
    more,
    sequence,
    stale,
  }).finish();

export const encodeOrdersRefusal = (failure: Failure): Uint8Array =>
  wire.market.v1.OrdersReply.encode({ refusal: failure }).finish();

export const encodeL1 = (
  market: string,
  sequence: number,
  touch: TouchUnits,
  last: { readonly price: number; readonly quantity: number },
  volume: number,
  trades: number,
): Uint8Array =>
  wire.market.v1.L1.encode({
    market,
    touch,
    sequence,
    lastPrice: last.price,
    lastQuantity: last.quantity,
    volume,
    trades,
  }).finish();

export const encodeL2 = (
  market: string,
  sequence: number,
  bids: readonly LevelUnits[],
  asks: readonly LevelUnits[],
): Uint8Array =>
  wire.market.v1.L2.encode({ market, sequence, bids: [...bids], asks: [...asks] }).finish();

/** One execution, units. */
export interface TradeUnits {
  readonly price: number;
  readonly quantity: number;
  readonly aggressor: Side;
  readonly sequence: number;
}

export const encodeTrades = (
  market: string,
  trades: readonly TradeUnits[],
  dropped: number,
): Uint8Array =>
  wire.market.v1.Trades.encode({
    market,
    trades: trades.map((trade) => ({ ...trade, aggressor: trade.aggressor === "buy" ? 1 : 2 })),
    dropped,
  }).finish();

export const encodeEventBlock = (block: {
  readonly market: string;
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
  readonly events: Uint8Array;
  readonly traces?: string[];
}): Uint8Array => wire.market.v1.EventBlock.encode(block).finish();

/** The bytes of a block or fence; the same message gives the same bytes. */
export function encodeChainMessage(message: ChainMessage): Uint8Array {
  const { type, ...body } = message;
  return wire.market.v1.JournalMessage.encode(
    type === "block" ? { block: body } : { fence: body },
  ).finish();
}

/** Null when the bytes are no journal message; whoever reads the chain drops and counts it. */
export function decodeChainMessage(payload: Uint8Array): ChainMessage | null {
  let message: wire.market.v1.JournalMessage;
  try {
    message = wire.market.v1.JournalMessage.decode(payload);
  } catch {
    return null;
  }
  const { block, fence } = message;
  if (block) {
    const { market = "", epoch = 0, first = 0, last = 0 } = present(block);
    const { previousHash, hash, records } = block;
    if (!isHash(previousHash) || !isHash(hash) || !records) return null;
    if (![epoch, first, last].every(Number.isSafeInteger)) return null;
    return { type: "block", market, epoch, first, last, previousHash, hash, records };
  }
  if (fence) {
    const { market = "", epoch = 0, holder = "", log = "" } = present(fence);
    const { previousHash, hash } = fence;
    if (!isHash(previousHash) || !isHash(hash) || !Number.isSafeInteger(epoch)) return null;
    return { type: "fence", market, epoch, previousHash, holder, log, hash };
  }
  return null;
}

type Present<T> = { [Field in keyof T]?: Exclude<T[Field], null | undefined> };
const present = <T extends object>(message: T): Present<T> => message;

const isHash = (bytes: Uint8Array | null | undefined): bytes is Uint8Array =>
  bytes?.length === HASH_BYTES;

const durabilities: Readonly<Record<DurabilityMode, wire.market.v1.DurabilityMode>> = {
  matched: wire.market.v1.DurabilityMode.DURABILITY_MODE_MATCHED,
  durable: wire.market.v1.DurabilityMode.DURABILITY_MODE_DURABLE,
  replicated: wire.market.v1.DurabilityMode.DURABILITY_MODE_REPLICATED,
};

/** Reference data as it travels. */
export function definitionToWire(definition: MarketDefinition): wire.market.v1.IMarketDefinition {
  return { ...definition, mode: durabilities[definition.mode] };
}

/** schemas/control/v1 MarketStatus. */
export function statusToWire(status: MarketStatus): wire.control.v1.IMarketStatus {
  return {
    market: status.definition.market,
    home: status.definition.home,
    state: status.state,
    mode: status.mode,
    epoch: status.epoch,
    matched: status.matched,
    durable: status.durable,
    committed: status.committed,
    orders: status.orders,
    trades: status.trades,
    volume: status.volume,
    refusals: { ...status.refusals },
    restingOrders: status.restingOrders,
    touch: status.touch,
    digest: status.digest,
    restarts: status.restarts,
    serviceTime: latencyToWire(status.serviceTime),
    acknowledgement: latencyToWire(status.acknowledgement),
    detail: status.detail,
    definition: definitionToWire(status.definition),
  };
}

const latencyToWire = (latency: LatencySummary): wire.control.v1.ILatency => ({
  count: latency.count,
  p50Ns: latency.p50,
  p99Ns: latency.p99,
  p999Ns: latency.p999,
  maximumNs: latency.maximum,
});
