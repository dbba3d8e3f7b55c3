import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { seed } from "../../test/support/seed.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import {
  decodeDefinition,
  decodeLease,
  decodeOperation,
  decodeOwnership,
  definitionToWire,
  encodeDefinition,
  encodeLease,
  encodeOwnership,
  encodeStatus,
} from "./codec.ts";
import {
  type MarketDefinition,
  type MarketReport,
  operationVerbs,
  type RegionReport,
} from "./messages.ts";

const test = suite("region codec");
const { control } = wire;

const definition: MarketDefinition = {
  market: "BTC-EUR",
  home: "eu-central",
  group: "atlas",
  shard: 15,
  currency: "EUR",
  priceDecimals: 2,
  tick: 50,
  lot: 1,
  bandLow: 1_000_000,
  bandHigh: Number.MAX_SAFE_INTEGER,
  maximumQuantity: 100_000,
  orderCapacity: 2 ** 24 - 2,
  mode: "durable",
  calendar: "always",
  makerFeeBpsE2: -50,
  takerFeeBpsE2: 250,
};

test("leases, ownership and definitions are read back as they were written", () => {
  const lease = {
    region: "eu-central",
    cell: "eu-central-1",
    node: "n",
    incarnation: 3,
    renewal: 2 ** 40,
    nonce: Uint8Array.of(1, 2, 3),
    fenced: true,
    released: true,
    actors: { capacity: 100, running: 3, draining: true, shards: [0, 15], groups: ["g"] },
  };
  assert.equal(
    { ...decodeLease(encodeLease(lease)), nonce: undefined },
    { ...lease, nonce: undefined },
  );
  assert.equal([...(decodeLease(encodeLease(lease))?.nonce ?? [])], [1, 2, 3]);
  const ownership = {
    shard: "atlas-00",
    epoch: 7,
    region: "eu-central",
    cell: "eu-central-1",
    incarnation: 3,
    since: 5,
  };
  assert.equal(decodeOwnership(encodeOwnership(ownership)), ownership);
  for (const mode of ["matched", "durable", "replicated"] as const) {
    const one = { ...definition, mode };
    assert.equal(decodeDefinition(encodeDefinition(one)), one);
  }
});

test("a record without what it stands for is no record", () => {
  assert.is(decodeLease(new Uint8Array()), null);
  assert.is(decodeOwnership(new Uint8Array()), null);
  assert.is(decodeDefinition(Uint8Array.of(0x0b)), null);
});

test("an operation is decoded by its verb, and a creation without a definition is malformed", () => {
  const request = { definition: definitionToWire(definition), requestedBy: "op" };
  const create = control.v1.MarketCreateRequest.encode(request).finish();
  assert.equal(decodeOperation("market-create", create), {
    verb: "market-create",
    definition,
    by: "op",
  });
  assert.is(decodeOperation("market-create", new Uint8Array()), null);
  const halt = { market: "BTC-EUR", reason: "r", requestedBy: "op" };
  const state = control.v1.MarketStateRequest.encode(halt).finish();
  assert.equal(decodeOperation("market-halt", state), {
    verb: "market-halt",
    market: "BTC-EUR",
    reason: "r",
    by: "op",
  });
  assert.equal(decodeOperation("flow", control.v1.FlowRequest.encode({ paused: true }).finish()), {
    verb: "flow",
    paused: true,
  });
});

test("random bytes are never an error, whatever the verb", () => {
  const first = seed(5_502);
  const random = seededRandomness(first);
  for (let step = 0; step < 2_000; step += 1) {
    const bytes = Uint8Array.from({ length: random.below(80) }, () => random.below(256));
    for (const verb of operationVerbs) {
      assert.not.throws(() => decodeOperation(verb, bytes), `SEED=${first} step=${step} ${verb}`);
    }
    for (const decode of [decodeLease, decodeOwnership, decodeDefinition]) {
      assert.not.throws(() => decode(bytes), `SEED=${first} step=${step} ${decode.name}`);
    }
  }
});

