import { suite } from "uvu";
import * as assert from "uvu/assert";

import {
  decodeDefinition,
  definitionFromWire,
  definitionToWire,
  encodeDefinition,
} from "./codec.ts";
import {
  decide,
  emptyRegion,
  evolve,
  homeMarkets,
  isFollowed,
  journalLagLimit,
  notReadyReason,
  type Vitals,
} from "./decide.ts";
import type { DefinitionInput, MarketDefinition, MarketReport, RegionState } from "./messages.ts";
import { absentReport } from "./report.ts";
import { requestLimit, route } from "./router.ts";

const test = suite("region decisions");

const definition: MarketDefinition = {
  market: "BTC-EUR",
  home: "eu",
  group: "atlas",
  shard: 0,
  currency: "EUR",
  priceDecimals: 2,
  tick: 50,
  lot: 10,
  bandLow: 1_000,
  bandHigh: 9_999,
  maximumQuantity: 1_000,
  orderCapacity: 100,
  mode: "replicated",
  calendar: "always",
  makerFeeBpsE2: -50,
  takerFeeBpsE2: 250,
};

function listed(...definitions: MarketDefinition[]): RegionState {
  return definitions.reduce(
    (state, each) => evolve(state, { type: "market_listed", definition: each, origin: "file" }),
    emptyRegion("eu", ["atlas"]),
  );
}

function created(state: RegionState, change: Partial<DefinitionInput>): string {
  const decided = decide(state, {
    type: "create_market",
    definition: { ...definition, ...change },
  });
  return decided.ok
    ? `ok ${decided.value.length}`
    : `${decided.failure.code} ${decided.failure.reason}`;
}

test("a market is listed once; the same definition again changes nothing", () => {
  assert.is(created(listed(), {}), "ok 1");
  assert.is(created(listed(definition), {}), "ok 0");
  assert.match(created(listed(definition), { tick: 25, lot: 5 }), /^market_exists .* tick, lot$/);
});

test("each field that is wrong is named with the reason", () => {
  const wrong: readonly (readonly [Partial<DefinitionInput>, RegExp])[] = [
    [{ market: "" }, /market: must be 1 to 32/],
    [{ market: "a.b" }, /market: /],
    [{ market: "x".repeat(33) }, /market: /],
    [{ shard: 16 }, /shard: /],
    [{ priceDecimals: 10 }, /priceDecimals: /],
    [{ tick: 0 }, /tick: must be at least 1/],
    [{ tick: 0.5 }, /tick: must be a whole number/],
    [{ tick: 20_000 }, /tick: no multiple of the tick/],
    [{ lot: 0 }, /lot: /],
    [{ bandLow: 0 }, /bandLow: /],
    [{ bandHigh: 999 }, /bandHigh: must be at least bandLow/],
    [{ bandHigh: 2 ** 40, tick: 1 }, /bandHigh: is \d+ ticks/],
    [{ maximumQuantity: 9 }, /maximumQuantity: must be at least one lot/],
    [{ maximumQuantity: 2 ** 40, lot: 1 }, /maximumQuantity: is \d+ lots/],
    [{ orderCapacity: 0 }, /orderCapacity: /],
    [{ orderCapacity: 2 ** 24 }, /orderCapacity: /],
    [{ mode: undefined }, /mode: must be matched, durable or replicated/],
    [{ calendar: "sometimes" }, /calendar: must be "always"/],
    [{ makerFeeBpsE2: -2_000_000 }, /makerFeeBpsE2: /],
    [{ home: "us" }, /home: .* ops\.us\.market-create/],
    [{ group: "orion" }, /group: eu takes part in atlas/],
  ];
  for (const [change, reason] of wrong) {
    const said = created(listed(), change);
    assert.match(said, /^definition_invalid /, JSON.stringify(change));
    assert.match(said, reason);
  }
});

test("a shard of another home is refused and a free one is named", () => {
  const state = listed({ ...definition, market: "BTC-USD", home: "us" });
  assert.match(created(state, {}), /shard: 0 has its home in us; 1 can have its home here/);
  assert.is(created(state, { shard: 1 }), "ok 1");
});

test("names that every object has are ordinary unknown markets", () => {
  for (const market of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
    const unknown = route(listed(definition), "yes", `cmd.eu.${market}.submit`, 10);
    assert.is(unknown.ok ? "" : unknown.failure.code, "market_unknown");
    const state = evolve(listed(), {
      type: "market_listed",
      definition: { ...definition, market },
      origin: "directory",
    });
    assert.is(homeMarkets(state).length, 1, market);
    assert.ok(route(state, "yes", `cmd.eu.${market}.submit`, 10).ok, market);
    assert.is(created(state, { market }), "ok 0");
  }
});

