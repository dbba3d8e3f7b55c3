import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseServerReport } from "./server-reports.ts";

const test = suite("server reports");

const reply = {
  server: { name: "eu-central", ver: "2.15.0", tags: ["region:eu-central"], jetstream: true },
  data: {
    reserved_storage: 1024,
    config: { max_storage: 4096, sync_interval: 120_000_000_000, sync_always: true },
    meta_cluster: { name: "meridian", leader: "us-east", cluster_size: 3 },
  },
};

test("a report names what a cell checks before it starts", () => {
  assert.equal(parseServerReport(reply), {
    name: "eu-central",
    version: "2.15.0",
    tags: ["region:eu-central"],
    syncAlways: true,
    storageReserved: 1024,
    storageLimit: 4096,
    metaLeader: "us-east",
    clusterSize: 3,
  });
});

test("a server that does not mention sync_always does not sync always", () => {
  const report = parseServerReport({
    ...reply,
    data: { ...reply.data, config: { sync_interval: 1 } },
  });
  assert.is(report?.syncAlways, false);
});

test("a server without JetStream reports no leader and no sync", () => {
  const report = parseServerReport({
    server: { name: "x", ver: "2.15.0" },
    data: { disabled: true },
  });
  assert.is(report?.syncAlways, false);
  assert.is(report?.metaLeader, "");
});

test("garbage is no report", () => {
  for (const garbage of [null, 7, "x", {}, { server: {} }, { server: { name: 1, ver: 2 } }]) {
    assert.is(parseServerReport(garbage), null);
  }
});

test.run();
