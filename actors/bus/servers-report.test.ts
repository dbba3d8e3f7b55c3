import { suite } from "uvu";
import * as assert from "uvu/assert";

import { jetStreamStateOf, serverStateOf } from "./servers-report.ts";

const test = suite("what nats-servers tell of themselves");

/** As nats-server 2.12 answers $SYS.REQ.SERVER.PING.VARZ and JSZ, the fields that are read. */
const varz = {
  server: { name: "home-1", ver: "2.12.3", tags: ["region:home"] },
  data: {
    start: "2026-01-01T00:00:00Z",
    now: "2026-01-01T00:01:30.5Z",
    cpu: 12.5,
    mem: 1_000,
    connections: 3,
    total_connections: 9,
    subscriptions: 40,
    routes: 2,
    leafnodes: 1,
    slow_consumers: 4,
    in_msgs: 10,
    out_msgs: 20,
    in_bytes: 100,
    out_bytes: 200,
  },
};
const jsz = {
  server: { name: "home-1" },
  data: {
    storage: 5,
    reserved_storage: 6,
    memory: 7,
    streams: 8,
    consumers: 9,
    api: { total: 10, errors: 1 },
    config: { max_storage: 100 },
    meta_cluster: { name: "meridian", leader: "home-1", cluster_size: 3 },
  },
};

test("B1.4 a server's own report is read in the units of the metrics", () => {
  const state = serverStateOf(varz);
  assert.is(state?.server, "home-1");
  assert.is(state?.uptimeSeconds, 90.5);
  assert.is(state?.processor, 0.125, "a part of one processor, not per cent");
  assert.equal([state?.connections, state?.connectionsEver], [3, 9]);
  assert.equal([state?.messagesIn, state?.messagesOut], [10, 20]);
  assert.is(state?.slowConsumers, 4);
});

test("B1.4 JetStream without a leader of its metadata is seen", () => {
  const told = jetStreamStateOf(jsz);
  assert.is(told?.server, "home-1");
  assert.equal(
    [told?.state.storageBytes, told?.state.reservedBytes, told?.state.limitBytes],
    [5, 6, 100],
  );
  assert.equal([told?.state.apiRequests, told?.state.apiErrors], [10, 1]);
  assert.ok(told?.state.hasMetaLeader);
  const { meta_cluster: _, ...alone } = jsz.data;
  assert.ok(jetStreamStateOf({ ...jsz, data: alone })?.state.hasMetaLeader, "nothing to agree on");
  const leaderless = { ...jsz, data: { ...jsz.data, meta_cluster: { cluster_size: 3 } } };
  assert.is(jetStreamStateOf(leaderless)?.state.hasMetaLeader, false);
});

test("B1.4 what is no report is none", () => {
  for (const reply of [null, "no", {}, { server: { name: "x" } }, { error: { code: 500 } }]) {
    assert.is(serverStateOf(reply), null);
    assert.is(jetStreamStateOf(reply), null);
  }
});

test.run();
