import { connect as connectSocket, createServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { headers } from "nats";

import { ensureAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { busContract, type BusHarness } from "../../actors/bus/bus-contract.ts";
import { connectNats, type NatsBus, type NatsOptions } from "../../actors/bus/nats.ts";
import { fateOf } from "../../actors/bus/publish-ack.ts";
import type { AppendFate } from "../../actors/kernel/ports/bus.ts";
import { unreachable } from "../../actors/kernel/result.ts";
import { journalStream, journalSubject, leaseBucket } from "../../schemas/subjects.ts";
import { missingNatsServer, startCluster, type TestCluster } from "../support/nats-cluster.ts";
import { hostClock, silentLog } from "../support/ports.ts";

/** Forwards one port to a server, and can keep the server's answers to itself. */
class DeafProxy {
  deaf = false;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(target: number) {
    this.#server = createServer((client) => {
      const server = connectSocket(target, "127.0.0.1");
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on("error", () => {});
        socket.on("close", () => {
          client.destroy();
          server.destroy();
        });
      }
      client.on("data", (data) => server.write(data));
      server.on("data", (data) => {
        if (!this.deaf) client.write(data);
      });
    });
  }

  static async start(target: number): Promise<{ proxy: DeafProxy; port: number }> {
    const proxy = new DeafProxy(target);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, "127.0.0.1", resolve);
    });
    const address = proxy.#server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    return { proxy, port: address.port };
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

const portOf = (url: string): number => Number(url.split(":").at(-1));
const stream = journalStream("atlas", 0);
const subjects = Array.from({ length: 24 }, (_, index) => `CONTRACT-${index}`);

async function startHarness(): Promise<BusHarness> {
  const cluster: TestCluster = await startCluster();
  const buses: NatsBus[] = [];
  const open = async (servers: readonly string[]): Promise<NatsBus> => {
    const options: NatsOptions = { servers, user: "cell", seed: cluster.seed, authority: null };
    const bus = await connectNats(options);
    buses.push(bus);
    return bus;
  };
  const first = await open(cluster.urls);
  const ports = { bus: first, clock: hostClock, log: silentLog };
  const shared = await ensureAssets(ports, "eu-central", 3);
  if (!shared.ok) throw new Error(shared.failure.reason);
  for (const market of subjects) {
    const place = { group: "atlas", shard: 0, home: "eu-central", market };
    const made = await ensureMarketAssets(ports, place, 3);
    if (!made.ok) throw new Error(made.failure.reason);
  }
  let used = 0;

  async function answerLost(
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate> {
    const { proxy, port } = await DeafProxy.start(portOf(first.state().server));
    const deaf = await open([`nats://127.0.0.1:${port}`]);
    proxy.deaf = true;
    const fate = await deaf.journal.append(stream, subject, payload, expectedTail);
    await deaf.close();
    proxy.stop();
    return fate;
  }

  /** A message id that the stream has seen: the second publish is acknowledged and not stored. */
  async function duplicate(subject: string, payload: Uint8Array): Promise<AppendFate> {
    const named = headers();
    named.set("Nats-Msg-Id", subject);
    const publish = async (): Promise<AppendFate> => {
      const answer = await first.ask(subject, payload, 5_000, named);
      if (!answer.ok) return { fate: "undecided", reason: answer.failure.code };
      const ack = JSON.parse(Buffer.from(answer.value.data).toString()) as {
        readonly seq?: number;
        readonly duplicate?: boolean;
      };
      const { seq = 0, duplicate: repeated = false } = ack;
      return fateOf({ sequence: seq, duplicate: repeated, error: null });
    };
    if ((await publish()).fate !== "stored") throw new Error("the first publish was not stored");
    return publish();
  }

  return {
    stream,
    bucket: leaseBucket,
    connect: () => open(cluster.urls),
    freshSubject() {
      used += 1;
      return journalSubject(`CONTRACT-${used - 1}`);
    },
    settle: (work) => work,
    pass: (milliseconds) => sleep(milliseconds),
    async appendIn(trouble, bus, subject, payload, expectedTail) {
      switch (trouble) {
        case "in_flight_conflict": {
          const rival = new Uint8Array(Buffer.from("rival"));
          const won = bus.journal.append(stream, subject, rival, expectedTail);
          const fate = await bus.journal.append(stream, subject, payload, expectedTail);
          await won;
          return fate;
        }
        case "answer_lost":
          return answerLost(subject, payload, expectedTail);
        case "duplicate":
          return duplicate(subject, payload);
        case "sequence_zero":
        case "both_stored":
          throw new Error(`${trouble} is skipped`);
        default:
          return unreachable(trouble);
      }
    },
    async leaderless(body) {
      const own = portOf(first.state().server);
      const others = cluster.servers.filter((server) => portOf(server.url) !== own);
      for (const server of others) process.kill(server.pid(), "SIGSTOP");
      try {
        await body();
      } finally {
        for (const server of others) process.kill(server.pid(), "SIGCONT");
      }
    },
    staleTail: () => Promise.reject(new Error("stale_read is skipped")),
    async stop() {
      for (const bus of buses) await bus.close();
      await cluster.stop();
    },
  };
}

busContract({
  name: "three real servers",
  missing: missingNatsServer(),
  cannot: {
    sequence_zero: "an ack with sequence 0 came from nats-server 2.10 only",
    stale_read: "an isolated leader needs network namespaces",
    both_stored: "a race inside the server that nobody can bring about from outside",
  },
  start: startHarness,
});
