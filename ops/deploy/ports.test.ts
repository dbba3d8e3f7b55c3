import { once } from "node:events";
import { type Server, createServer } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { regionOf } from "../../test/support/regions.ts";
import { choosePorts, isFree, serverPorts, wantedPorts } from "./ports.ts";
import { type FirstPorts, type Topology, serverPlaces } from "./topology.ts";

const test = suite("ports");
const first = {
  nats: 24_222,
  route: 26_222,
  http: 28_600,
  websocket: 29_222,
  gateway: 27_222,
  leaf: 25_222,
};

async function occupy(port: number): Promise<Server> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const wanted = (
  names: readonly string[],
  from: FirstPorts = first,
  topology: Topology = "compact",
): ReturnType<typeof wantedPorts> => {
  const regions = names.map((name) => regionOf(name));
  return wantedPorts(topology, regions, serverPlaces(topology, regions, regions), from);
};

test("free ports are used as wanted", async () => {
  const chosen = await choosePorts(wanted(["a", "b"]));
  assert.ok(chosen.ok);
  assert.equal(chosen.ok && chosen.value, {
    ports: {
      a: { http: 28_600, nats: 24_222, route: 26_222, websocket: 29_222, leaf: 25_222 },
      b: { http: 28_601, nats: 24_223, route: 26_223, websocket: 29_223, leaf: 25_223 },
    },
    moved: [],
  });
});

test("taken ports move past those that other regions want, each to its own", async () => {
  const taken = await Promise.all([occupy(28_600), occupy(28_601), occupy(28_603)]);
  try {
    assert.not.ok(await isFree(28_600));
    const chosen = await choosePorts(wanted(["a", "b", "c"]));
    assert.equal(chosen.ok && chosen.value.moved, [
      { region: "a", kind: "http", wanted: 28_600, used: 28_604 },
      { region: "b", kind: "http", wanted: 28_601, used: 28_605 },
    ]);
    assert.is(chosen.ok && chosen.value.ports["c"]?.http, 28_602);
  } finally {
    for (const server of taken) server.close();
  }
});

test("in a supercluster every server has ports of its own, and only some serve browsers", async () => {
  const chosen = await choosePorts(wanted(["a", "b"], first, "supercluster"));
  assert.ok(chosen.ok);
  if (!chosen.ok) return;
  const { ports } = chosen.value;
  assert.equal(serverPorts(ports, "a-1"), {
    nats: 24_222,
    route: 26_222,
    websocket: 29_222,
    gateway: 27_222,
    leaf: 25_222,
  });
  assert.equal(serverPorts(ports, "b-glb"), {
    nats: 24_229,
    route: 26_229,
    websocket: null,
    gateway: 27_229,
    leaf: null,
  });
});

test("running out of ports is refused with the next step", async () => {
  const chosen = await choosePorts(wanted(["a", "b"], { ...first, http: 65_535 }));
  assert.is(!chosen.ok && chosen.failure.code, "ports_exhausted");
  assert.match(chosen.ok ? "" : chosen.failure.next, "ss -ltn");
});

test("B9.2 ranges of ports that meet are refused before anything starts", async () => {
  const chosen = await choosePorts(wanted(["a", "b"], { ...first, http: first.nats + 1 }));
  assert.is(!chosen.ok && chosen.failure.code, "ports_overlap");
  assert.match(
    chosen.ok ? "" : chosen.failure.reason,
    "port 24223 is wanted twice: as http of a and as nats of b",
  );
  assert.match(chosen.ok ? "" : chosen.failure.next, "--http-port");
});

test("a port that a region declares is that port, or a refusal", async () => {
  const regions = [regionOf("a", { ports: { http: 28_700 } })];
  const places = serverPlaces("compact", regions, regions);
  const free = await choosePorts(wantedPorts("compact", regions, places, first));
  assert.is(free.ok && free.value.ports["a"]?.http, 28_700);
  const taken = await occupy(28_700);
  try {
    const refused = await choosePorts(wantedPorts("compact", regions, places, first));
    assert.is(!refused.ok && refused.failure.code, "port_taken");
  } finally {
    taken.close();
  }
});

test.run();
