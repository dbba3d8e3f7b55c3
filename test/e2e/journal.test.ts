import { setTimeout as sleep } from "node:timers/promises";

import { jetstreamManager } from "@nats-io/jetstream";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ensureAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readJournal } from "../support/chain.ts";
import { MarketCell, testDefinition } from "../support/market-cell.ts";
import {
  missingNatsServer,
  startCluster,
  type TestCluster,
  type TestServer,
} from "../support/nats-cluster.ts";
import { hostClock, silentLog } from "../support/ports.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("journal on three real servers");
const missing = missingNatsServer();
const stream = journalStream(testDefinition.group, testDefinition.shard);
const subject = journalSubject(testDefinition.market);
const batch = 32;

/** What one client knows: its numbers, and the sequence it was told for each. */
interface Ledger {
  readonly acknowledged: Map<number, number>;
  sent: number;
  resent: number;
}

const resting = (number: number): wire.market.v1.ICommand => ({
  number,
  account: 7,
  place: {
    side: wire.market.v1.Side.SIDE_BUY,
    orderType: wire.market.v1.OrderType.ORDER_TYPE_LIMIT,
    timeInForce: wire.market.v1.TimeInForce.TIME_IN_FORCE_DAY,
    price: 500,
    quantity: 10,
  },
});

/** Sends batches of resting orders until told to stop; an open outcome is asked for again. */
async function load(cell: MarketCell, ledger: Ledger, go: () => boolean): Promise<void> {
  while (go()) {
    const first = ledger.sent + 1;
    ledger.sent += batch;
    let numbers = Array.from({ length: batch }, (_, index) => first + index);
    while (numbers.length > 0) {
      const commands = numbers.map(resting);
      try {
        const reply = await cell.submit({ session: 77, commands }, 20);
        for (const outcome of reply.outcomes) {
          if (outcome.refusal) continue;
          assert.is(reply.durability, wire.market.v1.DurabilityMode.DURABILITY_MODE_REPLICATED);
          ledger.acknowledged.set(outcome.number ?? 0, outcome.sequence ?? 0);
        }
      } catch {
        // No answer: whatever became of it, the same numbers ask again.
      }
      const open = numbers.filter((number) => !ledger.acknowledged.has(number));
      if (open.length > 0) {
        ledger.resent += open.length;
        await sleep(50);
      }
      numbers = open;
    }
  }
}

async function leader(bus: NatsBus): Promise<string> {
  const manager = await jetstreamManager(bus.connection, { checkAPI: false });
  return (await manager.streams.info(stream)).cluster?.leader ?? "";
}

function serverOf(cluster: TestCluster, region: string): TestServer {
  const server = cluster.servers.find((one) => one.region === region);
  if (server === undefined) throw new Error(`no server ${region}`);
  return server;
}

async function check(cell: MarketCell, bus: NatsBus, ledger: Ledger): Promise<void> {
  const status = await cell.until(({ matched, committed }) => committed === matched);
  const { chain, numbers } = await readJournal(bus, stream, subject, 77);
  assert.is(chain.lastSequence, status.committed);
  for (const [number, sequence] of ledger.acknowledged) {
    assert.is(numbers.get(number)?.[0], sequence, `number ${number}`);
  }
  assert.is(ledger.acknowledged.size, ledger.sent);
  // Each order rests once, however often its number was sent.
  assert.is(status.restingOrders, ledger.sent);
}

async function connectCell(cluster: TestCluster): Promise<MarketCell> {
  const { urls: servers, seed } = cluster;
  const bus = await connectNats({ servers, user: "cell", seed, authority: null });
  const ports = { bus, clock: hostClock, log: silentLog };
  assert.ok((await ensureAssets(ports, testDefinition.home, 3)).ok);
  assert.ok((await ensureMarketAssets(ports, testDefinition, 3)).ok);
  return MarketCell.open({ bus });
}

async function killUnderLoad(cluster: TestCluster, cell: MarketCell): Promise<void> {
  const bus = cell.bus as NatsBus;
  const ledger: Ledger = { acknowledged: new Map(), sent: 0, resent: 0 };
  let running = true;
  const loading = load(cell, ledger, () => running);
  const acknowledged = async (more: number): Promise<void> => {
    const wanted = ledger.acknowledged.size + more;
    while (ledger.acknowledged.size < wanted) await sleep(20);
  };
  await acknowledged(320);

  const led = serverOf(cluster, await leader(bus));
  await led.kill("SIGKILL");
  await acknowledged(320);
  await led.start();
  await acknowledged(320);

  // Now the server that the cell itself is connected to.
  const port = bus.state().server.split(":").at(-1) ?? "";
  const own = cluster.servers.find(({ url }) => url.endsWith(`:${port}`));
  await own?.kill("SIGKILL");
  await acknowledged(320);
  await own?.start();
  await acknowledged(320);
  running = false;
  await loading;
  await check(cell, bus, ledger);
  assert.ok(bus.state().reconnects >= 1);

  // The market's process is restarted: same book, and an old number gets its first outcome.
  const before = await cell.status();
  await cell.stop();
  const { ownership, directory } = cell;
  const again = await MarketCell.open({ bus, ownership, directory });
  const after = await again.status();
  assert.is(after.digest, before.digest);
  assert.ok(after.epoch > before.epoch);
  const number = ledger.sent;
  const reply = await again.submit({ session: 77, commands: [resting(number)] });
  assert.ok(reply.outcomes[0]?.repeated);
  assert.is(reply.outcomes[0]?.sequence, ledger.acknowledged.get(number));
  await check(again, bus, ledger);
  await again.stop();
}

testUnless(
  test,
  missing,
  "nothing acknowledged is lost and nothing is doubled when the journal's leader is killed under load",
  async () => {
    const cluster = await startCluster();
    const cell = await connectCell(cluster);
    try {
      await killUnderLoad(cluster, cell);
    } finally {
      await cell.end();
      await cell.bus.close();
      await cluster.stop();
    }
  },
);

test.run();
