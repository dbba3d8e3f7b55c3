import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { MatchingEngine } from "../../actors/kernel/ports/matching-engine.ts";
import { type SeededRandomness, seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { wire } from "../../schemas/messages.ts";
import { controlVerbs } from "../../schemas/subjects.ts";
import {
  cellMarket,
  cellRegion,
  type MemoryCell,
  startMemoryCell,
} from "../support/memory-cell.ts";
import { seed } from "../support/seed.ts";
import { missingAddon, testUnless } from "../support/skip.ts";

const test = suite("bytes from outside at every subject of a cell");
const { market, control, risk } = wire;
const { BookRequest, OrdersRequest, SubmitRequest, SubmitReply } = market.v1;
const { Side, OrderType, TimeInForce } = market.v1;

/** Requests of strangers, and how many are under way at a time. */
const REQUESTS = 6_000;
const IN_FLIGHT = 16;
/** On a busy machine an answer is late; one that never comes is a fault. */
const patience = durationNs(60_000_000_000);
const fixedSeed = seed(90_210);

/** Numbers at the edges of what a field, a float or a 64-bit integer holds. */
const edges = [0, 1, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 5, 500, 10] as const;
const names = ["TEST", "MADE", "NONE", "__proto__", "constructor", "x".repeat(64), "-"] as const;

/** One random request: any bytes, a message with odd values, or such a message damaged. */
class Stranger {
  readonly #random: SeededRandomness;

  constructor(random: SeededRandomness) {
    this.#random = random;
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }
  #number(): number {
    return this.#random.below(3) === 0 ? this.#random.below(2 ** 32) : this.#pick(edges);
  }
  #bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.#random.below(256));
  }

  request(): { readonly subject: string; readonly payload: Uint8Array } {
    return { subject: this.#subject(), payload: this.#payload() };
  }

  #subject(): string {
    switch (this.#random.below(4)) {
      case 0: {
        const verb = this.#pick(["submit", "submit", "submit", "book", "orders", "explode"]);
        return `cmd.${cellRegion}.${this.#pick(names)}.${verb}`;
      }
      case 1: {
        // Not `flow`: resumed, it would send orders, and have refusals, of its own.
        const verbs = ["status", "tree", "market-create", "market-halt", "market-resume"];
        return `ops.${cellRegion}.${this.#pick([...verbs, "reboot", "a.b.c", "x".repeat(200)])}`;
      }
      case 2:
        return `ctl.${cellRegion}.${this.#pick(controlVerbs)}`;
      default: {
        const verb = this.#pick(["set-limits", "reserve", "release", "describe", "explode", "a.b"]);
        const account = this.#pick(["a1", "a2", "__proto__"]);
        return `act.${cellRegion}.risk-limit.${account}.${verb}`;
      }
    }
  }

  #payload(): Uint8Array {
    switch (this.#random.below(5)) {
      case 0:
        return this.#bytes(this.#random.below(300));
      case 1:
        return this.#deep();
      case 2:
      case 3:
        return this.#message();
      default:
        return this.#damaged(this.#message());
    }
  }

  /** Groups or messages nested deeper than any decoder should follow, or a length that is not there. */
  #deep(): Uint8Array {
    const length = 1 + this.#random.below(this.#random.below(20) === 0 ? 600_000 : 2_000);
    return this.#pick([
      new Uint8Array(length).fill(0x0b),
      new Uint8Array(length).fill(0x0a),
      Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f),
    ]);
  }

  #damaged(message: Uint8Array): Uint8Array {
    const damaged = Uint8Array.from(message);
    for (let faults = 1 + this.#random.below(4); faults > 0 && damaged.length > 0; faults -= 1) {
      damaged[this.#random.below(damaged.length)] = this.#random.below(256);
    }
    return damaged.subarray(0, this.#random.below(damaged.length + 1));
  }

  #message(): Uint8Array {
    const name = this.#pick(["NONE", "__proto__", "", "x".repeat(5_000)]);
    const id = this.#pick(["c1", "c2", "", "c".repeat(300)]);
    const maker: () => { finish(): Uint8Array } = this.#pick([
      () => this.#submit(),
      () => this.#submit(),
      () => BookRequest.encode({ levels: this.#pick([0, 1, 2 ** 32 - 1]) }),
      () => OrdersRequest.encode({ account: this.#pick([0, 1]), after: this.#number() }),
      () => this.#create(),
      () => control.v1.MarketStateRequest.encode({ market: name, reason: name }),
      () =>
        risk.v1.SetLimits.encode({
          commandId: id,
          limits: { maximumOrderQuantity: this.#number(), maximumOpenQuantity: this.#number() },
        }),
      () =>
        risk.v1.Reserve.encode({
          commandId: id,
          quantity: this.#number(),
          sender: { actor: name, shard: id, incarnation: this.#number() },
        }),
      () => this.#control(id, name),
    ]);
    return maker().finish();
  }

  /** Never a spawn that could be done: what a stranger spawns would trade. */
  #control(id: string, name: string): { finish(): Uint8Array } {
    const parameters = { market: name, account: id, side: "buy", quantity: String(this.#number()) };
    const fields = { id, key: id, type: this.#pick(["twap", "", "x"]), parameters };
    const json = Buffer.from(JSON.stringify({ ...fields, limit: this.#number() }));
    return this.#pick<{ finish(): Uint8Array }>([
      control.v1.SpawnRequest.encode(fields),
      control.v1.SendRequest.encode({ id, commandId: id, verb: name }),
      control.v1.ListRequest.encode({ type: name, after: id, limit: this.#number() }),
      { finish: () => json },
    ]);
  }

  #submit(): { finish(): Uint8Array } {
    const count = this.#pick([0, 1, 1, 2, 7, 40, 1_025]);
    const commands = Array.from({ length: count }, (_, index): wire.market.v1.ICommand => {
      const number = this.#pick([index + 1, this.#number()]);
      // Accounts above the neighbour's: what a stranger rests must not be the neighbour's.
      const account = this.#pick([0, 100 + this.#random.below(3)]);
      const [price, quantity, orderId] = [this.#number(), this.#number(), this.#number()];
      const place = {
        side: this.#random.below(4),
        orderType: this.#random.below(4),
        timeInForce: this.#random.below(5),
        price,
        quantity,
      };
      const action = this.#pick([
        {},
        { place },
        { place },
        { cancel: { orderId } },
        { reduce: { orderId, quantity } },
        { replace: { orderId, price, quantity } },
      ]);
      return { number, account, ...action };
    });
    return SubmitRequest.encode({ session: this.#number(), commands });
  }

  #create(): { finish(): Uint8Array } {
    const pick = this.#pick.bind(this);
    const definition = {
      ...cellMarket,
      market: pick([...names.filter((name) => name !== "MADE"), "", "a.b", "../up", "\u0000"]),
      home: pick([cellRegion, "us-east", ""]),
      group: pick(["atlas", "other", ""]),
      shard: pick([0, 15, 16]),
      tick: this.#number(),
      lot: this.#number(),
      bandLow: this.#number(),
      bandHigh: this.#number(),
      maximumQuantity: this.#number(),
      orderCapacity: pick([0, 1, 2 ** 32 - 1]),
      // Always wrong somewhere, so that no market is made.
      calendar: pick(["", "never", "x".repeat(2_000)]),
      mode: this.#random.below(4),
    };
    return control.v1.MarketCreateRequest.encode({ definition, requestedBy: "stranger" });
  }
}

/** A request in JSON has an answer in JSON. */
const openingBrace = 0x7b;

type Refusals = Map<string, number>;

/** Every reply has its refusal in the same field; only outcomes of submit carry more of them. */
const replies: Readonly<Record<string, { decode(reply: Uint8Array): { refusal?: unknown } }>> = {
  spawn: control.v1.ActorReply,
  stop: control.v1.ActorReply,
  restart: control.v1.ActorReply,
  describe: control.v1.ActorReply,
  send: control.v1.ActorReply,
  list: control.v1.ListReply,
  watch: control.v1.WatchReply,
  submit: SubmitReply,
  book: market.v1.BookReply,
  orders: market.v1.OrdersReply,
  status: control.v1.StatusReply,
  tree: control.v1.TreeReply,
  "market-create": control.v1.MarketReply,
  "market-halt": control.v1.MarketReply,
  "market-resume": control.v1.MarketReply,
  flow: control.v1.FlowReply,
};

/** Codes in a reply: of the whole, or of each outcome that does not repeat an earlier one. */
function refusalsIn(subject: string, reply: Uint8Array): readonly string[] {
  const verb = subject.startsWith("act.") ? "" : (subject.split(".").at(-1) ?? "");
  if (reply[0] === openingBrace) {
    const said = JSON.parse(Buffer.from(reply).toString()) as { refusal?: { code: string } };
    return said.refusal === undefined ? [] : [said.refusal.code];
  }
  const decoded = (replies[verb] ?? risk.v1.RiskLimitReply).decode(reply);
  const whole = decoded.refusal as { readonly code?: string } | null | undefined;
  if (whole?.code !== undefined) return [whole.code];
  if (!(decoded instanceof SubmitReply)) return [];
  return decoded.outcomes.flatMap(({ refusal, repeated }) =>
    refusal?.code && repeated !== true ? [refusal.code] : [],
  );
}

async function shoot(cell: MemoryCell, stranger: Stranger, received: Refusals): Promise<void> {
  const { subject, payload } = stranger.request();
  // A socket brings it in a turn of the event loop; the bus in memory alone would never let a timer run.
  await new Promise((resolve) => setImmediate(resolve));
  const reply = await cell.raw(subject, payload);
  if (reply === null) {
    const start = Buffer.from(payload.subarray(0, 64)).toString("hex");
    throw new Error(
      `SEED=${fixedSeed} no answer on ${subject} to ${payload.length} bytes ${start}`,
    );
  }
  for (const code of refusalsIn(subject, reply)) {
    received.set(code, (received.get(code) ?? 0) + 1);
  }
}

/** Orders of a client that has nothing to do with the strangers, until they are done. */
async function trade(cell: MemoryCell, done: () => boolean): Promise<void> {
  for (let number = 1; !done(); number += 1) {
    const place = {
      side: Side.SIDE_BUY,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price: 5,
      quantity: 10,
    };
    const commands = [{ number, account: 1, place }];
    const { outcomes, refusal } = await cell.submit("MADE", { session: 7, commands });
    const [outcome] = outcomes;
    assert.is(refusal ?? null, null, `SEED=${fixedSeed}`);
    assert.is(outcome?.refusal ?? null, null, `SEED=${fixedSeed}`);
    assert.is((outcome?.executed ?? 0) + (outcome?.remaining ?? 0), 10, `SEED=${fixedSeed}`);
  }
}

async function bombard(engine: MatchingEngine | null): Promise<void> {
  const cell = await startMemoryCell({
    markets: [cellMarket, { ...cellMarket, market: "MADE" }],
    ...(engine === null ? {} : { engine }),
    answersWithin: patience,
  });
  try {
    await cell.ready();
    // Until then it refuses itself what it has to tell of itself, which no stranger receives.
    await cell.hostsActors();
    const stranger = new Stranger(seededRandomness(fixedSeed));
    const received: Refusals = new Map();
    let left = REQUESTS;
    const strangers = Array.from({ length: IN_FLIGHT }, async () => {
      while (left > 0) {
        left -= 1;
        await shoot(cell, stranger, received);
      }
    });
    await Promise.all([trade(cell, () => left <= 0), ...strangers]);

    const report = await cell.report();
    assert.is(report.notReadyReason, "");
    assert.is(report.markets.length, 2, "no market was made");
    assert.equal(
      [cell.cell.system.counters().failures, cell.cell.system.counters().restarts],
      [0, 0],
    );
    const counted: Refusals = new Map(Object.entries(report.refusals));
    for (const { refusals } of report.markets) {
      for (const [code, count] of Object.entries(refusals)) {
        counted.set(code, (counted.get(code) ?? 0) + count);
      }
    }
    assert.ok(received.size >= 15, `only ${[...received.keys()].join(", ")}`);
    const sorted = (of: Refusals): unknown[] => [...of].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.equal(sorted(counted), sorted(received), `SEED=${fixedSeed}`);
  } finally {
    await cell.stop();
  }
}

test("each is answered or refused by a code, each refusal is counted, a neighbour trades on", () =>
  bombard(null));

testUnless(test, missingAddon, "so it is on the native engine", async () => {
  const engine = loadNativeEngine();
  if (!engine.ok) throw new Error(engine.failure.reason);
  await bombard(engine.value);
});

test.run();
