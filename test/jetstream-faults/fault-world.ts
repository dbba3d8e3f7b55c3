import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import * as assert from "uvu/assert";

import { ensureAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { NatsJournalReplicas } from "../../actors/bus/journal-replicas.ts";
import { connectNats, type NatsBus, type NatsOptions } from "../../actors/bus/nats.ts";
import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import { ok } from "../../actors/kernel/result.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { JournalAlerts, type JournalFinding } from "../../actors/root/journal-alerts.ts";
import { JournalScrub } from "../../actors/root/journal-scrub.ts";
import { wire } from "../../schemas/messages.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readJournal } from "../support/chain.ts";
import { MarketCell, TestOwnership, testDefinition } from "../support/market-cell.ts";
import { startCluster, type TestCluster, type TestServer } from "../support/nats-cluster.ts";
import { hostClock, silentLog } from "../support/ports.ts";

/** Real servers, a real market on them, and what its client was told: to damage and to judge. */

export const stream = journalStream(testDefinition.group, testDefinition.shard);
export const subject = journalSubject(testDefinition.market);
const SESSION = 77;
const BATCH = 8;
const LIMIT_MS = 60_000;

export interface WorldOptions {
  readonly regions?: readonly string[];
  readonly stores?: string;
  readonly server?: string;
}

/** Servers that have just been started do not listen yet. */
async function connected(options: NatsOptions): Promise<NatsBus> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await connectNats(options);
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(100);
    }
  }
}

export class FaultWorld {
  readonly cluster: TestCluster;
  readonly bus: NatsBus;
  readonly cell: MarketCell;
  readonly replicas: NatsJournalReplicas;
  readonly scrub: JournalScrub;
  readonly alerts: JournalAlerts;
  /** What listeners on the alert's subject were sent. */
  readonly told: wire.control.v1.JournalAlert[] = [];
  readonly #acknowledged = new Map<number, number>();
  #number = 0;

  private constructor(cluster: TestCluster, bus: NatsBus, cell: MarketCell) {
    this.cluster = cluster;
    this.bus = bus;
    this.cell = cell;
    this.replicas = new NatsJournalReplicas(bus);
    const ports = { bus, clock: hostClock, log: silentLog };
    this.alerts = new JournalAlerts({ region: testDefinition.home, cell: "test" }, ports);
    this.scrub = new JournalScrub(
      { bytesPerSecond: 64 * 1024 * 1024, pause: durationNs(1e9) },
      {
        replicas: this.replicas,
        clock: hostClock,
        log: silentLog,
        alerts: this.alerts,
        markets: async () => ok([await this.cell.status()]),
      },
    );
    bus.subscribe(`alert.${testDefinition.home}.journal.>`, (_, payload) => {
      this.told.push(wire.control.v1.JournalAlert.decode(payload));
    });
  }

