import { suite } from "uvu";
import * as assert from "uvu/assert";

import { cellMarket, cellRegion, startMemoryCell } from "../../test/support/memory-cell.ts";
import { until } from "../../test/support/until.ts";
import { MemoryBroker } from "../bus/memory.ts";
import { KnownMarkets } from "./known-markets.ts";

/** A region joins the cluster: cells that run follow its markets. */
const test = suite("markets of a region that joins");
const joined = { ...cellMarket, market: "JOINED", home: "us-east", shard: 5 };
const reference = {
  groups: { [cellRegion]: ["atlas"], "us-east": ["atlas"] },
  markets: [cellMarket, joined],
};

test("B9.2 B9.4 a cell that runs follows the markets of a region that has joined, also before their home has a cell", async () => {
  const broker = new MemoryBroker();
  const cell = await startMemoryCell({ broker });
  const started = [cell];
  try {
    await cell.ready();
    cell.cell.learn(reference);
    const followed = async () =>
      (await cell.report()).standbys.find(({ definition }) => definition.market === "JOINED");
    await until("it is listed", async () => (await followed()) !== undefined);
    const home = await startMemoryCell({
      broker,
      region: "us-east",
      name: "home",
      markets: [cellMarket, joined],
    });
    started.push(home);
    await until("it is followed", async () => {
      const found = await followed();
      return found?.state === "standby" && found.standby?.owner.startsWith("us-east/home") === true;
    });
  } finally {
    for (const one of started.reverse()) await one.stop();
  }
});

test("B9.2 what is learnt is added, and what was known stays as it is", () => {
  const known = new KnownMarkets({
    groups: { [cellRegion]: ["atlas"] },
    markets: [cellMarket],
  });
  const shown = known.markets;
  assert.equal(known.regionsOf("atlas"), [cellRegion]);
  assert.is(known.shard("JOINED"), null);
  const changed = { ...cellMarket, tick: cellMarket.tick + 1 };
  const learnt = known.learn({ ...reference, markets: [changed, joined] });
  assert.equal(learnt, [joined]);
  assert.equal(shown, [cellMarket, joined]);
  assert.equal(known.regionsOf("atlas"), [cellRegion, "us-east"]);
  assert.is(known.shard("JOINED"), "atlas-05");
});

test.run();