test("the status carries a market's latencies as whole nanoseconds, and every refusal by code", () => {
  const latency = { count: 3, p50: 1_000.4, p99: 2_000.6, p999: 3_000, maximum: 4_000 };
  const market: MarketReport = {
    definition,
    state: "open",
    detail: "",
    phase: "opening_auction",
    indication: { price: 900, volume: 20, surplus: -3 },
    mode: "durable",
    epoch: 2,
    matched: 9,
    durable: 8,
    committed: 7,
    orders: 6,
    trades: 5,
    volume: 4,
    refusals: { price_off_tick: 3 },
    restingOrders: 2,
    touch: { bidPrice: 1, bidQuantity: 2, askPrice: 3, askQuantity: 4 },
    digest: "00",
    restarts: 1,
    serviceTime: latency,
    acknowledgement: latency,
  };
  const report: RegionReport = {
    name: "eu-central",
    ready: false,
    notReadyReason: "why",
    cell: "eu-central-1",
    incarnation: 3,
    engine: "native",
    natsServer: "2.15.0",
    natsState: "connected",
    reconnects: 4,
    http: "http://127.0.0.1:1",
    markets: [market],
    standbys: [
      {
        ...market,
        state: "standby",
        standby: {
          owner: "us-east/us-east-1",
          epoch: 4,
          sequence: 11,
          lagRecords: 2,
          lagMs: 120,
          mode: "replicated",
        },
      },
    ],
    leaseValidMs: 1_500,
    lastDrill: {
      id: "d1",
      fault: "process-kill",
      outcome: "passed",
      atUnixMs: 12,
      recoveryMs: 2_700,
      lost: 0,
      doubled: 0,
      detail: "",
      recordedBy: "ann",
    },
    cluster: {
      streams: [
        {
          stream: "KV_LEASE",
          leader: "uk",
          replicas: 3,
          replicasCurrent: 2,
          replicaLag: 4,
          atUnixMs: 9,
        },
      ],
      leases: [{ holder: "eu/eu-1", incarnation: 2, state: "held", remainingNs: 1_900_000_000 }],
      actors: [{ region: "eu", at: "us", shards: 16, running: 3 }],
    },
    lastFailover: {
      id: "f1",
      from: "eu-central",
      to: "us-east",
      state: "done",
      requestedBy: "operator",
      approvedBy: "approver",
      startedUnixMs: 1,
      endedUnixMs: 2,
      marketsMoved: 1,
      longestPauseMs: 310,
      detail: "",
      reason: "drill",
      planned: true,
      actorsMoved: 3,
    },
    startedUnixMs: 1,
    build: "0.1.0",
    deadLetters: 5,
    refusals: { verb_unknown: 6 },
    flow: { paused: true, sent: 7, refused: 8 },
  };
  const status = control.v1.StatusReply.decode(encodeStatus(report)).status;
  assert.equal(
    [status?.name, status?.notReadyReason, status?.reconnects],
    ["eu-central", "why", 4],
  );
  assert.equal({ ...status?.refusals }, { verb_unknown: 6 });
  const [found] = status?.markets ?? [];
  assert.equal([found?.market, found?.home, found?.mode], ["BTC-EUR", "eu-central", "durable"]);
  assert.equal({ ...found?.refusals }, { price_off_tick: 3 });
  assert.equal(
    [found?.phase, found?.indicativePrice, found?.indicativeVolume, found?.indicativeSurplus],
    ["opening_auction", 900, 20, -3],
  );
  assert.equal([found?.serviceTime?.p50Ns, found?.serviceTime?.p99Ns], [1_000, 2_001]);
  const [standby] = status?.standbys ?? [];
  assert.equal(
    [standby?.owner, standby?.epoch, standby?.sequence, standby?.lagRecords, standby?.lagMs],
    ["us-east/us-east-1", 4, 11, 2, 120],
  );
  assert.equal(
    [
      status?.streams?.[0]?.leader,
      status?.leases?.[0]?.remainingNs,
      status?.actors?.[0]?.at,
      status?.lastDrill?.recoveryMs,
    ],
    ["uk", 1_900_000_000, "us", 2_700],
  );
  assert.equal(
    [status?.leaseValidMs, status?.lastFailover?.id, status?.lastFailover?.longestPauseMs],
    [1_500, "f1", 310],
  );
});

test.run();
