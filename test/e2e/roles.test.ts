import { setTimeout as delay } from "node:timers/promises";
import { type NatsConnection, PermissionViolationError } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Profile } from "../../ops/deploy/roles.ts";
import { type LaunchedCluster, withCluster } from "../support/launched-cluster.ts";

const test = suite("roles");
const region = "eu-central";

/** Whether the server lets this user publish or listen. It answers in order: a refusal comes before the pong. */
class Prober {
  readonly connection: NatsConnection;
  readonly #refused = new Set<string>();

  constructor(connection: NatsConnection) {
    this.connection = connection;
    void this.#watch();
  }

  async #watch(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "error" && status.error instanceof PermissionViolationError) {
        this.#refused.add(`${status.error.operation} ${status.error.subject}`);
      }
    }
  }

  async mayPublish(subject: string): Promise<boolean> {
    this.connection.publish(subject);
    await this.connection.flush();
    await delay(1);
    return !this.#refused.has(`publish ${subject}`);
  }

  async mayListen(subject: string): Promise<boolean> {
    let refused = false;
    const subscription = this.connection.subscribe(subject, {
      callback: (error) => {
        if (error instanceof PermissionViolationError) refused = true;
      },
    });
    await this.connection.flush();
    await delay(1);
    subscription.unsubscribe();
    return !refused;
  }
}

interface Expectation {
  readonly publish: readonly string[];
  readonly publishNot: readonly string[];
  readonly listen: readonly string[];
  readonly listenNot: readonly string[];
}

const reading = {
  publish: [
    `ops.${region}.status`,
    `ops.${region}.tree`,
    `ops.${region}.tree-node`,
    `ops.${region}.audit`,
    `ops.${region}.market-history`,
    `cmd.${region}.BTC-EUR.book`,
    `ctl.${region}.list`,
    `ctl.${region}.describe`,
    `ctl.${region}.watch`,
    `act.${region}.incident.all.list`,
    `act.${region}.incident.x.describe`,
    "$SRV.PING",
  ],
  listen: [
    `page.${region}.L1`,
    "md.BTC-EUR.l1",
    "md.>",
    "evt.BTC-EUR.block",
    `sup.${region}.markets`,
    `audit.${region}.operation`,
  ],
} as const;

/** Nobody but cells and the system may touch these. */
const forbidden = {
  publish: [
    "jrn.BTC-EUR",
    "evt.BTC-EUR.block",
    "md.BTC-EUR.l1",
    `sup.${region}.markets`,
    `dead.${region}.x`,
    "$KV.LEASE.own.atlas-00",
    `$KV.DIR.actor.${region}.x`,
    `alog.${region}.market-maker.x`,
    `act.${region}.cell.${region}-1.stop`,
    `audit.${region}.operation`,
    `act.${region}.cell.${region}-1.tree`,
    `act.${region}.incident.x.raise`,
    `act.${region}.incident.x.clear`,
    `page.${region}.L1`,
    "$JS.API.INFO",
    "$JS.API.STREAM.CREATE.X",
    "$JS.API.STREAM.MSG.GET.JRN_atlas_00",
    "$SYS.REQ.SERVER.PING.JSZ",
    "_INBOX_operator.x",
    "elsewhere",
  ],
  listen: [">", "jrn.>", "cmd.>", `ops.${region}.>`, "act.>", "$JS.>", "_INBOX.>", "$KV.>"],
} as const;

async function check(cluster: LaunchedCluster, user: string, expected: Expectation): Promise<void> {
  const prober = new Prober(await cluster.connect(user));
  for (const subject of expected.publish) {
    assert.ok(await prober.mayPublish(subject), `${user} may publish to ${subject}`);
  }
  for (const subject of expected.publishNot) {
    assert.not.ok(await prober.mayPublish(subject), `${user} may not publish to ${subject}`);
  }
  for (const subject of [...expected.listen, `_INBOX_${user}.x`]) {
    assert.ok(await prober.mayListen(subject), `${user} may listen on ${subject}`);
  }
  for (const subject of expected.listenNot) {
    assert.not.ok(await prober.mayListen(subject), `${user} may not listen on ${subject}`);
  }
  await prober.connection.close();
}

const order = `cmd.${region}.BTC-EUR.submit`;
const create = `ops.${region}.market-create`;
const limits = `act.${region}.risk-limit.acme.set-limits`;
const spawn = `ctl.${region}.spawn`;
const stop = `ctl.${region}.stop`;
const acknowledge = `act.${region}.incident.x.acknowledge`;
const approve = `ops.${region}.approve`;
const approveLimits = `act.${region}.risk-limit.acme.approve`;

