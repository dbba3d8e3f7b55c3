import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { NativeMarket } from "../../native/index.ts";
import type { OuchInbound, OuchOutbound } from "../../schemas/nasdaq/codec.ts";
import { type ByteStream, OuchClient, connectTcp } from "../../schemas/nasdaq/ouch-client.ts";
import { withOuchMarket } from "../support/ouch-market.ts";
import { type CapturedPacket, dissect, inWords, missingTshark } from "../support/packet-capture.ts";
import { repository } from "../support/shared-data.ts";
import { missingAddon, testUnless } from "../support/skip.ts";

const test = suite("OUCH in front of a market");

const PATIENCE_MS = 60_000;

interface Exchange {
  readonly port: number;
  readonly backend: string;
  readonly market: NativeMarket;
  /** All bytes of the connections so far, in either direction. */
  readonly wire: readonly CapturedPacket[];
  readonly connect: (username: string, nextSequence?: bigint) => Promise<OuchClient>;
}

const member = (username: string, account: number, cancelOnDisconnect: boolean) => ({
  username,
  password: "secret",
  session: 1_000 + account,
  account,
  firm: "FIRM",
  group: cancelOnDisconnect ? 1 : 0,
  cancelOnDisconnect,
});

/** A reactor with one market and its order entry in this process. */
async function withExchange(
  backend: "best" | "epoll",
  body: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  await withOuchMarket(async (market) => {
    const duty = await market.duties.openOrderEntry({
      symbol: "ACME",
      pricePerTick: 100,
      session: "DAY1",
      host: "127.0.0.1",
      port: 0,
      connections: 64,
      backend,
      members: [member("alice", 1, true), member("bob", 2, false)],
    });
    const { port } = duty;
    const wire: CapturedPacket[] = [];
    let connections = 0;
    const connect = async (username: string, nextSequence = 1n): Promise<OuchClient> => {
      const connected = await connectTcp("127.0.0.1", port);
      if (!connected.ok) throw new Error(connected.reason);
      const login = { username, password: "secret", nextSequence };
      const from = 40_000 + (connections += 1);
      const stream = recorded(connected.stream, wire, from);
      const loggedIn = await OuchClient.logIn(stream, login);
      if (!loggedIn.ok) throw new Error(loggedIn.failure.reason);
      return loggedIn.client;
    };
    await body({ port, backend: duty.backend, market, wire, connect });
  });
}

const SERVER_PORT = 9_000;

/** The stream, with what goes over it kept as packets. */
function recorded(stream: ByteStream, wire: CapturedPacket[], port: number): ByteStream {
  const position = { sent: 0, received: 0 };
  const keep = (direction: "sent" | "received", payload: Uint8Array): void => {
    const ports =
      direction === "sent" ? { from: port, to: SERVER_PORT } : { from: SERVER_PORT, to: port };
    wire.push({ protocol: "tcp", ...ports, payload, position: position[direction] });
    position[direction] += payload.length;
  };
  return {
    write: (bytes) => {
      keep("sent", bytes);
      stream.write(bytes);
    },
    end: () => stream.end(),
    onBytes: (receive) =>
      stream.onBytes((bytes) => {
        keep("received", bytes);
        receive(bytes);
      }),
    onClosed: (closed) => stream.onClosed(closed),
  };
}

const order = (userRef: number, side: "B" | "S", quantity: number): OuchInbound => ({
  kind: "enterOrder",
  userRef,
  side,
  quantity,
  symbol: "ACME",
  price: 10_000n,
  timeInForce: "0",
  display: "Y",
  capacity: "P",
  intermarketSweep: "N",
  crossType: "N",
  clientOrderId: `order${userRef}`,
  options: {},
});

async function next<Kind extends OuchOutbound["kind"]>(
  client: OuchClient,
  kind: Kind,
): Promise<Extract<OuchOutbound, { readonly kind: Kind }>> {
  const received = await client.receive(PATIENCE_MS);
  assert.is(
    received.kind,
    "message",
    JSON.stringify(received, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    ),
  );
  if (received.kind !== "message") throw new Error(received.kind);
  assert.is(received.message.kind, kind);
  return received.message as Extract<OuchOutbound, { readonly kind: Kind }>;
}

for (const backend of ["best", "epoll"] as const) {
  testUnless(
    test,
    missingAddon,
    `A5.1 clients of another language trade, and find what they missed (${backend})`,
    () =>
      withExchange(backend, async ({ connect, backend: name }) => {
        assert.ok(name === "epoll" || (backend === "best" && name === "io_uring"), name);
        const alice = await connect("alice");
        await next(alice, "systemEvent");
        const bob = await connect("bob");
        await next(bob, "systemEvent");
        bob.send(order(1, "S", 100));
        const accepted = await next(bob, "orderAccepted");
        assert.is(accepted.clientOrderId, "order1");
        assert.is(accepted.price, 10_000n);
        bob.logOut();
        alice.send(order(1, "B", 30), order(2, "B", 20));
        await next(alice, "orderAccepted");
        const executed = await next(alice, "orderExecuted");
        assert.is(executed.quantity, 30);
        await next(alice, "orderAccepted");
        assert.is((await next(alice, "orderExecuted")).quantity, 20);
        const again = await connect("bob", bob.nextSequence);
        const sold = await next(again, "orderExecuted");
        assert.is(sold.quantity, 30);
        assert.is(sold.match, executed.match);
        assert.is((await next(again, "orderExecuted")).quantity, 20);
        again.send({ kind: "cancelOrder", userRef: 1, quantity: 0 });
        assert.is((await next(again, "orderCanceled")).quantity, 50);
        again.send({ kind: "accountQuery" });
        assert.is((await next(again, "accountQueryResponse")).nextUserRef, 2);
        again.logOut();
        alice.logOut();
      }),
  );
}

