import { suite } from "uvu";
import * as assert from "uvu/assert";

import { clusterFacts } from "./cluster-facts.ts";

const test = suite("what regions tell of the cluster");

const lease = (holder: string, state: string, remainingNs: number) => ({
  holder,
  incarnation: 1,
  state,
  remainingNs,
});
const stream = (leader: string, atUnixMs: number) => ({
  stream: "KV_LEASE",
  leader,
  replicas: 3,
  replicasCurrent: 3,
  replicaLag: 0,
  atUnixMs,
});

test("B9.1 the newest word counts: a leader by its time, a lease by who has seen it renewed last", () => {
  const facts = clusterFacts([
    {
      name: "eu",
      streams: [stream("old", 5)],
      leases: [lease("us/us-1", "silent", 0), lease("eu/eu-1", "held", 9)],
    },
    {
      name: "us",
      streams: [stream("new", 8)],
      leases: [lease("us/us-1", "held", 7)],
      standbys: [
        { market: "M", state: "standby", owner: "eu/eu-1", epoch: 3, lagRecords: 4, lagMs: 120 },
      ],
      actors: [
        { region: "us", at: "us", shards: 16, running: 2 },
        { region: "eu", at: "eu", shards: 0, running: 0 },
      ],
      lastDrill: { id: "d2", fault: "partition", outcome: "passed", atUnixMs: 2_000 },
    },
    { name: "ap", lastDrill: { id: "d1", fault: "kill", outcome: "failed", atUnixMs: 1_000 } },
  ]);
  assert.equal(
    facts.streams.map(({ leader }) => leader),
    ["new"],
  );
  assert.equal(
    facts.leases.map(({ holder, state, remainingNs }) => [holder, state, remainingNs]),
    [
      ["eu/eu-1", "held", 9],
      ["us/us-1", "held", 7],
    ],
  );
  assert.equal(
    facts.standbys.map(({ region, market, lagRecords, lagMs }) => [
      region,
      market,
      lagRecords,
      lagMs,
    ]),
    [["us", "M", 4, 120]],
  );
  assert.equal(
    facts.actors.map(({ region, runsIn }) => [region, runsIn]),
    [["us", "us"]],
  );
  assert.is(facts.lastDrill?.id, "d2");
});

test("a stream without a leader, and a cluster without drills, are told as such", () => {
  const facts = clusterFacts([{ name: "eu", streams: [stream("", 1)] }]);
  assert.is(facts.streams[0]?.leader, null);
  assert.is(facts.lastDrill, null);
});

test.run();
