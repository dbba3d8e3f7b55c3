import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { definitionToWire } from "../../actors/region/codec.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import { type ClusterFile, clusterFileSchema } from "../../schemas/configuration.ts";
import { wire } from "../../schemas/messages.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { cellMarket } from "../support/memory-cell.ts";
import { missingNatsServer } from "../support/nats-cluster.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("cells on three real servers");
const missing = missingNatsServer();
const { market, control } = wire;
const { Side, OrderType, TimeInForce } = market.v1;

const data = temporaryFolder();
let launcher: Launcher | null = null;
let overview: Overview | null = null;
/** The operator, connected to a server that no test kills. */
let operator: NatsConnection | null = null;

test.before(async () => {
  if (missing !== null) return;
  launcher = new Launcher(
    launcherOptions(data, { cellProgram: join(repository, "actors/root/main.ts") }),
  );
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  overview = started.value;
  const { plan } = overview;
  operator = await connectAs({
    user: "operator",
    seedFile: credentialsOf(plan, "operator").seedFile,
    authorityFile: plan.certificates.authorityFile,
    servers: plan.servers
      .filter(({ region }) => region === "ap-southeast")
      .map(({ ports }) => natsUrl(ports)),
  });
});
test.after(async () => {
  await operator?.close();
  await launcher?.stop();
  rmSync(data, { recursive: true, force: true });
});

const cluster = (): ClusterFile =>
  clusterFileSchema.parse(JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")));

function processOf(region: string, role: "natsPid" | "cellPid"): number {
  const found = cluster().regions.find(({ name }) => name === region);
  if (found === undefined) throw new Error(`no region ${region}`);
  return found[role];
}

/** Null when nobody answers in time: the outcome is unknown then, as for any client. */
async function ask(subject: string, payload: Uint8Array): Promise<Uint8Array | null> {
  if (operator === null) throw new Error("not connected");
  try {
    const reply = await operator.request(subject, payload, { timeout: 4_000 });
    return new Uint8Array(reply.data);
  } catch {
    return null;
  }
}

async function eventually<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  for (let tries = 0; tries < 300; tries += 1) {
    const found = await look();
    if (found !== null) return found;
    await delay(200);
  }
  throw new Error(`did not come about: ${what}`);
}

async function status(region: string): Promise<wire.control.v1.IRegionStatus | null> {
  const reply = await ask(`ops.${region}.status`, new Uint8Array());
  return reply === null ? null : (control.v1.StatusReply.decode(reply).status ?? null);
}
const ready = (region: string): Promise<wire.control.v1.IRegionStatus> =>
  eventually(`${region} is ready`, async () => {
    const found = await status(region);
    return found?.ready === true ? found : null;
  });
async function marketStatus(region: string, name: string): Promise<wire.control.v1.IMarketStatus> {
  const found = (await ready(region)).markets?.find((each) => each.market === name);
  if (found === undefined) throw new Error(`${name} is not listed`);
  return found;
}

/** Sends the same numbers until there is an answer, as a client does. */
async function submit(
  region: string,
  name: string,
  session: number,
  commands: wire.market.v1.ICommand[],
): Promise<wire.market.v1.SubmitReply> {
  const payload = market.v1.SubmitRequest.encode({ session, commands }).finish();
  return await eventually(`an answer of ${name}`, async () => {
    const reply = await ask(`cmd.${region}.${name}.submit`, payload);
    if (reply === null) return null;
    const decoded = market.v1.SubmitReply.decode(reply);
    // While the journal elects a leader orders wait, and from some on they are sent away.
    const passing = ["market_stopped", "not_owner", "busy", "not_durable"];
    const refusals = [decoded, ...decoded.outcomes].map(({ refusal }) => refusal?.code ?? "");
    return refusals.some((code) => passing.includes(code)) ? null : decoded;
  });
}

function place(number: number, side: "buy" | "sell", price: number, quantity: number) {
  return {
    number,
    account: side === "buy" ? 1 : 2,
    place: {
      side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price,
      quantity,
    },
  };
}

