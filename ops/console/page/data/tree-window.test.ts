import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../../../schemas/messages.ts";
import { following, regionOfPath } from "./tree-window.ts";

const test = suite("windows of the tree, message by message");
const { TreeReply } = wire.control.v1;

const rows = [{ path: "/eu" }, { path: "/eu/markets" }];
const whole = TreeReply.create({ number: 7, nodes: rows, totals: { nodes: 2 } });
const unchanged = (number: number): wire.control.v1.TreeReply =>
  TreeReply.create({ number, unchanged: true, totals: { nodes: 2, failed: 1 } });

test("B4.1 rows that are left out stay, and the counts beside them are the new ones", () => {
  const next = following(whole, unchanged(8));
  assert.equal(next?.nodes, rows);
  assert.is(next?.totals?.failed, 1);
  assert.equal(following(next ?? null, unchanged(9))?.nodes, rows);
});

test("B4.1 after a missed message the rows that are left out are not taken for the ones before", () => {
  assert.is(following(whole, unchanged(9)), null, "8 is missing: it may have had other rows");
  assert.is(following(whole, unchanged(1)), null, "another cell keeps the view now");
  assert.is(following(null, unchanged(1)), null, "nothing was seen yet");
});

test("B4.1 a message with rows needs none before it", () => {
  const later = TreeReply.create({ number: 12, nodes: [{ path: "/eu" }] });
  assert.is(following(whole, later), later);
});

test("B8.7 an actor is asked under its own region's name, in whichever region's cell it runs", () => {
  assert.is(regionOfPath("/eu/risk/desk-1", "eu"), "eu");
  assert.is(regionOfPath("/uk/for-eu/risk/desk-1", "uk"), "eu");
  assert.is(regionOfPath("/uk/risk/for-eu", "uk"), "uk");
});

test.run();
