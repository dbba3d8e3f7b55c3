import { once } from "node:events";
import { type Server, createServer } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { choosePorts, isFree } from "./ports.ts";

const test = suite("ports");
const first = { nats: 24_222, route: 26_222, http: 28_600, websocket: 29_222 };

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

test("free ports are used as wanted", async () => {
  const chosen = await choosePorts(["a", "b"], first);
  assert.ok(chosen.ok);
  assert.equal(chosen.ok && chosen.value, {
    ports: {
      a: { nats: 24_222, route: 26_222, http: 28_600, websocket: 29_222 },
      b: { nats: 24_223, route: 26_223, http: 28_601, websocket: 29_223 },
    },
    moved: [],
  });
});

test("taken ports move past those that other regions want, each to its own", async () => {
  const taken = await Promise.all([occupy(28_600), occupy(28_601), occupy(28_603)]);
  try {
    assert.not.ok(await isFree(28_600));
    const chosen = await choosePorts(["a", "b", "c"], first);
    assert.equal(chosen.ok && chosen.value.moved, [
      { region: "a", kind: "http", wanted: 28_600, used: 28_604 },
      { region: "b", kind: "http", wanted: 28_601, used: 28_605 },
    ]);
    assert.is(chosen.ok && chosen.value.ports["c"]?.http, 28_602);
  } finally {
    for (const server of taken) server.close();
  }
});

test("running out of ports is refused with the next step", async () => {
  const chosen = await choosePorts(["a", "b"], { ...first, http: 65_535 });
  assert.is(!chosen.ok && chosen.failure.code, "ports_exhausted");
  assert.match(chosen.ok ? "" : chosen.failure.next, "ss -ltn");
});

test.run();
