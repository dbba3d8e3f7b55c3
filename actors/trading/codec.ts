import { z } from "zod";

import type { EventCodec } from "../kernel/event-versions.ts";
import type { TraderEvent, TraderReply, TraderState } from "./messages.ts";

/**
 * Events and states of actors that trade, as kept in their logs: JSON under a version, checked by these
 * rules on reading.
 */

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const decimal = z.string().regex(/^-?\d{1,40}$/);
const side = z.enum(["buy", "sell"]);
const order = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("place"),
    side,
    price: count,
    quantity: count,
    timeInForce: z.enum(["day", "ioc"]),
  }),
  z.strictObject({ kind: z.literal("cancel"), orderId: count }),
]);
const settlement = z.strictObject({
  refusal: z.string().nullable(),
  orderId: count,
  executed: count,
  value: decimal,
  canceled: count.nullable(),
  remaining: count,
});
const phase = z.enum(["running", "flattening", "paused", "stopping", "stopped", "done"]);

function eventRules<Memo>(memo: z.ZodType<Memo>) {
  return z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("planned"),
      session: count,
      orders: z.array(order),
      memo: memo.nullable(),
    }),
    z.strictObject({ type: z.literal("settled"), settlements: z.array(settlement) }),
    z.strictObject({
      type: z.literal("reconciled"),
      resting: z.array(z.strictObject({ orderId: count, remaining: count })),
    }),
    z.strictObject({ type: z.literal("steered"), phase }),
  ]);
}

const ledger = z.strictObject({
  session: count,
  number: count,
  pending: z.strictObject({ firstNumber: count, orders: z.array(order) }).nullable(),
  live: z.array(z.strictObject({ orderId: count, side, price: count, remaining: count })),
  inventory: z.int(),
  cash: decimal,
  bought: count,
  sold: count,
  fills: count,
  sent: count,
  assumed: count,
  doubtful: count,
});

/** Version 1 of the events; `memo` are the rules of what the plan remembers. */
export function traderEventCodec<Memo>(memo: z.ZodType<Memo>): EventCodec<TraderEvent<Memo>> {
  const rules = eventRules(memo);
  return {
    version: 1,
    // What could not be read back must not be kept: it would end every later incarnation.
    encode: (event) => new TextEncoder().encode(JSON.stringify(rules.parse(event))),
    decode: (content) => JSON.parse(new TextDecoder().decode(content)) as unknown,
    upcasters: {},
    parse: (event) => rules.parse(event),
  };
}

export interface TraderStateCodec<Memo> {
  readonly version: 1;
  readonly upcasters: Readonly<Record<number, never>>;
  parse(state: unknown): TraderState<Memo>;
  parseReply(reply: unknown): TraderReply<Memo>;
  readonly every: number;
}

export function traderStateCodec<Memo>(memo: z.ZodType<Memo>): TraderStateCodec<Memo> {
  const rules = z.strictObject({ ledger, phase, memo: memo.nullable() });
  const reply = z.strictObject({ type: z.literal("done") });
  return {
    version: 1,
    upcasters: {},
    parse: (state) => rules.parse(state),
    parseReply: (given) => reply.parse(given),
    // A start reads at most this many messages, each a question to the stream's leader.
    every: 64,
  };
}
