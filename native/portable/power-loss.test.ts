import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { accountId, epoch, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { seed } from "../../test/support/seed.ts";
import { sealPath } from "../seal-log.ts";
import { PortableEngine } from "./engine.ts";
import type { LogFile, OpenLogFile } from "./log-files.ts";
import { segmentPath } from "./log-files.ts";
import { systemLogStorage } from "./log-storage.ts";
import { Market } from "./market.ts";

const test = suite("power loss");

const SECTOR = 512;

/** Sectors reach the platter when synced; of the others a power loss keeps some. */
class Disk {
  readonly #platter = new Map<number, Uint8Array>();
  readonly #cache = new Map<number, Uint8Array>();

  readonly open: OpenLogFile = (): Promise<LogFile> =>
    Promise.resolve({
      write: (bytes, position) => {
        for (let at = 0; at < bytes.length; ) {
          const sector = Math.floor((position + at) / SECTOR);
          const offset = (position + at) % SECTOR;
          const part = bytes.subarray(at, at + SECTOR - offset);
          const content = Uint8Array.from(this.#read(sector));
          content.set(part, offset);
          this.#cache.set(sector, content);
          at += part.length;
        }
        return Promise.resolve(bytes.length);
      },
      // Only what was written before the sync began is on the platter when it ends.
      sync: async () => {
        const begun = [...this.#cache];
        await new Promise((resolve) => setImmediate(resolve));
        for (const [sector, content] of begun) {
          this.#platter.set(sector, content);
          if (this.#cache.get(sector) === content) this.#cache.delete(sector);
        }
      },
      close: () => Promise.resolve(),
    });

  /** The file after the power is back. */
  afterLoss(random: SeededRandomness): Uint8Array {
    const kept = new Map(this.#platter);
    for (const [sector, content] of this.#cache)
      if (random.below(2) === 0) kept.set(sector, content);
    const image = new Uint8Array((Math.max(-1, ...kept.keys()) + 1) * SECTOR);
    for (const [sector, content] of kept) image.set(content, sector * SECTOR);
    return image;
  }

  #read(sector: number): Uint8Array {
    return this.#cache.get(sector) ?? this.#platter.get(sector) ?? new Uint8Array(SECTOR);
  }
}

const header = { session: 0, number: 0, account: accountId(1), tag: 0 };
function commandAt(index: number): EngineCommand {
  if (index === 0) {
    return {
      ...header,
      kind: "configure",
      bandLow: priceTicks(1),
      bandHigh: priceTicks(1_000),
      maximumQuantity: quantityLots(100),
      orderCapacity: 10_000,
      mode: "durable",
    };
  }
  return {
    ...header,
    kind: "place",
    side: index % 2 === 0 ? "buy" : "sell",
    orderType: "limit",
    timeInForce: "day",
    price: priceTicks(500 + ((index * 31) % 11)),
    quantity: quantityLots(1 + (index % 5)),
  };
}

test("whatever a power loss leaves of the unsynced sectors, the log opens with every durable record", async () => {
  const first = seed(5_150);
  let cut = 0;
  for (let round = 0; round < 60; round += 1) {
    const random = seededRandomness(first + round);
    const root = await mkdtemp(join(tmpdir(), "power-loss-"));
    const label = `SEED=${first + round}`;
    try {
      const disk = new Disk();
      const engine = new PortableEngine({
        clock: systemClock(),
        storage: { ...systemLogStorage, open: disk.open },
      });
      const directory = join(root, "log");
      const market = await engine.open({ market: "m", directory, epoch: epoch(1) });
      let offered = 0;
      const turns = 1 + random.below(12);
      for (let turn = 0; turn < turns; turn += 1) {
        const burst = random.below(400);
        for (let count = 0; count < burst; count += 1) {
          assert.ok(market.offer(commandAt(offered)), label);
          offered += 1;
        }
        market.flush();
        await new Promise((resolve) => setImmediate(resolve));
        market.drain(() => {}, 100_000);
      }
      const { durable, matched } = market.progress();
      const image = disk.afterLoss(random);
      await engine.stop();
      // A power loss waits for no mark of an orderly end.
      await rm(sealPath(directory), { force: true });

      await writeFile(segmentPath(directory, 1), image);
      const engineAfter = new PortableEngine({ clock: systemClock() });
      const after = await engineAfter.open({ market: "m", directory, epoch: epoch(1) });
      const recovered = after.progress();
      assert.ok(
        recovered.matched >= durable,
        `${label} ${recovered.matched} of ${durable} durable`,
      );
      assert.ok(recovered.matched <= matched, label);
      if (recovered.matched < matched) cut += 1;
      const expected = new Market();
      for (let index = 0; index < recovered.matched; index += 1) {
        expected.apply(commandAt(index), index + 1);
      }
      assert.is(recovered.digest, expected.digest().toString(16).padStart(16, "0"), label);
      await engineAfter.stop();
    } finally {
      await rm(root, { recursive: true });
    }
  }
  assert.ok(cut > 10, `only ${cut} rounds lost something that was not durable`);
});

test.run();