const refusalOf = (payload: Uint8Array | null): string => {
  if (payload === null) return "no answer";
  return control.v1.StatusReply.decode(payload).refusal?.code ?? "accepted";
};

testUnless(test, missing, "every region answers for its status over NATS and HTTP", async () => {
  for (const { name, http } of cluster().regions) {
    const found = await ready(name);
    assert.is(found.name, name);
    assert.is(found.http, http);
    assert.is((await fetch(`${http}/livez`)).status, 200);
    assert.is((await fetch(`${http}/readyz`)).status, 200);
    const json = (await (await fetch(`${http}/status`)).json()) as { readonly ready: boolean };
    assert.is(json.ready, true);
    assert.match(await (await fetch(`${http}/metrics`)).text(), /^meridian_ready 1$/m);
    assert.is((await fetch(`${http}/nothing`)).status, 404);
  }
});

testUnless(
  test,
  missing,
  "orders become a trade by requests, acknowledged as replicated",
  async () => {
    const before = await marketStatus("eu-central", "BTC-EUR");
    const rest = await submit("eu-central", "BTC-EUR", 11, [place(1, "sell", 5_000_000, 30)]);
    assert.is(rest.outcomes[0]?.remaining, 30);
    const hit = await submit("eu-central", "BTC-EUR", 12, [place(1, "buy", 5_000_000, 20)]);
    assert.is(hit.outcomes[0]?.executed, 20);
    assert.is(hit.outcomes[0]?.fills?.[0]?.makerOrderId, rest.outcomes[0]?.orderId);
    assert.is(hit.durability, market.v1.DurabilityMode.DURABILITY_MODE_REPLICATED);
    const after = await marketStatus("eu-central", "BTC-EUR");
    assert.is((after.trades ?? 0) - (before.trades ?? 0), 1);
  },
);

testUnless(
  test,
  missing,
  "garbage at every subject gets a typed refusal and disturbs nobody",
  async () => {
    const noise = [new Uint8Array(), Buffer.from("garbage"), new Uint8Array(64).fill(255)];
    const expected: readonly (readonly [string, RegExp])[] = [
      ["cmd.eu-central.BTC-EUR.submit", /^malformed$/],
      ["cmd.eu-central.BTC-EUR.orders", /^(malformed|account_invalid)$/],
      ["cmd.eu-central.BTC-EUR.explode", /^verb_unknown$/],
      ["cmd.eu-central.NONE.submit", /^market_unknown$/],
      ["cmd.us-east.BTC-EUR.submit", /^not_owner$/],
      ["ops.eu-central.market-create", /^malformed$/],
      ["ops.eu-central.reboot", /^verb_unknown$/],
      ["act.eu-central.risk-limit.acc.set-limits", /^malformed$/],
    ];
    for (const [subject, refusal] of expected) {
      for (const payload of noise)
        assert.match(refusalOf(await ask(subject, payload)), refusal, subject);
    }
    const large = new Uint8Array(600 * 1024);
    assert.is(refusalOf(await ask("cmd.eu-central.BTC-EUR.submit", large)), "too_large");
    const tree = await ask("ops.eu-central.tree", new Uint8Array());
    const nodes = control.v1.TreeReply.decode(tree ?? new Uint8Array()).nodes;
    assert.ok(nodes.length >= 6);
    for (const node of nodes) assert.is(node.restarts ?? 0, 0, node.path ?? "");
    assert.is((await marketStatus("eu-central", "BTC-EUR")).state, "open");
  },
);

