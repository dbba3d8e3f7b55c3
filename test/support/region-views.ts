import { setTimeout as delay } from "node:timers/promises";

import type { NatsConnection } from "nats";
import * as assert from "uvu/assert";

import { readCluster } from "../../ops/cli/data-folder.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { wire } from "../../schemas/messages.ts";
import { treeViewSubject } from "../../schemas/subjects.ts";
import { eventually, marketName, type OneRegion, place, regionName } from "./one-region.ts";

const { audit, control, market } = wire;

async function connectionOf({ data }: OneRegion, user: string): Promise<NatsConnection> {
  const cluster = readCluster(data);
  if (!cluster.ok) throw new Error(cluster.failure.reason);
  const entry = cluster.value.users[user];
  assert.ok(entry);
  return connectAs({
    user,
    seedFile: entry.seedFile,
    authorityFile: cluster.value.caFile,
    servers: cluster.value.regions.map(({ nats }) => nats),
  });
}

/** Null while nobody answers. */
async function ask(
  connection: NatsConnection,
  verb: string,
  payload: Uint8Array = new Uint8Array(),
): Promise<Uint8Array | null> {
  try {
    const subject = `ops.${regionName}.${verb}`;
    return (await connection.request(subject, payload, { timeout: 4_000 })).data;
  } catch {
    return null;
  }
}

/** What an observer may read of a region, before and after its cell is killed. */
export async function viewsOf(region: OneRegion): Promise<void> {
  const [observer, operator] = await Promise.all(
    ["observer", "operator"].map((user) => connectionOf(region, user)),
  );
  assert.ok(observer && operator);
  try {
    await region.submit(1, [place(1, "sell", 500, 20)]);
    await region.submit(2, [place(1, "buy", 500, 20)]);
    const asked = { market: marketName, trades: 500, seconds: 10, minutes: 1, latency: 10 };
    const history = market.v1.MarketHistoryRequest.encode(asked).finish();
    const told = await ask(observer, "market-history", history);
    const found = market.v1.MarketHistoryReply.decode(told ?? new Uint8Array());
    const sum = (amounts: readonly number[]): number => amounts.reduce((all, one) => all + one, 0);
    const traded = sum(found.trades.map(({ quantity }) => quantity ?? 0));
    assert.is(
      traded,
      (await region.status())?.markets?.find((one) => one.market === marketName)?.volume,
    );
    assert.ok(traded >= 20);
    assert.ok(sum(found.acknowledgement.flatMap(({ counts }) => counts ?? [])) >= 2);

    const messages: wire.control.v1.TreeReply[] = [];
    observer.subscribe(treeViewSubject(regionName, "e2e"), {
      callback: (_error, { data }) => void messages.push(control.v1.TreeReply.decode(data)),
    });
    const view = { filter: `type:market ${marketName}`, view: "e2e" };
    const first = await ask(observer, "tree", control.v1.TreeRequest.encode(view).finish());
    const { nodes, leaseMs } = control.v1.TreeReply.decode(first ?? new Uint8Array());
    assert.equal(
      nodes.map(({ state }) => state),
      ["open"],
    );
    const halt = { market: marketName, reason: "drill", requestedBy: "somebody else" };
    const halted = control.v1.MarketStateRequest.encode(halt).finish();
    const done = await ask(operator, "market-halt", halted);
    const { auditId } = control.v1.MarketReply.decode(done ?? new Uint8Array());
    await eventually("the view tells of the halt", async () =>
      messages.some((message) => message.nodes.some(({ state }) => state === "halted"))
        ? true
        : null,
    );

    const trail = async (): Promise<readonly wire.audit.v1.IAuditEntry[]> => {
      const reply = await ask(observer, "audit");
      return reply === null ? [] : audit.v1.AuditReply.decode(reply).entries;
    };
    const entry = await eventually("the halt is in the trail", async () => {
      return (await trail()).find(({ id }) => id === auditId) ?? null;
    });
    assert.is(entry.user, "operator", "the server knows who asked");
    assert.is(entry.requestedBy, "somebody else");
    assert.is(entry.outcome, "done");

    process.kill(region.cellPid(), "SIGKILL");
    const again = await eventually("another cell tells the same", async () => {
      return (await trail()).find(({ id }) => id === auditId) ?? null;
    });
    assert.equal({ ...again }, { ...entry });
    // The view was the dead cell's; whoever asks anew has it from the next one.
    const before = messages.length;
    await eventually("the view goes on", async () => {
      await ask(observer, "tree", control.v1.TreeRequest.encode(view).finish());
      await delay(1_200);
      return messages.length > before ? true : null;
    });
    assert.ok(leaseMs > 1_000);
  } finally {
    await observer.close();
    await operator.close();
  }
}
