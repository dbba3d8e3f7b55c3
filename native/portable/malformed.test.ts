import { suite } from "uvu";
import * as assert from "uvu/assert";
import { order } from "../../test/support/market-bench.ts";
import type { Terms } from "../../test/support/market-bench.ts";
import { emptyFields } from "./command-fields.ts";
import type { CommandFields } from "./command-fields.ts";
import { malformed } from "./malformed.ts";

const test = suite("portable shapes");

const isWrong = (terms: Terms, price = 100, change: Partial<CommandFields> = {}): boolean =>
  malformed(emptyFields({ ...order(0, 10, price, terms), ...change }));

test("every type takes its shape", () => {
  const right: readonly [Terms, number][] = [
    [{}, 100],
    [{}, -5],
    [{ time: "gtd", expiry: 9, group: 255 }, 100],
    [{ with: ["post_only", "reprice"], display: 3 }, 100],
    [{ with: ["hidden", "reduce_only", "all_or_none"] }, 100],
    [{ with: ["random_refresh"], display: 9 }, 100],
    [{ minimum: 10, time: "ioc" }, 100],
    [{ discretion: 255, with: ["reduce_only"] }, 100],
    [{ oco: 5n, selfTrade: "decrement", time: "good_for_auction" }, 100],
    [{ type: "market", time: "fok", trigger: 3 }, 0],
    [{ type: "market", time: "ioc", minimum: 3, child: 5n }, 0],
    [{ type: "stop", trigger: -3, time: "gtc" }, 0],
    [{ type: "stop_limit", trigger: 5, display: 2 }, 100],
    [{ type: "stop_limit", trigger: 5, with: ["hidden"] }, 100],
    [{ type: "trailing_stop", trigger: 9_999, with: ["trail_bps"] }, 0],
    [{ type: "pegged_mid", trigger: 0, with: ["reduce_only"] }, 0],
    [{ type: "pegged_market", trigger: 1, selfTrade: "both" }, 7],
  ];
  for (const [terms, price] of right)
    assert.not.ok(isWrong(terms, price), JSON.stringify(Object.keys(terms)));
});

test("what a type or a combination does not allow is wrong", () => {
  const wrong: readonly [Terms, number][] = [
    [{ trigger: 1 }, 100],
    [{ time: "gtd" }, 100],
    [{ expiry: 3 }, 100],
    [{ with: ["reprice"] }, 100],
    [{ with: ["random_refresh"] }, 100],
    [{ with: ["trail_bps"] }, 100],
    [{ display: 10 }, 100],
    [{ minimum: 11 }, 100],
    [{ minimum: 3, with: ["all_or_none"] }, 100],
    [{ with: ["hidden"], display: 3 }, 100],
    [{ with: ["hidden"], discretion: 3 }, 100],
    [{ with: ["post_only"], time: "ioc" }, 100],
    [{ display: 3, time: "at_close" }, 100],
    [{ with: ["post_only", "hidden"] }, 100],
    [{ with: ["post_only"], minimum: 3 }, 100],
    [{ with: ["post_only"], discretion: 3 }, 100],
    [{ discretion: 3, with: ["all_or_none"] }, 100],
    [{ display: 3, discretion: 3 }, 100],
    [{ display: 3, minimum: 3 }, 100],
    [{ minimum: 3, time: "fok" }, 100],
    [{ with: ["all_or_none"], time: "at_open" }, 100],
    [{ type: "market" }, 1],
    [{ type: "market", trigger: -1 }, 0],
    [{ type: "market", time: "gtc" }, 0],
    [{ type: "market", minimum: 3 }, 0],
    [{ type: "market", with: ["hidden"] }, 0],
    [{ type: "stop", trigger: 5 }, 1],
    [{ type: "stop", trigger: 5, time: "ioc" }, 0],
    [{ type: "stop_limit", trigger: 5, with: ["random_refresh"], display: 3 }, 100],
    [{ type: "stop_limit", trigger: 5, discretion: 1 }, 100],
    [{ type: "trailing_stop", trigger: 0 }, 0],
    [{ type: "trailing_stop", trigger: 10_000, with: ["trail_bps"] }, 0],
    [{ type: "pegged_primary", trigger: -1 }, 0],
    [{ type: "pegged_primary" }, -1],
    [{ type: "pegged_market" }, 0],
    [{ type: "pegged_mid", oco: 5n }, 0],
    [{ type: "pegged_mid", display: 5 }, 0],
  ];
  for (const [terms, price] of wrong) {
    assert.ok(isWrong(terms, price), JSON.stringify({ ...terms, oco: undefined }));
  }
});

test("bits and numbers without a meaning are wrong", () => {
  assert.ok(isWrong({}, 100, { attributes: 4_096 }));
  assert.ok(isWrong({}, 100, { attributes: 5 * 64 }));
  assert.ok(isWrong({}, 100, { attributes: 3 * 512, orderId: 1n }));
  assert.ok(isWrong({}, 100, { orderId: 1n }));
  assert.ok(isWrong({ child: 0n }));
  assert.ok(isWrong({}, 100, { side: 2 }));
  assert.ok(isWrong({}, 100, { orderType: 8 }));
  assert.ok(isWrong({}, 100, { timeInForce: 8 }));
});

test("administrative commands are wrong with values beyond their ranges", () => {
  const wrong: readonly Partial<CommandFields>[] = [
    { kind: 0 },
    { kind: 16 },
    { kind: 5, orderType: 3 },
    { kind: 6, orderType: 7 },
    { kind: 7, orderType: 3, quantity: 1 },
    { kind: 7, orderType: 1 },
    { kind: 7, price: -1 },
    { kind: 7, price: 2 ** 31 - 1 },
    { kind: 8, orderType: 8 },
    { kind: 8, side: 1 },
    { kind: 8, orderType: 1, side: 2 },
    { kind: 8, trigger: 1 },
    { kind: 8, group: 1 },
    { kind: 9, orderType: 7 },
    { kind: 9, orderId: 2n ** 53n },
    { kind: 9, orderType: 5 },
    { kind: 9, quantity: 1 },
    { kind: 10, orderType: 2 },
    { kind: 11, side: 2 },
    { kind: 11, orderId: 2n ** 40n + 1n },
    { kind: 12, price: 1 },
    { kind: 13, minimum: 1 },
    { kind: 14, orderId: 1n },
    { kind: 15 },
  ];
  for (const fields of wrong) assert.ok(malformed(emptyFields(fields)), `kind ${fields.kind}`);
  const right: readonly Partial<CommandFields>[] = [
    { kind: 7, orderType: 2, price: 2 ** 31 - 2, quantity: 1, expiry: 3 },
    { kind: 8, orderType: 7, side: 1, price: -3, trigger: 4, group: 9 },
    { kind: 9, orderType: 6, orderId: 2n ** 53n - 1n, quantity: 1 },
    { kind: 11, side: 1, orderId: 2n ** 40n },
    { kind: 15, orderId: 2n ** 64n - 1n },
  ];
  for (const fields of right) assert.not.ok(malformed(emptyFields(fields)), `kind ${fields.kind}`);
});

test.run();