testUnless(
  test,
  missing,
  "a killed cell comes back with the same book and knows its sessions",
  async () => {
    const session = 4_711;
    const commands = [place(1, "sell", 6_000_000, 7), place(2, "sell", 6_100_000, 9)];
    const first = await submit("eu-central", "BTC-EUR", session, commands);
    assert.equal(
      first.outcomes.map((each) => each.remaining),
      [7, 9],
    );
    const before = await marketStatus("eu-central", "BTC-EUR");
    const victim = processOf("eu-central", "cellPid");
    process.kill(victim, "SIGKILL");
    await eventually("the cell is started again", async () =>
      processOf("eu-central", "cellPid") === victim ? null : true,
    );
    const after = await marketStatus("eu-central", "BTC-EUR");
    assert.is(after.digest, before.digest);
    assert.is(after.matched, before.matched);
    assert.ok((after.epoch ?? 0) > (before.epoch ?? 0));
    const again = await submit("eu-central", "BTC-EUR", session, commands);
    assert.equal(
      again.outcomes.map((each) => [each.repeated, each.orderId, each.sequence]),
      first.outcomes.map((each) => [true, each.orderId, each.sequence]),
    );
  },
);

testUnless(
  test,
  missing,
  "a killed server is survived: orders go on being replicated",
  async () => {
    const victim = processOf("eu-central", "natsPid");
    process.kill(victim, "SIGKILL");
    for (let number = 1; number <= 5; number += 1) {
      const reply = await submit("eu-central", "BTC-EUR", 21, [place(number, "buy", 4_000_000, 1)]);
      assert.is(reply.refusal ?? null, null);
      assert.is(reply.outcomes[0]?.remaining, 1, JSON.stringify(reply.outcomes[0]));
      assert.is(reply.durability, market.v1.DurabilityMode.DURABILITY_MODE_REPLICATED);
    }
    const found = await ready("eu-central");
    assert.ok((found.reconnects ?? 0) >= 1);
    assert.is(found.natsState, "connected");
  },
);

testUnless(
  test,
  missing,
  "a market is made at run time, halts, resumes, and outlives its cell",
  async () => {
    const definition = { ...cellMarket, market: "MADE", home: "us-east", shard: 1 };
    const create = async (change: object): Promise<wire.control.v1.MarketReply> => {
      const request = {
        definition: definitionToWire({ ...definition, ...change }),
        requestedBy: "t",
      };
      const payload = control.v1.MarketCreateRequest.encode(request).finish();
      // The server that was killed before may not report yet: the refusal says to send the same again.
      return await eventually("an answer", async () => {
        const reply = await ask("ops.us-east.market-create", payload);
        const decoded = reply === null ? null : control.v1.MarketReply.decode(reply);
        return decoded?.refusal?.reason?.includes("does not report") === true ? null : decoded;
      });
    };
    const halt = async (verb: string): Promise<string> => {
      const payload = control.v1.MarketStateRequest.encode({ market: "MADE", reason: "test" });
      const reply = await eventually("an answer", () =>
        ask(`ops.us-east.${verb}`, payload.finish()),
      );
      return control.v1.MarketReply.decode(reply).market?.state ?? "refused";
    };
    assert.is((await create({})).market?.state, "open");
    assert.is((await create({ lot: 5 })).refusal?.code, "market_exists");
    assert.match((await create({ market: "M2", shard: 0 })).refusal?.reason ?? "", /^shard: /);
    const placed = await submit("us-east", "MADE", 31, [place(1, "buy", 500, 10)]);
    assert.is(placed.outcomes[0]?.remaining, 10);
    assert.is(await halt("market-halt"), "halted");
    const refused = await submit("us-east", "MADE", 31, [place(2, "buy", 500, 10)]);
    assert.is(refused.outcomes[0]?.refusal?.code, "market_halted");
    const before = await marketStatus("us-east", "MADE");
    process.kill(processOf("us-east", "cellPid"), "SIGKILL");
    const after = await eventually("the market is back", async () => {
      const found = await status("us-east");
      const made = found?.markets?.find((each) => each.market === "MADE");
      return (made?.epoch ?? 0) > (before.epoch ?? 0) && found?.ready === true
        ? (made ?? null)
        : null;
    });
    assert.equal([after.state, after.digest], ["halted", before.digest]);
    assert.is(await halt("market-resume"), "open");
  },
);

test.run();
