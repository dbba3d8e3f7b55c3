import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Seal } from "../../actors/kernel/accepted-chain.ts";
import type { RecordHeader } from "../../actors/kernel/ports/matching-engine.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { epoch, sequence } from "../../actors/kernel/units.ts";
import type { TimestampNs } from "../../actors/kernel/units.ts";
import { WriteAheadLog } from "../../native/portable/log.ts";
import { sealRecord } from "../../native/records.ts";
import { readSeals } from "../../native/seal-log.ts";
import { seed } from "../support/seed.ts";
import { Life, Scheduler } from "./scheduler.ts";
import { SimulatedDisk } from "./simulated-disk.ts";

const test = suite("lives of a log");

const SECOND = 1_000_000_000;
const hashOf = (last: number): Uint8Array => new Uint8Array(32).fill(last % 251);
type Block = Seal & { readonly type: "block" };
const blockOf = (first: number, last: number): Block => ({
  type: "block",
  market: "M0",
  epoch: epoch(1),
  first: sequence(first),
  last: sequence(last),
  previousHash: hashOf(first - 1),
  hash: hashOf(last),
});

const entropy = (count: number): Uint8Array => new Uint8Array(count).fill(7);

/** A log on a disk, in one process after the other. */
class Lives {
  readonly #random: SeededRandomness;
  readonly #scheduler = new Scheduler();
  readonly #disk: SimulatedDisk;
  /** The last record that somebody was told is on the disk. */
  told = 0;
  /** The last of the sealed records, as far as somebody was told so. */
  #sealed = 0;
  /** The last seal that was written, whether or not its writer lived to be told. */
  #written: Block | null = null;
  #lives = 0;

  constructor(number: number) {
    this.#random = seededRandomness(number);
    this.#disk = new SimulatedDisk(this.#scheduler, this.#random.fork("disk"));
  }

  /** Works for a while, and then is killed; in every other life the machine loses its power as well. */
  async next(): Promise<void> {
    this.#lives += 1;
    const life = new Life(`life-${this.#lives}`);
    const work = this.#work(life);
    let thrown: unknown = null;
    work.catch((error: unknown) => {
      thrown = error;
    });
    await this.#scheduler.run(this.#scheduler.now + this.#random.below(20) * 500_000);
    life.alive = false;
    this.#disk.killed(life);
    if (this.#random.below(2) === 0) this.#disk.powerCut();
    if (thrown !== null) throw thrown;
  }

  /** What one more opening finds, without a fault. */
  async found(): Promise<number> {
    const life = new Life("the last");
    const opened = this.#open(life);
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    opened.then(done, done);
    await this.#scheduler.run(this.#scheduler.now + SECOND, () => settled);
    return (await opened).log.durable;
  }

  #open(life: Life): ReturnType<typeof WriteAheadLog.open> {
    let read = 0;
    const visit = (_view: DataView, _offset: number, header: RecordHeader): void => {
      read += 1;
      assert.is(header.sequence, read);
    };
    const turn = (): Promise<void> =>
      new Promise((resolve) => {
        this.#scheduler.in(0, life, "turn", resolve);
      });
    return WriteAheadLog.open("log", visit, this.#disk.logStorage(life, entropy), turn);
  }

  async #work(life: Life): Promise<void> {
    const { log, recovered } = await this.#open(life);
    if (!life.alive) return;
    assert.ok(recovered.sequence >= this.told, `${recovered.sequence} of ${this.told} records`);
    let last = recovered.sequence;
    // What is read is repeated to those who ask again, as durable.
    this.told = last;
    log.onProgress(() => {
      if (life.alive) this.told = Math.max(this.told, log.durable);
    });
    const { entries } = await readSeals(this.#disk.logStorage(life, entropy).seals, "log");
    const sealed = entries.findLast((entry) => entry.type === "block")?.last ?? 0;
    assert.ok(sealed >= this.#sealed, `sealed up to ${sealed} of ${this.#sealed}`);
    if (this.#written !== null) await this.#seal(log, this.#written);
    for (;;) {
      for (let count = this.#random.below(40); count >= 0; count -= 1) {
        last += 1;
        const { view, offset } = log.reserve();
        sealRecord(view, offset, {
          epoch: epoch(1),
          sequence: sequence(last),
          timestamp: BigInt(last) as TimestampNs,
        });
      }
      await log.flushed();
      if (this.#random.below(2) === 0) await log.mark();
      else await this.#seal(log, blockOf(this.#sealed + 1, log.durable));
    }
  }

  async #seal(log: WriteAheadLog, block: Block): Promise<void> {
    this.#written = block;
    await log.seals.append([block]);
    this.#sealed = block.last;
  }
}

test("B7.7 B9.3 what a log told one process is on the disk for the next, whatever kills and power cuts come between", async () => {
  const first = seed(9_100);
  for (let run = 0; run < 40; run += 1) {
    const number = first + run;
    const label = `SEED=${number} replay: MERIDIAN_SEED=${number} npm test -- log-lives`;
    const lives = new Lives(number);
    try {
      for (let count = 0; count < 12; count += 1) await lives.next();
      const found = await lives.found();
      assert.ok(found >= lives.told, `${found} of ${lives.told} records`);
    } catch (cause) {
      throw new Error(`${(cause as Error).message}; ${label}`, { cause });
    }
  }
});

test.run();
