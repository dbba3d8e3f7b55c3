import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ageText, durationText, grouped, moneyText, priceText } from "./format.ts";
import { drawMachine } from "./machine-layout.ts";

const test = suite("how the page writes");
const thin = "\u2009";

test("numbers have thin spaces in thousands, prices their decimals, money no rounding", () => {
  assert.is(grouped(1234567), `1${thin}234${thin}567`);
  assert.is(priceText(6_421_850, 2), `64${thin}218.50`);
  assert.is(priceText(5, 2), "0.05");
  assert.is(
    moneyText("-90071992547409931234", 2),
    `−900${thin}719${thin}925${thin}474${thin}099${thin}312.34`,
  );
});

test("times are told in the unit that a person reads", () => {
  assert.equal([431, 12_300, 14_000_000, 2_000_000_000].map(durationText), [
    "431 ns",
    "12 µs",
    "14 ms",
    "2.0 s",
  ]);
  assert.equal([200, 3_400, 240_000, 7_200_000].map(ageText), ["0.2 s", "3 s", "4 min", "2 h"]);
});

test("every state of a machine has a box of its own, and arrows only where both ends are", () => {
  const { boxes, edges } = drawMachine([
    { name: "a", initial: true, final: false, transitions: [{ event: "go", target: "b" }] },
    {
      name: "b",
      initial: false,
      final: true,
      transitions: [
        { event: "back", target: "a" },
        { event: "gone", target: "nowhere" },
      ],
    },
    { name: "c", initial: false, final: false, transitions: [] },
  ]);
  assert.equal(
    boxes.map(({ name }) => name),
    ["a", "b", "c"],
  );
  assert.is(new Set(boxes.map(({ x, y }) => `${x},${y}`)).size, 3);
  assert.equal(
    edges.map(({ from, to }) => `${from}>${to}`),
    ["a>b", "b>a"],
  );
});

test.run();