  static async open(options: WorldOptions = {}): Promise<FaultWorld> {
    const cluster = await startCluster(options);
    const { urls: servers, seed } = cluster;
    try {
      const bus = await connected({ servers, user: "cell", seed, authority: null });
      return new FaultWorld(cluster, bus, await FaultWorld.#market(bus));
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  static async #market(bus: NatsBus): Promise<MarketCell> {
    const ports = { bus, clock: hostClock, log: silentLog };
    assert.ok((await ensureAssets(ports, testDefinition.home, 3)).ok);
    assert.ok((await ensureMarketAssets(ports, testDefinition, 3)).ok);
    return MarketCell.open({
      bus,
      replicas: new NatsJournalReplicas(bus),
      ensureJournal: async () => ensureMarketAssets(ports, testDefinition, 3),
    });
  }

  server(region: string): TestServer {
    const found = this.cluster.servers.find((one) => one.region === region);
    if (found === undefined) throw new Error(`no server ${region}`);
    return found;
  }

  /** Sends batches of orders that rest, each again until it is answered. */
  async load(batches: number): Promise<void> {
    for (let batch = 0; batch < batches; batch += 1) {
      const commands = Array.from({ length: BATCH }, (_, index) => ({
        number: this.#number + index + 1,
        account: 7,
        place: {
          side: wire.market.v1.Side.SIDE_BUY,
          orderType: wire.market.v1.OrderType.ORDER_TYPE_LIMIT,
          timeInForce: wire.market.v1.TimeInForce.TIME_IN_FORCE_DAY,
          price: 500,
          quantity: 10,
        },
      }));
      await this.until("a batch is acknowledged", async () => {
        const reply = await this.cell.submit({ session: SESSION, commands }, 5).catch(() => null);
        const outcomes = reply?.refusal ? [] : (reply?.outcomes ?? []);
        for (const { number, sequence, refusal } of outcomes) {
          if (!refusal && sequence) this.#acknowledged.set(number ?? 0, sequence);
        }
        return commands.every(({ number }) => this.#acknowledged.has(number));
      });
      this.#number += BATCH;
    }
  }

  async until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const end = performance.now() + LIMIT_MS;
    while (!(await holds())) {
      if (performance.now() > end) throw new Error(`did not come about: ${what}`);
      await sleep(50);
    }
  }

  async leader(): Promise<string> {
    const holders = await this.replicas.holders(stream);
    return holders.ok ? holders.value.leader : "";
  }

  /** One that holds the stream: a spare server does not. */
  async follower(): Promise<TestServer> {
    const holders = await this.replicas.holders(stream);
    if (!holders.ok) throw new Error(holders.failure.reason);
    const { leader, up } = holders.value;
    return this.server(up.find((region) => region !== leader) ?? "");
  }

  /** Makes a server the leader. */
  async lead(region: string): Promise<void> {
    await this.until(`${region} leads ${stream}`, async () => {
      if ((await this.leader()) === region) return true;
      await this.replicas.stepDown(stream, region);
      await sleep(500);
      return (await this.leader()) === region;
    });
  }

  /** Waits until three servers hold the stream and each has everything that was acknowledged. */
  async replicated(): Promise<void> {
    await this.until("every replica is there and current", async () => {
      const behind = await this.behind();
      return behind !== null && behind.length === 0;
    });
  }

  /** Holders that are not in step; null while there is no leader or a holder is missing. */
  async behind(): Promise<readonly string[] | null> {
    const answer = await this.bus.ask(`$JS.API.STREAM.INFO.${stream}`, "", 2_000);
    if (!answer.ok) return null;
    const { cluster } = JSON.parse(Buffer.from(answer.value.data).toString());
    const replicas = (cluster?.replicas ?? []) as {
      name: string;
      current?: boolean;
      lag?: number;
    }[];
    if ((cluster?.leader ?? "") === "" || replicas.length !== 2) return null;
    return replicas
      .filter(({ current, lag = 0 }) => current !== true || lag > 0)
      .map(({ name }) => name);
  }

  /** Folder of the stream, and those of its blocks and of JetStream's own logs. */
  streamFolder(server: TestServer): string {
    return join(server.store, "jetstream", "TEST", "streams", stream);
  }
  blocks(server: TestServer): readonly string[] {
    const folder = join(this.streamFolder(server), "msgs");
    return readdirSync(folder)
      .filter((name) => name.endsWith(".blk"))
      .map((name) => join(folder, name));
  }

  /** What a server's own store gives of the subject. */
  async heldBy(region: string): Promise<readonly StoredMessage[]> {
    for (let attempt = 0; attempt < 20; attempt += 1) {
      const reader = await this.replicas.open(stream, subject, region);
      if (!reader.ok) continue;
      const held: StoredMessage[] = [];
      for (;;) {
        const read = await reader.value.next(64);
        if (!read.ok) break;
        held.push(...read.value);
        if (read.value.length > 0) continue;
        await reader.value.close();
        return held;
      }
    }
    throw new Error(`${region} cannot be read`);
  }

  /** What a pass finds in which every replica could be read. */
  async scrubbed(): Promise<readonly JournalFinding[]> {
    await this.until("every replica is read", async () => {
      const { unread } = this.scrub.counters();
      return (await this.scrub.pass()) && this.scrub.counters().unread === unread;
    });
    await this.bus.connection.flush();
    return this.alerts.standing;
  }

  /** Every acknowledged order stands once in the journal that the leader shows. */
  async nothingLost(): Promise<void> {
    await this.cell.until(
      ({ state, committed, matched }) => state === "open" && committed === matched,
    );
    const { numbers, chain } = await readJournal(this.bus, stream, subject, SESSION);
    for (const [number, sequence] of this.#acknowledged) {
      // A resend is a record too; what it is told is the first one's outcome.
      assert.is(numbers.get(number)?.[0], sequence, `order ${number}`);
    }
    assert.is(chain.lastSequence, (await this.cell.status()).committed);
  }

  /** Another cell with an empty log takes the market; what it then says must be what was accepted. */
  async takenOver(): Promise<void> {
    const { committed, digest } = await this.cell.until(
      (status) => status.state === "open" && status.committed === status.matched,
    );
    await this.cell.stop();
    const directory = mkdtempSync(join(tmpdir(), "meridian-faults-"));
    const { bus, replicas } = this;
    const ownership = new TestOwnership("us-east/taker#1");
    const taker = await MarketCell.open({ bus, directory, replicas, ownership });
    try {
      const status = await taker.status();
      assert.equal([status.matched, status.digest], [committed, digest], "the taker's book");
    } finally {
      await taker.end();
      rmSync(directory, { recursive: true, force: true });
    }
  }

  async end(): Promise<void> {
    this.scrub.stop();
    this.alerts.stop();
    await this.cell.end();
    await this.bus.close();
    await this.cluster.stop();
  }
}
