import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker, MemoryBus } from "../bus/memory.ts";
import { chainStart, type Fence, fenceHash } from "../kernel/accepted-chain.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readChain } from "../../test/support/chain.ts";
import { MarketCell, TestOwnership } from "../../test/support/market-cell.ts";
import { silentLog } from "../../test/support/ports.ts";
import { type MatchingEngine, RECORD_BYTES } from "../kernel/ports/matching-engine.ts";
import type { Candidacy } from "../kernel/ports/ownership.ts";
import { ok, type Result } from "../kernel/result.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { durationNs, epoch as epochOf, type Epoch, sequence } from "../kernel/units.ts";
import { handOver, type MovingMarket } from "./hand-over.ts";
import { JournalShipper } from "./shipper.ts";

const test = suite("a market that has ended");

const stream = journalStream("atlas", 0);
const subject = journalSubject("TEST");
const path = "/markets/TEST";

/** Where a test stops what is under way. */
class Door {
  readonly reached: Promise<void>;
  readonly #open: Promise<void>;
  open: () => void = () => {};
  #reach: () => void = () => {};

  constructor() {
    this.reached = new Promise((resolve) => {
      this.#reach = resolve;
    });
    this.#open = new Promise((resolve) => {
      this.open = resolve;
    });
  }

  pass(): Promise<void> {
    this.#reach();
    return this.#open;
  }
}

/** Every cell store call waits at the door until it is open; claims are counted. */
class SlowOwnership extends TestOwnership {
  readonly door = new Door();
  claims = 0;

  override async candidacy(): Promise<Candidacy> {
    await this.door.pass();
    return this.mayClaim;
  }

  override claim(shard: string, floor: Epoch): Promise<Result<Epoch>> {
    this.claims += 1;
    return super.claim(shard, floor);
  }
}

test("B6.2 a market that is stopped while its log is being opened leaves no log open", async () => {
  const door = new Door();
  const inner = new PortableEngine({ clock: systemClock() });
  let opened: Promise<unknown> = Promise.resolve();
  const engine: MatchingEngine = {
    implementation: "portable",
    open: async (request) => {
      await door.pass();
      const market = inner.open(request);
      opened = market;
      return market;
    },
    stop: () => inner.stop(),
  };
  const cell = await MarketCell.start({ engine });
  await door.reached;
  const ended = cell.system.terminateChild(path);
  door.open();
  assert.ok((await ended).ok);
  await opened;
  const { directory } = cell;
  const other = new PortableEngine({ clock: systemClock() });
  await other.open({ market: "TEST", directory, epoch: epochOf(0) });
  await other.stop();
  await cell.end();
});

test("B6.2 a market that is stopped while it waits for its turn claims and fences nothing any more", async () => {
  const ownership = new SlowOwnership();
  const cell = await MarketCell.start({ ownership });
  await ownership.door.reached;
  assert.ok((await cell.system.terminateChild(path)).ok);
  const restarted = cell.system.restartChild(path);
  ownership.door.open();
  assert.ok((await restarted).ok);
  const { epoch } = await cell.until(({ state }) => state === "open");
  assert.equal([epoch, ownership.claims], [1, 1]);
  const chain = readChain(cell.broker, stream, subject);
  assert.equal([chain.epoch, chain.dropped], [1, 0]);
  await cell.end();
});

/** A market of one record that is accepted, on its way to `us`; the regions that its HANDOVERs name. */
function moving(
  change: (market: { matched: number; committed: number; moves: boolean }) => {
    readonly turn?: () => void;
    readonly sleep?: () => void;
  },
): { readonly market: MovingMarket; readonly written: string[] } {
  const is = { matched: 1, committed: 1, moves: true };
  const { turn = () => {}, sleep = () => {} } = change(is);
  const written: string[] = [];
  const market: MovingMarket = {
    engine: {
      progress: () => ({ matched: sequence(is.matched) }),
      turn: async () => turn(),
    },
    trading: {
      waiting: { requests: 0, commands: 0 },
      get committed() {
        return is.committed;
      },
      pump: () => {},
      flush: () => {},
    },
    shipper: {
      handOver: async (region) => {
        written.push(`${region} behind ${is.matched}`);
      },
    },
    now: () => durationNs(0),
    sleep: async () => sleep(),
    isMoving: () => is.moves,
    isToStay: () => false,
  };
  return { market, written };
}

test("B9.4 a market that is stopped while it is handed over writes no HANDOVER, though all is settled by then", async () => {
  const { market, written } = moving((is) => {
    is.matched = 2;
    // The stop comes with what was waited for.
    const sleep = (): void => {
      Object.assign(is, { committed: 2, moves: false });
    };
    return { sleep };
  });
  assert.is(await handOver(market, "us"), null);
  assert.equal(written, []);
});

test("B9.4 an order that was taken before the gate closed is in the journal before the HANDOVER", async () => {
  const { market, written } = moving((is) => ({
    turn: () => {
      is.matched = 2;
    },
    sleep: () => {
      is.committed = 2;
    },
  }));
  assert.equal(await handOver(market, "us"), ok(undefined));
  assert.equal(written, ["us behind 2"]);
});

test("B6.2 a block whose seal reaches the disk after its market was stopped is not published", async () => {
  const door = new Door();
  const broker = new MemoryBroker();
  const body = {
    market: "TEST",
    epoch: 1,
    previousHash: new Uint8Array(32),
    holder: "h",
    log: "l",
  };
  const fence: Fence = { type: "fence", ...body, hash: fenceHash(body) };
  const shipper = new JournalShipper(
    {
      bus: new MemoryBus(broker, systemClock()),
      engine: { records: () => new Uint8Array(RECORD_BYTES), seal: () => door.pass() },
      log: silentLog,
      sleep: () => Promise.resolve(),
      after: () => () => {},
      recordsRemembered: 1,
      onCommitted: () => {},
    },
    stream,
    subject,
    {
      epoch: 1,
      fence,
      fenceAt: 0,
      chain: { ...chainStart("TEST"), epoch: 1, hash: fence.hash },
    },
  );
  const shipped = shipper.ship();
  await door.reached;
  shipper.stop();
  door.open();
  await shipped;
  assert.equal(broker.messages(stream, subject), []);
});

test.run();
