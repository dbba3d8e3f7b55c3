import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { silentLog } from "../../test/support/ports.ts";
import { MarketCell, testDefinition } from "../../test/support/market-cell.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import type { Bus, StoredMessage } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import { ok, refuse } from "../kernel/result.ts";
import { durationNs, timestampNs } from "../kernel/units.ts";
import { JournalAlerts } from "./journal-alerts.ts";
import { JournalScrub } from "./journal-scrub.ts";

const test = suite("scrub of journals");
const { market } = testDefinition;
const order = {
  side: wire.market.v1.Side.SIDE_BUY,
  orderType: wire.market.v1.OrderType.ORDER_TYPE_LIMIT,
  timeInForce: wire.market.v1.TimeInForce.TIME_IN_FORCE_DAY,
  price: 500,
  quantity: 10,
};

/** What a real market wrote: a fence, its configuration and four orders in blocks of their own. */
async function journal(): Promise<readonly StoredMessage[]> {
  const cell = await MarketCell.open();
  for (const number of [1, 2, 3, 4]) {
    await cell.submit({
      session: 9,
      commands: [
        {
          number,
          account: 7,
          place: order,
        },
      ],
    });
  }
  const stream = journalStream(testDefinition.group, testDefinition.shard);
  const messages = [...cell.broker.messages(stream, journalSubject(market))];
  await cell.end();
  return messages;
}
const written = await journal();
const COMMITTED = 5;

/** Servers that hold what a test puts there. */
class Servers implements JournalReplicas {
  readonly held = new Map(["eu", "us", "ap"].map((name) => [name, written]));
  leader = "eu";
  down: readonly string[] = [];
  steppedDownFor: (string | null)[] = [];
  readonly reads: number[] = [];
  open: JournalReplicas["open"] = async (_stream, _subject, server) => {
    const rest = [...(this.held.get(server) ?? [])];
    if (this.down.includes(server)) return refuse("unavailable", `${server} is down`, "");
    return ok({
      next: async (most: number) => {
        this.reads.push(most);
        return ok(rest.splice(0, most));
      },
      close: async () => undefined,
    });
  };
  async holders() {
    const up = [...this.held.keys()].filter((name) => !this.down.includes(name));
    return ok({ leader: this.leader, up, down: this.down });
  }
  async stepDown(_stream: string, preferred: string | null) {
    this.steppedDownFor.push(preferred);
    return ok(undefined);
  }
}

function scrubOf(servers: Servers, committed = COMMITTED) {
  const pauses: number[] = [];
  const sent: wire.control.v1.JournalAlert[] = [];
  const timers: (() => void)[] = [];
  const clock: Clock = {
    now: () => timestampNs(5_000_000n),
    monotonic: () => durationNs(0),
    after(delay, callback) {
      if (delay >= 10e9) timers.push(callback);
      else {
        pauses.push(delay);
        queueMicrotask(callback);
      }
      return () => undefined;
    },
  };
  const bus = {
    publish: (subject: string, payload: Uint8Array) => {
      assert.is(subject, `alert.eu.journal.${market}`);
      sent.push(wire.control.v1.JournalAlert.decode(payload));
    },
  } as unknown as Bus;
  const alerts = new JournalAlerts({ region: "eu", cell: "a" }, { bus, clock, log: silentLog });
  const scrub = new JournalScrub(
    { bytesPerSecond: 1_000, pause: durationNs(1e9) },
    {
      replicas: servers,
      clock,
      log: silentLog,
      alerts,
      markets: async () => ok([{ definition: testDefinition, committed, state: "open" as const }]),
    },
  );
  return { scrub, alerts, sent, pauses, timers };
}

const without = (index: number): readonly StoredMessage[] =>
  written.filter((_, at) => at !== index);

test("B9.7 replicas that hold what was written are read whole, at the pace that was set", async () => {
  const servers = new Servers();
  const { scrub, sent, pauses } = scrubOf(servers);
  assert.ok(await scrub.pass());
  assert.equal(sent, []);
  assert.equal(scrub.counters(), {
    replicas: 3,
    messages: 3 * written.length,
    faults: 0,
    unread: 0,
  });
  const bytes = written.reduce((sum, { payload }) => sum + payload.length, 0);
  const slept = pauses.reduce((sum, delay) => sum + delay, 0);
  assert.ok(slept >= 3 * bytes * 1e6, "a second for a thousand bytes");
  assert.ok(servers.reads.every((most) => most <= 16));
});

