import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { EngineCommand } from "../../actors/kernel/ports/matching-engine.ts";
import { accountId, orderId, priceTicks, quantityLots } from "../../actors/kernel/units.ts";
import { Market } from "../../native/portable/market.ts";
import { narrow, narrowCases, TradeChecksum, WorkloadW } from "./w.ts";
import type { WorkloadOperation } from "./w.ts";

const test = suite("workload W");

/** Plays operations through a market and folds its executions. */
class Player {
  readonly market = new Market();
  checksum = new TradeChecksum();
  readonly #engineIds = new Map<number, number>();
  readonly #workloadIds = new Map<number, number>();
  #sequence = 0;

  constructor() {
    this.#apply({
      ...header,
      kind: "configure",
      bandLow: priceTicks(1),
      bandHigh: priceTicks(2 ** 31 - 2),
      maximumQuantity: quantityLots(2 ** 31 - 1),
      orderCapacity: 2_000_000,
      mode: "matched",
    });
  }

  play(operation: WorkloadOperation): void {
    const { id } = operation;
    const resting = orderId(this.#engineIds.get(id) ?? 1);
    if (operation.kind === "cancel") {
      this.#apply({ ...header, kind: "cancel", orderId: resting });
      return;
    }
    const price = priceTicks(operation.price);
    const quantity = quantityLots(operation.quantity);
    const command: EngineCommand =
      operation.kind === "replace"
        ? { ...header, kind: "replace", orderId: resting, price, quantity }
        : {
            ...header,
            kind: "place",
            side: operation.side === 0 ? "buy" : "sell",
            orderType: "limit",
            timeInForce: operation.kind === "ioc" ? "ioc" : "day",
            price,
            quantity,
          };
    this.#apply(command, id);
  }

  #apply(command: EngineCommand, id = 0): void {
    this.#sequence += 1;
    for (const event of this.market.apply(command, this.#sequence)) {
      assert.is.not(event.kind, "refused");
      if (event.kind === "accepted" || event.kind === "replaced") {
        this.#engineIds.set(id, event.orderId);
        this.#workloadIds.set(event.orderId, id);
      } else if (event.kind === "executed") {
        const maker = this.#workloadIds.get(event.makerOrderId) ?? 0;
        this.checksum.add(maker, id, event.price, event.quantity);
      }
    }
  }
}

const header = { session: 0, number: 0, account: accountId(1), tag: 0 };

test("the generator and the twin give the stated trades, volume and hash of the narrow case", () => {
  const workload = new WorkloadW(narrow);
  const player = new Player();
  let adds = 0;
  for (let add = workload.preload(); add !== null; add = workload.preload()) {
    player.play(add);
    adds += 1;
  }
  assert.is(adds, 58_195);
  assert.is(workload.mid, 99_982);
  assert.equal([workload.levels(0), workload.levels(1)], [181, 192]);
  assert.is(player.market.restingCount(), 50_000);

  player.checksum = new TradeChecksum();
  let done = 0;
  // The last case is bench/run.ts's: two million operations are too slow for the twin.
  for (const { operations, trades, volume, hash, levels } of narrowCases.slice(0, 2)) {
    for (; done < operations; done += 1) player.play(workload.next());
    for (const checksum of [workload.checksum, player.checksum]) {
      assert.is(checksum.trades, trades);
      assert.is(checksum.volume, volume);
      assert.is(checksum.hash, hash);
    }
    assert.is(workload.levels(0) + workload.levels(1), levels);
    assert.is(player.market.restingCount(), workload.size);
  }
  assert.is(player.market.verify(), null);
});

test("other sizes of book and block keep the twin and the generator's book equal", () => {
  for (const parameters of [
    { live: 1_000, block: 1_024 },
    { live: 1, block: 16 },
  ]) {
    const workload = new WorkloadW(parameters);
    const player = new Player();
    for (let add = workload.preload(); add !== null; add = workload.preload()) player.play(add);
    player.checksum = new TradeChecksum();
    for (let done = 0; done < 20_000; done += 1) player.play(workload.next());
    assert.is(player.checksum.hash, workload.checksum.hash);
    assert.ok(workload.checksum.trades > 1_000);
    assert.is(player.market.restingCount(), workload.size);
  }
});

test.run();