testUnless(
  test,
  missingAddon,
  "A5.1 a wrong password is refused, and a market that closes hangs up",
  () =>
    withExchange("epoll", async ({ port, connect, market }) => {
      const connected = await connectTcp("127.0.0.1", port);
      assert.ok(connected.ok);
      if (!connected.ok) return;
      const login = { username: "alice", password: "guess" };
      const refused = await OuchClient.logIn(connected.stream, login);
      assert.ok(!refused.ok && refused.failure.code === "login_refused");
      const alice = await connect("alice");
      await next(alice, "systemEvent");
      await market.close();
      assert.is((await alice.receive(PATIENCE_MS)).kind, "closed");
    }),
);

/** What the command line prints, as JSON, and its exit code. */
async function meridian(
  port: number,
  password: string,
  ...words: readonly string[]
): Promise<{ readonly exitCode: number | null; readonly answer: unknown; readonly said: string }> {
  const gateway = ["--via", "ouch", "--gateway", `127.0.0.1:${port}`, "--user", "bob"];
  const child = spawn(
    process.execPath,
    [join(repository, "ops", "cli", "main.ts"), "order", ...words, ...gateway, "-o", "json"],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, MERIDIAN_OUCH_PASSWORD: password },
    },
  );
  let output = "";
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  const answer: unknown = output === "" ? null : JSON.parse(output);
  return { exitCode: child.exitCode, answer, said };
}

testUnless(test, missingAddon, "A5.1 the command line enters and cancels orders through OUCH", () =>
  withExchange("epoll", async ({ port, connect }) => {
    const alice = await connect("alice");
    await next(alice, "systemEvent");
    alice.send(order(1, "S", 30));
    await next(alice, "orderAccepted");
    const placed = await meridian(port, "secret", "place", "ACME", "buy", "50", "1.00");
    assert.equal(placed.exitCode, 0, placed.said);
    const { userRef, executed, open, fills } = placed.answer as Record<string, unknown>;
    assert.equal(
      { userRef, executed, open, fills },
      { userRef: 1, executed: 30, open: 20, fills: [{ quantity: 30, price: 10_000 }] },
    );
    const canceled = await meridian(port, "secret", "cancel", "ACME", "1");
    assert.equal([canceled.exitCode, canceled.answer], [0, { userRef: 1, canceled: 20 }]);
    const refused = await meridian(port, "guess", "place", "ACME", "buy", "50", "1.00");
    assert.is(refused.exitCode, 1);
    assert.match(refused.said, /unknown user, or wrong password/);
    const rejected = await meridian(port, "secret", "place", "OTHER", "buy", "50", "1.00");
    assert.match(rejected.said, /reason 0x17/);
  }),
);

testUnless(
  test,
  missingAddon ?? missingTshark,
  "A5.1 tshark dissects a session of SoupBinTCP without an error, and counts the sequences as we do",
  () =>
    withExchange("epoll", async ({ connect, wire }) => {
      const alice = await connect("alice");
      await next(alice, "systemEvent");
      for (let userRef = 1; userRef <= 5; userRef += 1) {
        alice.send(order(userRef, "S", 10));
        await next(alice, "orderAccepted");
      }
      await new Promise((resolve) => setTimeout(resolve, 1_600));
      alice.logOut();
      const faults = [
        "_ws.malformed",
        "soupbintcp.req_seq_num.invalid",
        "soupbintcp.next_seq_num.invalid",
      ];
      const dissected = await dissect(wire, `tcp.port==${SERVER_PORT},soupbintcp`, [
        "frame.protocols",
        "soupbintcp.packet_type",
        ...faults,
      ]);
      assert.is(dissected.length, wire.length);
      for (const [protocols, , ...found] of dissected) {
        assert.match(protocols ?? "", /soupbintcp/);
        assert.equal(found, ["", "", ""]);
      }
      const types = dissected.flatMap(([, type]) => (type ?? "").replaceAll("'", "").split(","));
      for (const type of "LASURHO") assert.ok(types.includes(type), `${type} in ${types.join("")}`);
      const words = await inWords(wire, `tcp.port==${SERVER_PORT},soupbintcp`);
      const sequences = [...words.matchAll(/Sequence number: (\d+) \(Calculated\)/g)].map(
        ([, sequence]) => sequence,
      );
      assert.equal(sequences, ["1", "2", "3", "4", "5", "6"]);
    }),
);

test.run();