async function checkPeople(cluster: LaunchedCluster, profile: Profile): Promise<void> {
  const others = (own: string): readonly string[] =>
    ["observer", "operator", "approver", `cell-${region}`]
      .filter((user) => user !== own)
      .map((user) => `_INBOX_${user}.>`);
  await check(cluster, "observer", {
    publish: reading.publish,
    publishNot: [
      ...forbidden.publish,
      order,
      create,
      limits,
      spawn,
      stop,
      approve,
      approveLimits,
      acknowledge,
    ],
    listen: reading.listen,
    listenNot: [...forbidden.listen, ...others("observer")],
  });
  const mayApprove = profile === "demo" ? [approve, approveLimits] : [];
  const mayNotApprove = profile === "demo" ? [] : [approve, approveLimits];
  await check(cluster, "operator", {
    publish: [...reading.publish, order, create, limits, spawn, stop, acknowledge, ...mayApprove],
    publishNot: [
      ...forbidden.publish.filter((subject) => !subject.startsWith("_INBOX_")),
      "_INBOX_observer.x",
      `act.${region}.strategy.x.stop`,
      ...mayNotApprove,
    ],
    listen: reading.listen,
    listenNot: [...forbidden.listen, ...others("operator")],
  });
  await check(cluster, "approver", {
    publish: [...reading.publish, approve, approveLimits],
    publishNot: [...forbidden.publish, order, create, limits, spawn, stop],
    listen: reading.listen,
    listenNot: [...forbidden.listen, ...others("approver")],
  });
}

async function checkPrograms(cluster: LaunchedCluster): Promise<void> {
  await check(cluster, `cell-${region}`, {
    publish: [
      "jrn.BTC-EUR",
      "evt.BTC-EUR.block",
      "md.BTC-EUR.l1",
      `sup.${region}.markets`,
      "$KV.LEASE.own.atlas-00",
      "$JS.API.INFO",
      "$JS.API.STREAM.MSG.GET.JRN_atlas_00",
      // An answer whose permission a reload of the server has forgotten.
      "_INBOX_operator.x",
      order,
    ],
    publishNot: [
      "sup.us-east.markets",
      "dead.us-east.x",
      "$JS.API.STREAM.DELETE.JRN_atlas_00",
      "$JS.API.STREAM.PURGE.JRN_atlas_00",
      "$JS.API.STREAM.MSG.DELETE.JRN_atlas_00",
      "$JS.API.ACCOUNT.PURGE.MERIDIAN",
      "$SYS.REQ.SERVER.PING.JSZ",
      "_INBOX_elsewhere.x",
      approve,
      create,
    ],
    listen: [`cmd.${region}.*.*`, `ops.${region}.>`, `act.${region}.>`, "$SRV.PING"],
    listenNot: [">", "cmd.us-east.*.*", "ops.us-east.status", "act.us-east.>", "_INBOX_operator.>"],
  });
  await check(cluster, `guest-${region}-0`, {
    publish: [],
    publishNot: [order, "md.BTC-EUR.l1", `guest.${region}.1.decide`, "$JS.API.INFO", "$SRV.PING"],
    listen: [`guest.${region}.0.decide`],
    listenNot: [">", "md.>", `guest.${region}.1.decide`, "_INBOX_operator.>", "guest.>"],
  });
  for (const user of [`reporter-${region}`, "launcher"]) {
    await check(cluster, user, {
      publish: ["$SYS.REQ.SERVER.PING.JSZ", "$SYS.REQ.SERVER.PING.VARZ"],
      publishNot: ["$SYS.REQ.SERVER.PING.CONNZ", "$SYS.REQ.SERVER.x.RELOAD", "jrn.BTC-EUR", order],
      listen: [],
      listenNot: [">", "$SYS.>", "md.>", "_INBOX_operator.>"],
    });
  }
}

test("each role is allowed what it may, and refused everything else", async () => {
  await withCluster(async (cluster) => {
    await checkPeople(cluster, "demo");
    await checkPrograms(cluster);
    await answersReachTheAsker(cluster);
  });
});

test("in production an operator may not approve for himself", async () => {
  await withCluster((cluster) => checkPeople(cluster, "production"), { profile: "production" });
});

async function answersReachTheAsker(cluster: LaunchedCluster): Promise<void> {
  const cell = await cluster.connect(`cell-${region}`, region);
  cell.subscribe(`cmd.${region}.*.*`, {
    callback: (_error, message) => {
      message.respond(message.data);
    },
  });
  await cell.flush();
  // The asker is at another region's server: the answer crosses a route.
  const operator = await cluster.connect("operator", "us-east");
  const reply = await operator.request(order, "order", { timeout: 5_000 });
  assert.is(reply.string(), "order");
}

test.run();
