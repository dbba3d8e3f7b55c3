import { createServer, connect, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { NativeMarket } from "../../native/index.ts";
import {
  type OuchRequest,
  OuchSession,
  type OuchSessionEvent,
} from "../../schemas/nasdaq/ouch-session.ts";
import { withOuchMarket } from "../support/ouch-market.ts";
import { missingAddon, testUnless } from "../support/skip.ts";

/** One member of a market whose order entry goes from one gateway to another. */
const test = suite("a client of OUCH that connects again by itself");
const host = "127.0.0.1";
const PATIENCE_MS = 60_000;

const member = {
  username: "alice",
  password: "secret",
  session: 1_001,
  account: 1,
  firm: "FIRM",
  group: 0,
  cancelOnDisconnect: false,
};

const order = (side: "B" | "S", quantity: number): Omit<OuchRequest, "userRef"> =>
  ({
    kind: "enterOrder",
    side,
    quantity,
    symbol: "ACME",
    price: 10_000n,
    timeInForce: "0",
    display: "Y",
    capacity: "P",
    intermarketSweep: "N",
    crossType: "N",
    clientOrderId: "mine",
    options: {},
  }) as Omit<OuchRequest, "userRef">;

/** A network that can stop to carry answers, or end. */
class Link {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  isDeaf = false;
  to = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Link> {
    const server = createServer();
    const link = new Link(server);
    server.on("connection", (near) => link.#carry(near));
    await new Promise<void>((listening) => server.listen(0, host, listening));
    return link;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  #carry(near: Socket): void {
    const far = connect({ host, port: this.to });
    for (const socket of [near, far]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    }
    near.on("data", (bytes) => far.write(bytes));
    far.on("data", (bytes) => {
      if (!this.isDeaf) near.write(bytes);
    });
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
  }

  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > limit) throw new Error("it did not come about");
    await sleep(5);
  }
}

const gatewayOf = (market: NativeMarket, session: string) =>
  market.duties.openOrderEntry({
    symbol: "ACME",
    pricePerTick: 100,
    session,
    host,
    port: 0,
    connections: 8,
    backend: "best",
    members: [member],
  });

testUnless(
  test,
  missingAddon,
  "B9.4 A5.1 what was taken and not answered is answered by the next gateway with its first outcome, once",
  () =>
    withOuchMarket(async (market) => {
      const first = await gatewayOf(market, "1.1");
      const [link, other] = [await Link.open(), await Link.open()];
      link.to = first.port;
      const heard: OuchSessionEvent[] = [];
      const gateways = [link, other].map(({ port }) => ({ host, port }));
      const { username, password } = member;
      const client = new OuchSession({ gateways, username, password, pauseMs: 20 }, (event) =>
        heard.push(event),
      );
      const told = (kind: string): readonly string[] =>
        heard.flatMap((event) =>
          event.kind === "message" && event.message.kind === kind && "userRef" in event.message
            ? [`${event.session} ${event.message.userRef}${event.resent ? " again" : ""}`]
            : [],
        );
      try {
        await until(() => client.isReady);
        assert.is(client.submit(order("S", 10)), 1);
        await until(() => told("orderAccepted").length === 1);
        // Taken, and its answer is lost with the gateway.
        link.isDeaf = true;
        assert.is(client.submit(order("B", 4)), 2);
        await until(() => first.report().orders >= 2);
        await first.close();
        const second = await gatewayOf(market, "2.1");
        other.to = second.port;
        // Submitted while there is no gateway: taken by the next one.
        link.cut();
        assert.is(client.submit(order("B", 3)), 3);
        await until(() => client.unanswered === 0);
        assert.equal(told("orderAccepted"), ["1.1 1", "2.1 2 again", "2.1 3 again"]);
        await until(() => told("orderExecuted").length > 1);
        // Of the resend nothing is executed: 3 of the 10 trade in this session, each side told.
        assert.equal(told("orderExecuted").toSorted(), ["2.1 1", "2.1 3"]);
        assert.is(client.send({ kind: "cancelOrder", userRef: 1, quantity: 0 }), true);
        await until(() => told("orderCanceled").length === 1);
        const canceled = heard.findLast(
          (event) => event.kind === "message" && event.message.kind === "orderCanceled",
        );
        assert.is(
          canceled?.kind === "message" && canceled.message.kind === "orderCanceled"
            ? canceled.message.quantity
            : 0,
          3,
        );
        await second.close();
      } finally {
        client.stop();
        link.close();
        other.close();
      }
    }),
);

testUnless(
  test,
  missingAddon,
  "A5.1 a connection that ends is made again in the same session, and nothing in it is missed",
  () =>
    withOuchMarket(async (market) => {
      const gateway = await gatewayOf(market, "1.1");
      const link = await Link.open();
      link.to = gateway.port;
      const answers: string[] = [];
      const { username, password } = member;
      const client = new OuchSession(
        { gateways: [{ host, port: link.port }], username, password, pauseMs: 20 },
        (event) => {
          if (event.kind === "message" && event.message.kind === "orderAccepted") {
            answers.push(
              `${event.session} ${event.message.userRef}${event.resent ? " again" : ""}`,
            );
          }
        },
      );
      try {
        await until(() => client.isReady);
        link.isDeaf = true;
        for (const quantity of [1, 2, 3]) client.submit(order("S", quantity));
        await until(() => gateway.report().orders >= 3);
        link.isDeaf = false;
        link.cut();
        await until(() => client.unanswered === 0);
        assert.equal(answers, ["1.1 1", "1.1 2", "1.1 3"]);
        assert.is(client.resends, 0);
        assert.is(client.reconnects, 1);
      } finally {
        client.stop();
        link.close();
        await gateway.close();
      }
    }),
);

test("A5.1 requests without an answer are bounded, and none is taken before references are known", () => {
  const { username, password } = member;
  assert.throws(() => new OuchSession({ gateways: [], username, password }, () => {}));
  const client = new OuchSession({ gateways: [{ host, port: 1 }], username, password }, () => {});
  assert.is(client.submit(order("B", 1)), null);
  assert.is(client.send({ kind: "accountQuery" }), false);
  client.stop();
});

test.run();
