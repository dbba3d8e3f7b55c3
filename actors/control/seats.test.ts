import { suite } from "uvu";
import * as assert from "uvu/assert";

import { mayRun, type SeatedCell, waitToTake } from "./seats.ts";

const test = suite("seats of actors");

const cell = (region: string, change: Partial<SeatedCell> = {}): SeatedCell => ({
  region,
  over: false,
  released: false,
  silent: false,
  hosts: true,
  mayHost: ["eu"],
  takesNone: false,
  ...change,
});
const seat = { region: "eu", at: "eu", by: "", sinceUnixMs: 0 };
const second = 1_000_000_000;

test("B9.1 of the regions that may run the actors of a lost one each has a turn of its own", () => {
  const cells = [cell("eu", { silent: true }), cell("us"), cell("ap"), cell("uk", { mayHost: [] })];
  const waits = ["us", "ap"].map((region) => waitToTake(seat, region, cells));
  assert.equal(
    [...waits].sort((a, b) => Number(a) - Number(b)),
    [0, second / 2],
  );
  assert.is(waitToTake(seat, "uk", cells), null, "residency keeps them out of uk");
  assert.is(waitToTake(seat, "eu", cells), null);
});

test("B9.1 a seat whose cells have stopped in good order is given time to come back", () => {
  const stopped = cell("eu", { over: true, released: true });
  assert.is(waitToTake(seat, "us", [stopped, cell("us")]), 15 * second);
  assert.is(waitToTake(seat, "us", [stopped, cell("eu", { over: true }), cell("us")]), 0);
});

test("a region that never had a cell is nobody's to take", () => {
  assert.is(waitToTake(seat, "us", [cell("us"), cell("eu", { hosts: false })]), null);
});

test("B9.4 when the seat abroad is lost, the actors' home comes first", () => {
  const abroad = { ...seat, at: "us" };
  const cells = [cell("us", { over: true }), cell("ap"), cell("eu", { mayHost: [] })];
  assert.is(waitToTake(abroad, "eu", cells), 0);
  assert.is(waitToTake(abroad, "ap", cells), second / 2);
});

test("B9.4 B9.1 a drained region takes nobody's actors, not its own either, and goes on with those it runs", () => {
  const drained = cell("ap", { takesNone: true });
  const cells = [cell("eu", { silent: true }), drained, cell("us")];
  assert.is(waitToTake(seat, "ap", cells), null);
  assert.is(waitToTake(seat, "us", cells), 0, "nobody is waited for who takes nothing");
  const home = cell("eu", { takesNone: true });
  const abroad = { ...seat, at: "us" };
  assert.is(waitToTake(abroad, "eu", [cell("us", { silent: true }), home]), null);
  assert.ok(mayRun("eu", "eu", [home]));
});

test("a fenced, silent or market-only cell runs nobody's actors", () => {
  for (const change of [{ over: true }, { silent: true }, { hosts: false }]) {
    assert.not(mayRun("eu", "eu", [cell("eu", change)]));
  }
  assert.ok(mayRun("eu", "eu", [cell("eu")]));
  assert.ok(mayRun("us", "eu", [cell("us")]));
  assert.not(mayRun("us", "ap", [cell("us")]));
});

test.run();
