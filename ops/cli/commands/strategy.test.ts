import { stripVTControlCharacters } from "node:util";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ActorView } from "../strategies.ts";
import { actorFacts, actorTable, parametersOf, reportLine } from "./strategy.ts";

const test = suite("the strategy commands");

const maker: ActorView = {
  id: "maker-1",
  type: "avellaneda-stoikov",
  state: "working",
  region: "eu-central",
  cell: "eu-central-1",
  shard: 7,
  incarnation: 3,
  parameters: { market: "BTC-EUR", gamma: "0.1", account: "7" },
  requestedBy: "operator",
  antiAffinity: "makers",
  detail: "",
  strategy: {
    state: "working",
    inventory: -30,
    cash: "1500300",
    profit: "120",
    mid: 50_006,
    bid: { orderId: 9, price: 50_000, quantity: 10 },
    ask: null,
    sent: 12,
    fills: 3,
    incarnation: 3,
    detail: "",
    doubtful: 0,
    limit: { name: "trader-maker-1", held: 20, refused: 1 },
  },
  execution: null,
};
const twap: ActorView = {
  ...maker,
  id: "twap-1",
  type: "twap",
  state: "starting",
  cell: "",
  antiAffinity: "",
  detail: "no cell has told of it yet",
  strategy: null,
};

test("the list is a table with a line an actor", () => {
  assert.is(
    stripVTControlCharacters(actorTable([maker, twap])),
    [
      "ID       TYPE                STATE     REGION      CELL          MARKET   REPORT                                                     NOTE",
      "maker-1  avellaneda-stoikov  working   eu-central  eu-central-1  BTC-EUR  working: 10@50000 / -, inventory -30, profit 120, fills 3",
      "twap-1   twap                starting  eu-central  -             BTC-EUR  -                                                          no cell has told of it yet",
    ].join("\n"),
  );
});

test("one actor is told in full", () => {
  assert.is(
    stripVTControlCharacters(actorFacts(maker)),
    [
      "id            maker-1",
      "type          avellaneda-stoikov",
      "state         working",
      "runs in       eu-central, cell eu-central-1",
      "incarnation   3, shard 7",
      "parameters    account=7 gamma=0.1 market=BTC-EUR",
      "requested by  operator",
      "apart from    makers",
      "report        working: 10@50000 / -, inventory -30, profit 120, fills 3",
      "risk limit    trader-maker-1, 20 lots held, 1 refused",
    ].join("\n"),
  );
});

test("an execution's report tells how far it is", () => {
  const execution = {
    state: "done",
    quantity: 600,
    executed: 600,
    scheduled: 600,
    paid: "-3000000",
    sent: 6,
    incarnation: 1,
    detail: "",
    limit: { name: "trader-twap-1", held: 0, refused: 0 },
  };
  assert.is(
    reportLine({ strategy: null, execution }),
    "done: 600 of 600, scheduled 600, cash -3000000",
  );
});

test("parameters are names with values, each once", () => {
  const given = parametersOf({ market: "M", account: "7", set: ["gamma=0.1", "limit=a=b"] });
  assert.equal(given, {
    ok: true,
    value: { market: "M", account: "7", gamma: "0.1", limit: "a=b" },
  });
  for (const set of [["gamma"], ["=1"], ["gamma=1", "gamma=2"], ["market=N"]]) {
    const wrong = parametersOf({ market: "M", set });
    assert.is(wrong.ok ? "" : wrong.failure.code, "usage", set.join(" "));
  }
});

test.run();
