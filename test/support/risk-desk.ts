import * as assert from "uvu/assert";

import { quantityLots } from "../../actors/kernel/units.ts";
import { decodeReply, encodeRequest, type ReadReply } from "../../actors/risk-limit/codec.ts";
import { noLimits } from "../../actors/risk-limit/limits.ts";
import type { Limits } from "../../actors/risk-limit/messages.ts";
import { wire } from "../../schemas/messages.ts";
import { actorSubject } from "../../schemas/subjects.ts";
import { cellRegion, type MemoryCell } from "./memory-cell.ts";
import { eventually, until } from "./until.ts";

const { Side, OrderType, TimeInForce } = wire.market.v1;
/** Of the orders that a desk sends. */
export const account = 7;
type Sent = Parameters<typeof encodeRequest>[0];

/** Who changes, asks and breaks risk limits of a cell from outside. */
export class Desk {
  readonly cell: MemoryCell;
  #number = 0;

  constructor(cell: MemoryCell) {
    this.cell = cell;
  }

  /** Waits until somebody owns every name's shard. */
  async open(): Promise<void> {
    const question = encodeRequest({ type: "describe" });
    for (let probe = 0; probe < 32; probe += 1) {
      const subject = actorSubject(cellRegion, "risk-limit", `nobody-${probe}`, "describe");
      await until("risk limits are served", async () => {
        const payload = await this.cell.raw(subject, question);
        return payload !== null && decodeReply(payload).refusal?.code === "not_found";
      });
    }
  }

  id(): string {
    this.#number += 1;
    return `t${this.#number}`;
  }

  /** Null when nobody answers. */
  async tell(name: string, message: Sent): Promise<ReadReply | null> {
    const verb = message.type === "set_limits" ? "set-limits" : message.type;
    const subject = actorSubject(cellRegion, "risk-limit", name, verb);
    const payload = await this.cell.raw(subject, encodeRequest(message));
    return payload === null ? null : decodeReply(payload);
  }

  /** What has no answer is sent again under the same id, while a name moves, too. */
  async ask(name: string, message: Sent): Promise<ReadReply> {
    return await eventually(`${name} answers ${message.type}`, async () => {
      const reply = await this.tell(name, message);
      return reply?.refusal?.code === "unavailable" ? null : reply;
    });
  }

  async define(
    name: string,
    scope: "desk" | "account" | "strategy",
    parent: string,
    number = 0,
  ): Promise<string> {
    const reply = await this.ask(name, {
      type: "define",
      commandId: this.id(),
      requestedBy: "operator",
      scope,
      parent,
      account: number,
      tradedOnly: false,
    });
    return reply.refusal?.code ?? "done";
  }

  async allow(name: string, limits: Partial<Limits>): Promise<void> {
    const proposal = this.id();
    const wanted = { ...noLimits, ...limits };
    await this.ask(name, {
      type: "set_limits",
      commandId: proposal,
      limits: wanted,
      requestedBy: "operator",
    });
    const approved = await this.ask(name, {
      type: "approve",
      commandId: this.id(),
      proposal,
      approvedBy: "approver",
    });
    assert.is(approved.refusal, null);
  }

  async reserve(name: string, quantity: number, commandId = this.id()): Promise<string> {
    const lots = quantityLots(quantity);
    const reply = await this.ask(name, { type: "reserve", commandId, quantity: lots });
    return reply.refusal?.code ?? "done";
  }

  async report(name: string, from: string, profit: number): Promise<void> {
    const holding = { from, profit, position: 0, accounts: [] };
    const reply = await this.ask(name, { type: "report", commandId: this.id(), ...holding });
    assert.is(reply.refusal, null);
  }

  /** The refusal of an order of `quantity` units, or what rests of it. */
  async order(quantity: number): Promise<string> {
    this.#number += 1;
    const place = {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 500,
      quantity,
    };
    const commands = [{ number: this.#number, account, place }];
    const reply = await this.cell.submit("TEST", { session: 9, commands });
    const [outcome] = reply.outcomes;
    return outcome?.refusal?.code ?? `rests ${outcome?.remaining}`;
  }

  /** An order of somebody else. */
  async trade(
    side: "buy" | "sell",
    price: number,
    quantity: number,
    session: number,
  ): Promise<void> {
    const place = {
      side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price,
      quantity,
    };
    const commands = [{ number: 1, account: 99, place }];
    const reply = await this.cell.submit("TEST", { session, commands });
    assert.is(reply.outcomes[0]?.refusal, null);
  }

  async resting(): Promise<number> {
    return (await this.cell.report()).markets[0]?.restingOrders ?? -1;
  }
}

/** Limits that let the orders of tests pass. */
export const wide = {
  maximumOrderQuantity: quantityLots(100),
  maximumOpenQuantity: quantityLots(1_000),
};
