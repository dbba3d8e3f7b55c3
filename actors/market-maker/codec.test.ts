import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { emptyLedger } from "../trading/ledger.ts";
import { emptyView } from "../trading/market-view.ts";
import { encodeReport, eventCodec, parameterRules, stateCodec } from "./codec.ts";
import type { MarketMakerEvent } from "./messages.ts";

const test = suite("market maker codec");

test("parameters are texts with defaults; unknown, damaged and absurd ones are refused with their name", () => {
  const given = parameterRules.parse({ quantity: "100", gamma: "0.25" });
  assert.equal([given.gamma, given.kappa, given.quantity, given.sigma], [0.25, 1.5, 100, null]);
  for (const [name, value] of [
    ["gama", "0.1"],
    ["gamma", "-1"],
    ["gamma", "1e5"],
    ["gamma", "NaN"],
    ["quantity", "0.5"],
    ["interval", "1"],
  ] as const) {
    const parsed = parameterRules.safeParse({ quantity: "100", [name]: value });
    assert.not.ok(parsed.success, name);
    assert.match(JSON.stringify(parsed.error?.issues), name);
  }
});

test("events come back as they were, and damaged ones are no events", () => {
  const events: readonly MarketMakerEvent[] = [
    {
      type: "planned",
      session: 2 ** 53 - 1,
      orders: [
        { kind: "place", side: "buy", price: 5, quantity: 10, timeInForce: "day" },
        { kind: "cancel", orderId: 7 },
      ],
      memo: {},
    },
    { type: "steered", phase: "stopping" },
    { type: "reconciled", resting: [{ orderId: 7, remaining: 0 }] },
  ];
  for (const event of events) {
    const decoded = eventCodec.decode(eventCodec.encode(event), 1);
    assert.equal(eventCodec.parse(decoded), event);
  }
  assert.throws(() => eventCodec.parse({ type: "planned", session: 1 }));
  assert.throws(() =>
    stateCodec.parse({ ledger: emptyLedger, phase: "running", memo: {}, more: 1 }),
  );
});

test("a report tells inventory, cash and profit at the mid, whatever their size", () => {
  const ledger = { ...emptyLedger, inventory: -300, cash: "90071992547409910" };
  const trader = { ledger, phase: "running", memo: null } as const;
  const view = { ...emptyView, bid: 990, ask: 1_010 };
  const limit = { name: "trader-one", held: 20, refused: 3 };
  const bytes = encodeReport({ state: "working", detail: "", trader, view, limit }, 4);
  const report = wire.strategy.v1.StrategyReport.decode(bytes);
  assert.is(report.inventory, -300);
  assert.is(report.profit, "90071992547109910");
  assert.is(report.incarnation, 4);
  assert.equal([report.limit, report.held, report.limited], ["trader-one", 20, 3]);
});

test.run();
