import { connect, createServer, type Server, type Socket } from "node:net";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { connectNats, type NatsBus, type NatsOptions } from "../../actors/bus/nats.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { CellLease } from "../../actors/region/lease.ts";
import { leaseBucket } from "../../schemas/subjects.ts";
import { missingNatsServer, startCluster } from "../support/nats-cluster.ts";
import { silentLog } from "../support/ports.ts";
import { testUnless } from "../support/skip.ts";
import { eventually, until } from "../support/until.ts";

/** A cell's renewals and everything else that a cell says and hears. */
const test = suite("the connection of a cell's lease");
const host = "127.0.0.1";
const RENEWALS = 5;
const FLOOD = 64;
const FLOOD_BYTES = 64 * 1024;

/** The way to a server, on which each connection can be held up by itself. */
class Way {
  readonly #server: Server;
  readonly #ends: (readonly [Socket, Socket])[] = [];
  #isHeldUp = false;

  private constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect({ host, port: to });
      this.#ends.push([near, far]);
      near.on("error", () => far.destroy());
      far.on("error", () => near.destroy());
      if (this.#isHeldUp) return;
      near.pipe(far);
      far.pipe(near);
    });
  }

  static async to(port: number): Promise<Way> {
    const way = new Way(port);
    await new Promise<void>((listening) => way.#server.listen(0, host, listening));
    return way;
  }

  get url(): string {
    const address = this.#server.address();
    return `nats://${host}:${typeof address === "object" && address !== null ? address.port : 0}`;
  }
  get open(): number {
    return this.#ends.filter(([near]) => !near.destroyed).length;
  }

  /** The connection that was made as the first carries nothing any more, nor does one that is made later. */
  holdUpFirst(): void {
    this.#isHeldUp = true;
    const [first] = this.#ends.filter(([near]) => !near.destroyed);
    for (const end of first ?? []) end.unpipe();
  }

  close(): void {
    for (const end of this.#ends.flat()) end.destroy();
    this.#server.close();
  }
}

/** Servers that have just been started do not listen at once. */
const connected = (options: NatsOptions): Promise<NatsBus> =>
  eventually("a connection", () => connectNats(options).catch(() => null));

async function makeBucket(bus: NatsBus): Promise<void> {
  const name = `KV_${leaseBucket}`;
  const stream = { name, subjects: [`$KV.${leaseBucket}.>`], storage: "file", num_replicas: 1 };
  // Refused until the servers have a leader.
  await until("the bucket", async () => {
    const answer = await bus.ask(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify(stream), 2_000);
    return answer.ok && JSON.parse(Buffer.from(answer.value.data).toString()).error === undefined;
  });
}

/** Not waited for: a connection that is held up cannot say goodbye. */
const leave = (bus: NatsBus): void => void bus.close().catch(() => {});

testUnless(
  test,
  missingNatsServer(),
  "B9.2 a cell whose connection is flooded and held up renews its lease in time",
  async () => {
    const cluster = await startCluster();
    const options: NatsOptions = {
      servers: cluster.urls,
      user: "cell",
      seed: cluster.seed,
      authority: null,
    };
    const outside = await connected(options);
    const way = await Way.to(Number(new URL(cluster.urls[0] ?? "").port));
    const bus = await connected({ ...options, servers: [way.url], keysApart: true });
    const lease = new CellLease(
      {
        keys: bus.keys,
        clock: systemClock(),
        log: silentLog,
        nonce: () => crypto.getRandomValues(new Uint8Array(16)),
        persistIncarnation: () => {},
      },
      { region: "eu-central", cell: "eu-1", node: "n" },
    );
    try {
      await makeBucket(outside);
      assert.is(way.open, 2);

      assert.ok((await lease.acquire(0)).ok);
      let heard = 0;
      bus.subscribe("flood", () => {
        heard += 1;
      });
      // What was asked for before an answer comes is known to the server.
      await bus.request("nobody", new Uint8Array(), durationNs(5e9));
      way.holdUpFirst();
      for (let sent = 0; sent < FLOOD; sent += 1) {
        outside.publish("flood", new Uint8Array(FLOOD_BYTES));
      }
      let renewals = 0;
      const reasons: string[] = [];
      lease.watch(() => {
        renewals += 1;
      });
      lease.start((reason) => reasons.push(reason));
      await until(`${RENEWALS} renewals`, async () => renewals >= RENEWALS);
      assert.ok(heard < FLOOD, "the flood was still on its way");
      assert.equal(reasons, []);
    } finally {
      void lease.stop();
      way.close();
      leave(bus);
      await outside.close();
      await cluster.stop();
    }
  },
);

test.run();