test("requests go to their market or get the refusal that fits", () => {
  const state = listed(
    definition,
    { ...definition, market: "BTC-USD", home: "us", shard: 1 },
    { ...definition, market: "BTC-SGD", home: "sg", group: "orion", shard: 1 },
  );
  const code = (
    subject: string,
    size = 10,
    phase: "yes" | "starting" | "draining" = "yes",
  ): string => {
    const where = route(state, phase, subject, size);
    return where.ok ? `${where.value.market} ${where.value.verb}` : where.failure.code;
  };
  assert.is(code("cmd.eu.BTC-EUR.submit"), "BTC-EUR submit");
  assert.is(code("cmd.eu.BTC-EUR.book"), "BTC-EUR book");
  assert.is(code("cmd.eu.BTC-EUR.cancel-all"), "verb_unknown");
  assert.is(code("cmd.eu.NONE.submit"), "market_unknown");
  // Followed here: its actor says who owns it.
  assert.is(code("cmd.eu.BTC-USD.submit"), "BTC-USD submit");
  assert.is(code("cmd.eu.BTC-SGD.submit"), "market_unknown");
  const elsewhere = route(state, "yes", "cmd.eu.BTC-SGD.submit", 10);
  assert.is(elsewhere.ok ? "" : elsewhere.failure.region, "sg");
  assert.is(code("cmd.eu.BTC-EUR.submit", requestLimit), "BTC-EUR submit");
  assert.is(code("cmd.eu.BTC-EUR.submit", requestLimit + 1), "too_large");
  assert.is(code("cmd.eu.BTC-EUR.submit", 10, "starting"), "market_stopped");
  assert.is(code("cmd.eu.BTC-EUR.submit", 10, "draining"), "market_stopped");
});

test("readiness names the most basic thing that is missing", () => {
  const open: MarketReport = { ...absentReport(definition, ""), state: "open" };
  const good: Vitals = {
    phase: "yes",
    waitingFor: "",
    connected: true,
    leaseValid: true,
    markets: [open],
  };
  assert.is(notReadyReason(good), "");
  assert.is(notReadyReason({ ...good, markets: [{ ...open, state: "halted" }] }), "");
  assert.match(notReadyReason({ ...good, connected: false, leaseValid: false }), /NATS/);
  assert.match(notReadyReason({ ...good, leaseValid: false }), /lease/);
  assert.match(notReadyReason({ ...good, phase: "starting" }), /starting/);
  const waiting = notReadyReason({ ...good, phase: "starting", waitingFor: "a server" });
  assert.is(waiting, "the cell waits for a server");
  assert.match(notReadyReason({ ...good, phase: "draining", connected: false }), /stopping/);
  const failed = { ...open, state: "failed", detail: "divergence" };
  assert.match(
    notReadyReason({ ...good, markets: [open, failed] }),
    /BTC-EUR is failed: divergence/,
  );
  const lagging = { ...open, matched: journalLagLimit + 2, committed: 1, durable: journalLagLimit };
  assert.match(notReadyReason({ ...good, markets: [lagging] }), /not safe yet/);
  assert.is(notReadyReason({ ...good, markets: [{ ...lagging, mode: "durable" }] }), "");
});

test("a market at home that nobody owns is one the cell is not ready for, not one that it follows", () => {
  const following = { owner: "", epoch: 0, sequence: 0, lagRecords: 0, lagMs: null, mode: null };
  const standby = (home: string, owner: string): MarketReport => ({
    ...absentReport({ ...definition, home }, "another market of the shard is being read"),
    state: "standby",
    standby: { ...following, owner },
  });
  assert.is(isFollowed("eu", standby("eu", "")), false);
  assert.is(isFollowed("eu", { ...standby("eu", ""), standby: null }), false);
  assert.is(isFollowed("eu", standby("eu", "us/one")), true);
  assert.is(isFollowed("eu", standby("us", "us/one")), true);
  assert.is(isFollowed("eu", standby("us", "")), true);
  assert.is(isFollowed("eu", { ...standby("us", ""), state: "open" }), false);
  assert.is(isFollowed("eu", { ...standby("eu", ""), state: "recovering" }), false);
});

test("a definition survives the wire unchanged, and garbage is no definition", () => {
  assert.equal(decodeDefinition(encodeDefinition(definition)), definition);
  assert.equal(definitionFromWire(definitionToWire(definition)), definition);
  assert.is(decodeDefinition(new Uint8Array([7, 7, 7, 255])), null);
});

test.run();
