import { suite } from "uvu";
import * as assert from "uvu/assert";

import { priceTicks, sequence } from "../actors/kernel/units.ts";
import { regions } from "./addon.ts";
import { DepthView } from "./depth.ts";

const test = suite("depth view");
const at = regions.depth;

/** Memory as the engine lays it out, written by hand. */
class Region {
  readonly buffer = new ArrayBuffer(at.pages + 4 * 4224);
  readonly requests = new ArrayBuffer(4096);
  readonly view = new DepthView(this.buffer, this.requests);
  readonly #words = new DataView(this.buffer);

  put(offset: number, low: number, high = 0): void {
    this.#words.setUint32(offset, low, true);
    this.#words.setUint32(offset + 4, high, true);
  }
  get raised(): number {
    return new Int32Array(this.requests)[0] ?? 0;
  }
  /** The snapshot of this number, of this sequence: one bid of two orders, one ask level. */
  snapshot(made: number, ofSequence: number): number {
    const buffer = at.buffers + (made % at.buffer_count) * at.buffer_bytes;
    this.put(buffer, made * 2);
    this.put(buffer + at.buffer_sequence, ofSequence);
    this.put(buffer + at.level_counts, 2, 1);
    this.put(buffer + at.order_counts, 2, 0);
    this.put(buffer + at.more, 0b1000);
    this.put(buffer + at.levels, 100);
    this.put(buffer + at.levels + 8, 7, 1);
    this.put(buffer + at.levels + 16, 99);
    this.put(buffer + at.levels + 24, 5);
    this.put(buffer + at.levels + at.side_levels_bytes, 101);
    this.put(buffer + at.levels + at.side_levels_bytes + 8, 9);
    this.put(buffer + at.orders, 1, 1);
    this.put(buffer + at.orders + 8, 3, 100);
    this.put(buffer + at.orders + 16, 2, 1);
    this.put(buffer + at.orders + 24, 5, 99);
    return buffer;
  }
}

const zero = sequence(0);

test("a snapshot is decoded field by field", () => {
  const region = new Region();
  region.snapshot(1, 12);
  region.put(at.latest, 1);
  assert.equal(region.view.read(sequence(12), 32), {
    sequence: 12,
    bids: {
      levels: [
        { price: 100, quantity: 2 ** 32 + 7 },
        { price: 99, quantity: 5 },
      ],
      orders: [
        { orderId: 2 ** 32 + 1, price: 100, remaining: 3 },
        { orderId: 2 ** 32 + 2, price: 99, remaining: 5 },
      ],
      hasMoreLevels: false,
      hasMoreOrders: false,
    },
    asks: {
      levels: [{ price: 101, quantity: 9 }],
      orders: [],
      hasMoreLevels: false,
      hasMoreOrders: true,
    },
  });
  assert.is(region.raised, 0);
});

test("fewer levels can be asked for, and it is said that there are more", () => {
  const region = new Region();
  region.snapshot(1, 12);
  region.put(at.latest, 1);
  const bids = region.view.read(zero, 1)?.bids;
  assert.is(bids?.levels.length, 1);
  assert.equal(
    bids?.orders.map((order) => order.price),
    [100],
  );
  assert.ok(bids?.hasMoreLevels);
  assert.ok(bids?.hasMoreOrders);
});

test("an older state than the one known at the start is refused and a later one asked for", () => {
  const region = new Region();
  region.snapshot(1, 12);
  region.put(at.latest, 1);
  region.put(at.applied, 13);
  assert.is(region.view.known(), 13);
  assert.is(region.view.read(region.view.known(), 32), null);
  assert.is(region.raised, 1);
});

test("a snapshot that is being written, or not named yet, is refused", () => {
  const region = new Region();
  const buffer = region.snapshot(1, 12);
  region.put(at.latest, 1);
  region.put(buffer, 1 * 2 + 2 * at.buffer_count - 1);
  assert.is(region.view.read(zero, 32), null);
  region.snapshot(1 + at.buffer_count, 13);
  assert.is(region.view.read(zero, 32), null);
  region.put(at.latest, 1 + at.buffer_count);
  assert.is(region.view.read(zero, 32)?.sequence, 13);
});

test("the top is null while the writer stands in the middle of it", () => {
  const region = new Region();
  region.put(at.top_version, 4);
  region.put(at.top_sequence, 9);
  region.put(at.top_prices, 100, 0);
  region.put(at.top_bid_lots, 7);
  assert.equal(region.view.top(), {
    sequence: 9,
    bidPrice: 100,
    bidQuantity: 7,
    askPrice: 0,
    askQuantity: 0,
  });
  region.put(at.top_version, 5);
  assert.is(region.view.top(), null);
});

test("only the answer to the last page request is taken", () => {
  const region = new Region();
  const { view } = region;
  const request = new Uint32Array(region.requests, regions.depth_requests.page, 2);
  view.askPage("buy", priceTicks(100));
  assert.is(view.page(), null);
  const first = [...request] as [number, number];
  view.askPage("sell", priceTicks(2 ** 31 - 2));
  assert.equal([...request], [2 ** 32 - 2, (first[1] ?? 0) + 1]);
  region.put(at.pages, 2);
  region.put(at.pages + at.page_request, ...first);
  assert.is(view.page(), null);
  region.put(at.pages, 4);
  region.put(at.pages + at.page_request, ...([...request] as [number, number]));
  region.put(at.pages + at.page_sequence, 5);
  region.put(at.pages + at.page_count, 1);
  region.put(at.pages + at.page_next, 105);
  region.put(at.pages + at.page_is_cut, 1);
  region.put(at.pages + at.page_orders, 77);
  region.put(at.pages + at.page_orders + 8, 4, 101);
  assert.equal(view.page(), {
    sequence: 5,
    orders: [{ orderId: 77, price: 101, remaining: 4 }],
    next: 105,
    cut: true,
  });
});

test.run();
