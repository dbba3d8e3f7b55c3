import { suite } from "uvu";
import * as assert from "uvu/assert";

import { manualClock } from "../kernel/manual-clock.ts";
import type { KeyEntry, KeyStore } from "../kernel/ports/bus.ts";
import { ok, refuse } from "../kernel/result.ts";
import { durationNs } from "../kernel/units.ts";
import { encodeLease, keys as names } from "../region/codec.ts";
import { leaseTimes, silentAfter } from "../region/silence.ts";
import { LeaseBoard } from "./lease-board.ts";

const test = suite("lease board");

const secondNs = 1_000_000_000;

/** Cells whose leases are renewed as long as they live; counts how often they are listed. */
class Leases implements KeyStore {
  readonly #entries = new Map<string, KeyEntry>();
  #revision = 0;
  listed = 0;

  renew(cell: string): void {
    const lease = {
      region: "eu",
      cell,
      node: cell,
      incarnation: 1,
      renewal: this.#revision,
      nonce: new Uint8Array(16),
      fenced: false,
      released: false,
      actors: null,
    };
    this.#revision += 1;
    this.#entries.set(names.lease("eu", cell), {
      value: encodeLease(lease),
      revision: this.#revision,
    });
  }
  list(): ReturnType<KeyStore["list"]> {
    this.listed += 1;
    return Promise.resolve(ok(new Map(this.#entries)));
  }
  get(): ReturnType<KeyStore["get"]> {
    return Promise.resolve(refuse("unavailable", "nobody asks for one", "list"));
  }
  compareAndSet(): ReturnType<KeyStore["compareAndSet"]> {
    return Promise.resolve(refuse("unavailable", "nobody writes here", "read"));
  }
}

class World {
  readonly clock = manualClock();
  readonly store = new Leases();
  readonly board = new LeaseBoard(this.store, this.clock);
  readonly living: string[] = ["one", "two", "three"];

  /** Somebody looks ten times a second, until `seconds` have passed or `over`. */
  async pass(seconds: number, over: () => boolean = () => false): Promise<number> {
    const step = secondNs / 10;
    for (let passed = 0; passed < seconds * secondNs; passed += step) {
      if (passed % leaseTimes.renewEvery === 0) {
        for (const cell of this.living) this.store.renew(cell);
      }
      assert.ok((await this.board.read()).ok);
      if (over()) return passed;
      await this.clock.advance(durationNs(step));
    }
    return seconds * secondNs;
  }
  silent(cell: string): number {
    return this.board.last?.leases.find(({ record }) => record.cell === cell)?.silentNs ?? -1;
  }
}

test("leases that are all renewed are read once a second", async () => {
  const world = new World();
  await world.pass(1);
  const { listed } = world.store;
  await world.pass(60);
  const lists = world.store.listed - listed;
  assert.ok(lists >= 50 && lists <= 67, `${lists} in a minute`);
});

test("B9.1 a cell that dies is silent to everybody within 1.5 s of the time that its lease lasts", async () => {
  for (let phase = 0; phase < 10; phase += 1) {
    const world = new World();
    await world.pass(3 + phase / 10);
    world.living.splice(world.living.indexOf("two"), 1);
    const took = await world.pass(10, () => world.silent("two") >= silentAfter);
    // It may have died just before it would have renewed its lease.
    assert.ok(took + leaseTimes.renewEvery >= silentAfter, `phase ${phase}: too soon, ${took} ns`);
    assert.ok(took <= silentAfter + 1.5 * secondNs, `phase ${phase}: only after ${took} ns`);
    assert.is(world.silent("one"), 0);
    const { listed } = world.store;
    await world.pass(30);
    assert.ok(world.store.listed - listed <= 34, "of one known to be dead nobody is in a hurry");
  }
});

test("a new cell is seen within a second, and at once by who reads anew", async () => {
  const world = new World();
  await world.pass(3);
  world.living.push("four");
  assert.ok((await world.pass(10, () => world.silent("four") >= 0)) <= secondNs);
  world.store.renew("five");
  assert.ok((await world.board.readAnew()).ok);
  assert.is(world.silent("five"), 0);
});

test.run();
