import * as assert from "uvu/assert";
import {
  attributes,
  breakerModes,
  commandKinds,
  eventKinds,
  limitKinds,
  linkKinds,
  marketStates,
  orderTypes,
  reasons,
  refusals,
  selfTradeModes,
  timesInForce,
} from "../../native/portable/codes.ts";
import { emptyFields } from "../../native/portable/command-fields.ts";
import type { CommandFields } from "../../native/portable/command-fields.ts";
import type { EventCells } from "../../native/portable/events.ts";
import { Market } from "../../native/portable/market.ts";

/** A market for scenarios: commands in few words, events as lines, all invariants checked each time. */

const nameIn = (table: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(table).find(([, number]) => number === value)?.[0] ?? String(value);

const SLOTS = 2 ** 24;

/** The id of an order by the slot and, where it is not the first, the generation. */
export const orderId = (slot: number, generation = 1): bigint => BigInt(generation * SLOTS + slot);

/** Terms of an order beyond side, quantity and price. */
export interface Terms {
  readonly account?: number;
  readonly type?: keyof typeof orderTypes;
  readonly time?: keyof typeof timesInForce;
  readonly with?: readonly (keyof typeof attributes)[];
  readonly selfTrade?: keyof typeof selfTradeModes;
  readonly oco?: bigint;
  readonly child?: bigint;
  readonly trigger?: number;
  readonly display?: number;
  readonly minimum?: number;
  readonly expiry?: number;
  readonly discretion?: number;
  readonly group?: number;
  readonly session?: bigint;
  readonly number?: bigint;
}

const SECOND = 1_000_000_000n;

export class MarketBench {
  readonly market = new Market();
  /** Time of the next command in nanoseconds. */
  time = 0n;
  #sequence = 0;

  constructor(change: Partial<CommandFields> = {}) {
    this.send({
      kind: commandKinds.configure,
      orderId: 1_000n,
      price: 1,
      trigger: 2 ** 31 - 2,
      quantity: 1_000_000,
      ...change,
    });
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** Lets so many seconds pass before the next command. */
  wait(seconds: number): void {
    this.time += BigInt(Math.round(seconds * 1_000)) * (SECOND / 1_000n);
  }

  /** The events of one command as lines, without the touch. */
  send(command: Partial<CommandFields>): string[] {
    return this.raw(command)
      .filter(({ kind }) => kind !== eventKinds.touch)
      .map(line);
  }

  raw(command: Partial<CommandFields>): readonly EventCells[] {
    this.#sequence += 1;
    const events = this.market.applyRaw(emptyFields(command), this.#sequence, this.time);
    assert.ok(events.length > 0);
    assert.is(this.market.verify(), null);
    return events;
  }

  /** A plain order of account 1, unchecked: for books that are too large to be checked each time. */
  place(quantity: number, price: number): void {
    this.#sequence += 1;
    const fields = emptyFields(order(0, quantity, price, {}));
    this.market.applyRaw(fields, this.#sequence, this.time);
  }

  buy(quantity: number, price: number, terms: Terms = {}): string[] {
    return this.send(order(0, quantity, price, terms));
  }

  sell(quantity: number, price: number, terms: Terms = {}): string[] {
    return this.send(order(1, quantity, price, terms));
  }

  cancel(id: bigint, account = 1): string[] {
    return this.send({ kind: commandKinds.cancel, orderId: id, account });
  }

  reduce(id: bigint, quantity: number, account = 1): string[] {
    return this.send({ kind: commandKinds.reduce, orderId: id, quantity, account });
  }

  replace(id: bigint, quantity: number, price: number, change: Partial<CommandFields> = {}) {
    return this.send({
      kind: commandKinds.replace,
      orderId: id,
      quantity,
      price,
      account: 1,
      ...change,
    });
  }

  state(name: keyof typeof marketStates): string[] {
    return this.send({ kind: commandKinds.set_state, orderType: marketStates[name] });
  }

  breaker(mode: keyof typeof breakerModes, reference: number, width: number, seconds = 0) {
    return this.send({
      kind: commandKinds.set_breaker,
      orderType: breakerModes[mode],
      price: reference,
      quantity: width,
      expiry: seconds,
    });
  }

  limit(name: keyof typeof limitKinds, value: number, window = 0, account = 1): string[] {
    return this.send({
      kind: commandKinds.set_limit,
      orderType: limitKinds[name],
      orderId: BigInt(value),
      quantity: window,
      account,
    });
  }

  position(lots: number, account = 1): string[] {
    return this.send({
      kind: commandKinds.set_position,
      side: lots < 0 ? 1 : 0,
      orderId: BigInt(Math.abs(lots)),
      account,
    });
  }

  tick(): string[] {
    return this.send({ kind: commandKinds.tick });
  }
}

/** The fields of a place command. */
export function order(
  side: 0 | 1,
  quantity: number,
  price: number,
  terms: Terms,
): Partial<CommandFields> {
  const link = terms.oco === undefined ? terms.child : terms.oco;
  const kind = terms.oco === undefined ? linkKinds.child : linkKinds.oco;
  const bits = (terms.with ?? []).reduce((sum, name) => sum + attributes[name], 0);
  return {
    kind: commandKinds.place,
    side,
    quantity,
    price,
    account: terms.account ?? 1,
    orderType: orderTypes[terms.type ?? "limit"],
    timeInForce: timesInForce[terms.time ?? "day"],
    attributes:
      bits + selfTradeModes[terms.selfTrade ?? "none"] * 64 + (link === undefined ? 0 : kind) * 512,
    orderId: link ?? 0n,
    trigger: terms.trigger ?? 0,
    display: terms.display ?? 0,
    minimum: terms.minimum ?? 0,
    expiry: terms.expiry ?? 0,
    discretion: terms.discretion ?? 0,
    group: terms.group ?? 0,
    session: terms.session ?? 0n,
    number: terms.number ?? 0n,
  };
}

/** slot.generation of an id; the generation only where it is not the first. */
function short(id: number): string {
  const generation = Math.floor(id / SLOTS);
  return generation <= 1 ? `${id % SLOTS}` : `${id % SLOTS}.${generation}`;
}

function line(event: EventCells): string {
  const { code, price, quantity, remaining, otherPrice } = event;
  const side = event.side === 0 ? "buy" : "sell";
  const id = short(event.orderId);
  const other = short(event.otherOrderId);
  switch (event.kind) {
    case eventKinds.accepted:
      return `accepted ${id} ${side} ${quantity}@${price}`;
    case eventKinds.executed: {
      const how = ["", " uncross", " dark", " uncross dark"][code] ?? "";
      return `executed ${id} with ${other} ${quantity}@${price} shows ${remaining}${how}`;
    }
    case eventKinds.canceled:
      return `canceled ${id} ${quantity} ${nameIn(reasons, code)}`;
    case eventKinds.reduced:
      return `reduced ${id} by ${quantity} to ${remaining} ${nameIn(reasons, code)}`;
    case eventKinds.replaced:
      return `replaced ${other} (${remaining}) by ${id} ${quantity}@${price}`;
    case eventKinds.refused:
      return `refused ${nameIn(refusals, code)}`;
    case eventKinds.repeated:
      return `repeated ${id} executed ${quantity} open ${remaining} ${nameIn(refusals, code)}`;
    case eventKinds.state_set:
      return `state ${nameIn(marketStates, code)}`;
    case eventKinds.rested:
      return `rested ${id} ${quantity}@${price}`;
    case eventKinds.triggered:
      return `triggered ${id} at ${otherPrice}`;
    case eventKinds.activated:
      return `activated ${id} ${quantity} of ${other}`;
    case eventKinds.repriced:
      return `repriced ${id} ${otherPrice} to ${price}`;
    case eventKinds.indicative:
      return `indicative ${event.orderId}@${price} ${side} ${event.otherOrderId}`;
    case eventKinds.limit_state:
      return `limit state ${code === 1 ? "begins" : "ends"} ${side} ${price}`;
    case eventKinds.busted:
      return `busted ${quantity}@${price} buyer ${event.account} seller ${otherPrice}`;
    case eventKinds.corrected:
      return `corrected ${event.otherOrderId} to ${quantity}@${price}`;
    default:
      return nameIn(eventKinds, event.kind);
  }
}
