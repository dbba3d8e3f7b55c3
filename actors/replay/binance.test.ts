import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { textBytes } from "../../test/support/recorded-session.ts";
import { sharedData } from "../../test/support/shared-data.ts";
import { testUnless } from "../../test/support/skip.ts";
import { binanceSession } from "./binance.ts";
import type { SessionEvent } from "./events.ts";
import type { QueueRule } from "./level-orders.ts";

const test = suite("Binance streams");

const line = (time: number, data: unknown): string =>
  `${1_723_161_255_000_000_000n + BigInt(time)} ${JSON.stringify(data)}`;
const snapshot = line(1, {
  lastUpdateId: 10,
  bids: [
    ["100.0", "0.005"],
    ["99.9", "1"],
  ],
  asks: [["100.1", "0.004"]],
});
const depth = (time: number, u: number, b: unknown[], a: unknown[] = []): string =>
  line(time, { stream: "x", data: { e: "depthUpdate", u, b, a } });
const best = (time: number, u: number, bid: readonly string[], ask: readonly string[]): string =>
  line(time, { data: { e: "bookTicker", u, b: bid[0], B: bid[1], a: ask[0], A: ask[1] } });
const trade = (time: number, p: string, q: string, m: boolean, X = "MARKET"): string =>
  line(time, { data: { e: "trade", p, q, m, X } });

async function read(
  rows: readonly string[],
  queue: QueueRule = "newest_first",
): Promise<SessionEvent[]> {
  const session = binanceSession(textBytes(`${rows.join("\n")}\n`), { queue, quantityDecimals: 3 });
  const events: SessionEvent[] = [];
  for await (const some of session()) events.push(...some);
  return events;
}

const brief = (events: readonly SessionEvent[]): string[] =>
  events.map((event) =>
    "id" in event && "price" in event
      ? `${event.type} ${event.id} ${event.side} ${event.price} ${event.size}`
      : event.type,
  );

test("a snapshot is one order a level, and what is older than it is left out", async () => {
  assert.equal(
    brief(await read([depth(0, 5, [["1.0", "9"]]), snapshot, depth(2, 10, [["2.0", "9"]])])),
    ["add 1 buy 1000000 5", "add 2 buy 999000 1000", "add 3 sell 1001000 4"],
  );
});

test("a level that grows gets an order at its end; one that shrinks loses by the rule of the queue", async () => {
  const rows = [snapshot, depth(2, 11, [["100.0", "0.020"]]), depth(3, 12, [["100.0", "0.010"]])];
  const after = async (queue: QueueRule) => brief(await read(rows, queue)).slice(4);
  assert.equal(await after("newest_first"), ["reduce 4 buy 1000000 10"]);
  assert.equal(await after("oldest_first"), ["delete 1 buy 1000000 5", "reduce 4 buy 1000000 5"]);
  // Half of 5 and half of 15, rounded down; the lot that is left over goes from the back.
  assert.equal(await after("proportional"), [
    "reduce 1 buy 1000000 2",
    "reduce 4 buy 1000000 7",
    "reduce 4 buy 1000000 1",
  ]);
});

test("a trade takes from the front, and better levels than its price are gone", async () => {
  const rows = [
    snapshot,
    depth(2, 11, [["100.0", "0.020"]]),
    trade(3, "100.0", "0.008", true),
    trade(4, "99.9", "0.500", true),
  ];
  assert.equal(brief(await read(rows)).slice(4), [
    "execute 1 buy 1000000 5",
    "execute 4 buy 1000000 3",
    "delete 4 buy 1000000 12",
    "execute 2 buy 999000 500",
  ]);
  assert.equal(brief(await read([snapshot, trade(3, "100.0", "0.008", true, "NA")])).slice(3), [
    "hidden",
  ]);
});

test("best quotes are the truth of the top; an older depth difference does not undo them", async () => {
  const rows = [
    snapshot,
    best(2, 20, ["99.9", "0.700"], ["100.0", "0.003"]),
    depth(3, 15, [
      ["100.0", "0.005"],
      ["99.9", "1"],
      ["99.8", "0.002"],
    ]),
  ];
  assert.equal(brief(await read(rows)).slice(3), [
    "delete 1 buy 1000000 5",
    "reduce 2 buy 999000 300",
    "add 4 sell 1000000 3",
    "delete 4 sell 1000000 3",
    "add 5 buy 1000000 5",
    "add 6 buy 998000 2",
  ]);
});

test("what is no message is malformed, and never throws", async () => {
  const rows = [
    "",
    "x",
    line(1, { data: { e: "depthUpdate" } }),
    line(1, []),
    "1723161255000000000 {",
  ];
  const events = await read([...rows, snapshot]);
  assert.is(events.filter(({ type }) => type === "malformed").length, 5);
  assert.is(events.filter(({ type }) => type === "add").length, 3);
});

const recorded = sharedData("crypto/binance-usdm-btcusdt_20240808.gz");
testUnless(
  test,
  recorded === null ? "needs the recorded Binance stream beside the checkout" : null,
  "the recorded stream is a session whose orders are never overdrawn and whose book is never crossed",
  async () => {
    const path = recorded ?? "";
    const session = binanceSession(() => createReadStream(path).pipe(createGunzip()), {
      queue: "newest_first",
      quantityDecimals: 3,
    });
    let [rows, malformed] = [0, 0];
    const sizes = new Map<number, number>();
    const levels = { buy: new Map<number, number>(), sell: new Map<number, number>() };
    let crossed = 0;
    let lastPosition = 0;
    for await (const events of session()) {
      for (const event of events) {
        rows += 1;
        if (event.type === "malformed") malformed += 1;
        if (!("id" in event) || !("price" in event)) continue;
        const sign = event.type === "add" ? 1 : -1;
        const left = (sizes.get(event.id) ?? 0) + sign * event.size;
        assert.ok(left >= 0, `order ${event.id} at line ${event.position} has ${left} left`);
        sizes.set(event.id, left);
        const level = (levels[event.side].get(event.price) ?? 0) + sign * event.size;
        if (level === 0) levels[event.side].delete(event.price);
        else levels[event.side].set(event.price, level);
        if (event.position >= lastPosition + 5_000) {
          lastPosition = event.position;
          if (Math.max(...levels.buy.keys()) >= Math.min(...levels.sell.keys())) crossed += 1;
        }
      }
      if (lastPosition >= 15_000) break;
    }
    assert.ok(rows > 60_000);
    assert.is(malformed, 0);
    assert.is(crossed, 0);
  },
);

test.run();