test("B9.7 a journal that is written to all the time is read up to what was accepted", async () => {
  const servers = new Servers();
  const [last] = written.slice(-1);
  if (last === undefined) throw new Error("nothing was written");
  let reads = 0;
  servers.open = async () => {
    const rest = [...written];
    return ok({
      next: async (most: number) => {
        reads += 1;
        if (reads > 100) return refuse("unavailable", "it is read for ever", "");
        return ok(rest.length > 0 ? rest.splice(0, most) : [last]);
      },
      close: async () => undefined,
    });
  };
  const { scrub, sent } = scrubOf(servers);
  await scrub.pass();
  assert.equal([sent, scrub.counters().unread, scrub.counters().replicas], [[], 0, 3]);
});

test("B9.7 a follower that leaves a message out is told of with what to do; the leader stays", async () => {
  const servers = new Servers();
  servers.held.set("us", without(2));
  const { scrub, sent, alerts } = scrubOf(servers);
  await scrub.pass();
  const [alert] = sent;
  assert.equal(
    [sent.length, alert?.stands, alert?.server, alert?.fault, alert?.market],
    [1, true, "us", "missing", market],
  );
  assert.is(alert?.streamSequence, written[3]?.streamSequence);
  assert.match(alert?.next ?? "", /stop nats-server us, remove its folder of stream JRN_/);
  assert.equal(servers.steppedDownFor, []);
  assert.is(alerts.standing.length, 1);
});

test("B9.7 a damaged leader is asked to step down for a server that is sound", async () => {
  const servers = new Servers();
  servers.held.set("eu", without(2));
  servers.held.set("us", without(3));
  const { scrub } = scrubOf(servers);
  await scrub.pass();
  assert.equal(servers.steppedDownFor, ["ap"]);
});

test("B9.7 an alert is repeated while it stands, and ends with a reading that is whole", async () => {
  const servers = new Servers();
  servers.held.set("us", without(2));
  const { scrub, sent, timers } = scrubOf(servers);
  await scrub.pass();
  await scrub.pass();
  assert.is(sent.length, 1, "one fault is one alert");
  timers.shift()?.();
  assert.equal([sent.length, sent[1]?.repeated, sent[1]?.stands], [2, true, true]);
  servers.down = ["us"];
  await scrub.pass();
  assert.is(sent.length, 2, "a server that cannot be read is not sound");
  servers.down = [];
  servers.held.set("us", written);
  await scrub.pass();
  assert.equal([sent.length, sent[2]?.stands, sent[2]?.server], [3, false, "us"]);
  timers.shift()?.();
  assert.is(sent.length, 3);
});

test("B9.7 what is accepted and on no server any more is told of each of them", async () => {
  const servers = new Servers();
  for (const name of servers.held.keys()) servers.held.set(name, written.slice(0, -1));
  const { scrub, sent } = scrubOf(servers);
  await scrub.pass();
  assert.equal(
    sent.map(({ server, fault }) => [server, fault]),
    [
      ["eu", "short"],
      ["us", "short"],
      ["ap", "short"],
    ],
  );
  assert.equal(servers.steppedDownFor, [], "nobody is sound");
});

test("B9.7 a server that is down is counted as unread, and told of when it stays so", async () => {
  const servers = new Servers();
  servers.down = ["ap"];
  const { scrub, sent } = scrubOf(servers);
  await scrub.pass();
  assert.equal([scrub.counters().replicas, scrub.counters().unread], [2, 1]);
  await scrub.pass();
  assert.equal(sent, []);
  await scrub.pass();
  assert.equal([sent.length, sent[0]?.server, sent[0]?.fault], [1, "ap", "unread"]);
  assert.match(sent[0]?.next ?? "", /start nats-server ap/);
  servers.down = [];
  await scrub.pass();
  assert.equal([sent.length, sent[1]?.stands], [2, false]);
});

test.run();
