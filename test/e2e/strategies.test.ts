import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { Svcm } from "@nats-io/services";
import type { NatsConnection } from "nats";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { cellFile, credentialsOf } from "../../ops/deploy/cluster.ts";
import { connectAs } from "../../ops/deploy/connection.ts";
import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import { natsUrl } from "../../ops/deploy/topology.ts";
import type { CellConfigurationFile } from "../../schemas/configuration.ts";
import { wire } from "../../schemas/messages.ts";
import { meridian } from "../support/command-line.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import type { ActorJson, ControlJson } from "../support/memory-cell.ts";
import { repository } from "../support/shared-data.ts";

const test = suite("strategies on a cluster of real processes");

const region = "eu-central";
const program = join(repository, "actors", "root", "main.ts");
let data = "";
let launcher: Launcher | null = null;
let overview: Overview | null = null;
let operator: NatsConnection | null = null;
let second: ChildProcess | null = null;

async function connect(user: string): Promise<NatsConnection> {
  if (overview === null) throw new Error("the cluster is not up");
  const { plan } = overview;
  const servers = plan.servers.filter((server) => server.region === region);
  return await connectAs({
    user,
    seedFile: credentialsOf(plan, user).seedFile,
    authorityFile: plan.certificates.authorityFile,
    servers: servers.map((server) => natsUrl(server.ports)),
  });
}

/** Another cell of the region, for actors only: what the first one is configured with, in a folder of its own. */
function startSecondCell(): ChildProcess {
  const first = JSON.parse(readFileSync(cellFile(data, region), "utf8")) as CellConfigurationFile;
  const dataDirectory = join(data, "cells", `${region}-2`);
  mkdirSync(dataDirectory, { recursive: true });
  const configuration: CellConfigurationFile = {
    ...first,
    cell: `${region}-2`,
    dataDirectory,
    http: { ...first.http, port: 0 },
    // A guest user is one cell's alone.
    nats: { ...first.nats, guests: [] },
    markets: false,
  };
  const file = join(data, "second-cell.json");
  writeFileSync(file, JSON.stringify(configuration));
  return spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", program, "--configuration", file],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
}

test.before(async () => {
  data = temporaryFolder();
  launcher = new Launcher(launcherOptions(data, { cellProgram: program, engine: "portable" }));
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  overview = started.value;
  operator = await connect("operator");
});

test.after(async () => {
  if (second !== null && second.exitCode === null) {
    second.kill("SIGCONT");
    second.kill("SIGKILL");
  }
  await operator?.close();
  await launcher?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** What any client of NATS can do: a request whose payload is JSON. */
async function control(verb: string, request: object, connection = operator): Promise<ControlJson> {
  if (connection === null) throw new Error("not connected");
  const payload = JSON.stringify(request);
  // A question is asked again soon: a frozen process keeps its place among those that serve it.
  const timeout = verb === "describe" || verb === "list" ? 400 : 15_000;
  for (let tries = 0; ; tries += 1) {
    try {
      const reply = await connection.request(`ctl.${region}.${verb}`, payload, { timeout });
      return JSON.parse(reply.string()) as ControlJson;
    } catch (error) {
      if (!(error instanceof Error && error.message === "timeout") || tries === 20) throw error;
    }
  }
}

async function eventually<T>(
  what: string,
  look: () => Promise<T | null>,
  withinMs = 60_000,
): Promise<T> {
  const until = Date.now() + withinMs;
  while (Date.now() < until) {
    const found = await look();
    if (found !== null) return found;
    await delay(50);
  }
  throw new Error(`did not come about: ${what}`);
}

const maker = (key: string, more: object = {}): object => ({
  key,
  type: "avellaneda-stoikov",
  parameters: { market: "BTC-EUR", gamma: "0.1", reference: "6000000", interval: "200" },
  ...more,
});

const quoting = (id: string, cell: string | null = null): Promise<ActorJson> =>
  eventually(`${id} quotes`, async () => {
    const { actor } = await control("describe", { id });
    const quotes = actor?.strategy?.bid && actor.strategy.ask ? actor : null;
    return cell === null || quotes?.cell === cell ? quotes : null;
  });

async function spawned(request: object): Promise<ActorJson> {
  const reply = await eventually("there is room", async () => {
    const answer = await control("spawn", request);
    return answer.refusal?.code === "no_cell" ? null : answer;
  });
  assert.is(reply.refusal, undefined, JSON.stringify(reply.refusal));
  if (reply.actor === undefined) throw new Error("no actor");
  return reply.actor;
}

async function staleRefusals(): Promise<number> {
  const reply = await operator?.request(`ops.${region}.status`, new Uint8Array(), {
    timeout: 5_000,
  });
  const { status } = wire.control.v1.StatusReply.decode(reply?.data ?? new Uint8Array());
  const market = status?.markets?.find((each) => each.market === "BTC-EUR");
  return market?.refusals?.["stale_epoch"] ?? 0;
}

test("B8.4 a bare NATS client spawns a market maker with JSON, sees it quote, and stops it", async () => {
  const actor = await spawned(maker("bare"));
  assert.is(actor.type, "avellaneda-stoikov");
  await quoting("bare");
  const again = await control("spawn", maker("bare"));
  assert.is(again.actor?.incarnation, actor.incarnation);
  const other = await control("spawn", { ...maker("bare"), type: "twap" });
  assert.is(other.refusal?.code, "parameters_invalid");
  const stopped = await control("stop", { id: "bare" });
  assert.is(stopped.actor?.state, "stopped", JSON.stringify(stopped));
  const reply = await operator?.request(`ctl.${region}.describe`, Uint8Array.of(0x0a, 0x7f));
  const refused = wire.control.v1.ActorReply.decode(reply?.data ?? new Uint8Array());
  assert.is(refused.refusal?.code, "malformed");
});

test("the services are listed, described and counted like those of any NATS service, for an observer too", async () => {
  const observer = await connect("observer");
  try {
    const client = new Svcm(observer as unknown as ConstructorParameters<typeof Svcm>[0]).client();
    const names: string[] = [];
    for await (const { name } of await client.ping()) names.push(name);
    assert.ok(names.includes(`control-${region}`), names.join(", "));
    for await (const info of await client.info(`control-${region}`)) {
      assert.equal(info.endpoints.map(({ subject }) => subject).sort(), [
        `ctl.${region}.check`,
        `ctl.${region}.describe`,
        `ctl.${region}.list`,
        `ctl.${region}.restart`,
        `ctl.${region}.send`,
        `ctl.${region}.spawn`,
        `ctl.${region}.stop`,
        `ctl.${region}.types`,
        `ctl.${region}.watch`,
      ]);
    }
    for await (const stats of await client.stats(`control-${region}`)) {
      const spawns = stats.endpoints?.find(({ name }) => name === "spawn");
      assert.ok((spawns?.num_requests ?? 0) > 0);
      const counted = spawns?.data as
        | { readonly refusals: Readonly<Record<string, number>> }
        | undefined;
      assert.is(counted?.refusals["parameters_invalid"], 1, "refusals are counted by code");
    }
    assert.is((await control("list", {}, observer)).actors?.length, 1);
  } finally {
    await observer.close();
  }
});

test("the command line spawns, lists, describes, watches, restarts and stops, with its exit codes", async () => {
  const run = async (code: number, ...words: readonly string[]): Promise<string> => {
    const result = await meridian(data, words);
    assert.is(result.code, code, `${words.join(" ")}: ${result.output}${result.errors}`);
    assert.not.match(result.errors, /\n\s+at /);
    return code === 0 ? result.output : result.errors;
  };
  const set = ["--set", "gamma=0.1", "--set", "reference=6000000"];
  const spawnLine = ["strategy", "spawn", "avellaneda-stoikov", "--market", "BTC-EUR", ...set];
  const asOperator = ["--as", "operator"];
  const key = ["--key", "by-hand", "--region", region];
  assert.match(await run(0, ...spawnLine, ...key, ...asOperator), /id +by-hand/);
  assert.is(await run(0, ...spawnLine, ...key, ...asOperator, "-q"), "by-hand\n");
  await quoting("by-hand");
  assert.match(await run(0, "strategy", "list"), /by-hand +avellaneda-stoikov +\w+ +eu-central/);
  assert.match(await run(0, "strategy", "describe", "by-hand"), /gamma=0\.1/);
  const watched = await run(0, "strategy", "watch", "by-hand", "--count", "2", "-o", "json");
  assert.is(watched.trim().split("\n").length, 2);
  await run(0, "strategy", "pause", "by-hand", ...asOperator);
  await run(0, "strategy", "resume", "by-hand", ...asOperator);
  assert.match(await run(0, "strategy", "stop", "by-hand", ...asOperator), /state +stopped/);
  assert.match(await run(3, "strategy", "stop", "by-hand", ...asOperator), /actor_stopped/);
  await run(0, "strategy", "restart", "by-hand", ...asOperator);
  await run(0, "strategy", "stop", "by-hand", ...asOperator);
  const clash = [...spawnLine, "--set", "kappa=2", ...key, ...asOperator];
  assert.match(await run(3, ...clash), /duplicate_key/);
  assert.match(await run(3, ...spawnLine, ...key), /not_permitted/);
  assert.match(await run(3, "strategy", "describe", "nobody"), /not_found/);
  const unknown = ["strategy", "spawn", "martingale", "--market", "BTC-EUR", ...asOperator];
  assert.match(await run(3, ...unknown), /type_unknown.*\n +next: one of avellaneda-stoikov/);
  await run(2, "strategy", "spawn", "twap");
  await run(2, ...spawnLine, "--set", "gamma", ...asOperator);
  await run(2, "strategy", "list", "--region", "atlantis");
});

test("B8.4 a strategy in a file of one's own is spawned by the command line, and a broken one is refused with its line", async () => {
  const file = join(data, "mine.ts");
  const say = async (...words: readonly string[]) =>
    meridian(data, ["strategy", ...words, "--as", "operator"]);
  writeFileSync(file, "const strategy = {\n  name: = 1,\n};\nexport default strategy;\n");
  const broken = await say("spawn", "--from", file, "--market", "BTC-EUR", "--key", "mine");
  assert.is(broken.code, 3, broken.errors);
  assert.match(broken.errors, /strategy_invalid: strategy\.ts:2: /);
  assert.is((await say("spawn", "--from", join(data, "none.ts"), "--market", "BTC-EUR")).code, 1);
  assert.is((await say("spawn", "--market", "BTC-EUR")).code, 2);
  writeFileSync(
    file,
    `import { noQuotes, type Strategy } from "meridian/strategy";
     const strategy: Strategy<null> = {
       name: "far away",
       start: null,
       decide: (state) => ({ state, desired: { ...noQuotes, bid: { price: 40_000, quantity: 1 } } }),
     };
     export default strategy;`,
  );
  const mine = await say("spawn", "--from", file, "--market", "BTC-EUR", "--key", "mine", "-q");
  assert.is(mine.code, 0, mine.errors);
  await eventually("it quotes", async () => {
    const { actor } = await control("describe", { id: "mine" });
    return actor?.strategy?.bid ? actor : null;
  });
  assert.is((await say("stop", "mine")).code, 0);
});

test("B6.2 a frozen cell's actor comes back in the other cell within 5 s; awake again it trades nothing", async () => {
  second = startSecondCell();
  for (const key of ["pair-1", "pair-2"]) {
    await spawned(maker(key, { antiAffinity: "pair" }));
  }
  const actors = await Promise.all(["pair-1", "pair-2"].map((id) => quoting(id)));
  const victim = actors.find(({ cell }) => cell === `${region}-2`);
  assert.ok(victim, JSON.stringify(actors.map(({ cell }) => cell)));
  const before = await staleRefusals();
  second.kill("SIGSTOP");
  const frozen = Date.now();
  const back = await quoting(victim.id, `${region}-1`);
  const took = Date.now() - frozen;
  assert.ok(took < 5_000, `${took} ms`);
  assert.ok(back.incarnation > victim.incarnation);
  assert.is(await staleRefusals(), before);
  second.kill("SIGCONT");
  await eventually("its orders are refused", async () =>
    (await staleRefusals()) > before ? true : null,
  );
  const now = await quoting(victim.id);
  assert.ok(now.incarnation >= back.incarnation);
});

const { Define, SetLimits, Approve, Reserve, RiskLimitReply } = wire.risk.v1;

/** Null: nobody has answered, or not for good. */
async function limit(
  name: string,
  verb: string,
  payload: Uint8Array,
): Promise<wire.risk.v1.RiskLimitReply | null> {
  const subject = `act.${region}.risk-limit.${name}.${verb}`;
  try {
    const reply = await operator?.request(subject, payload, { timeout: 400 });
    const answer = RiskLimitReply.decode(reply?.data ?? new Uint8Array());
    return answer.refusal?.code === "unavailable" ? null : answer;
  } catch {
    return null;
  }
}

test("B5.3 B6.2 what a killed cell's risk limits held stands in the other cell, and its actors trade on through theirs", async () => {
  const requestedBy = "operator";
  const names = Array.from({ length: 8 }, (_, index) => `kept-${index}`);
  const limits = { maximumOrderQuantity: 10, maximumOpenQuantity: 10 };
  const done = async (name: string, verb: string, payload: Uint8Array) => {
    const reply = await eventually(`${name} answers ${verb}`, () => limit(name, verb, payload));
    assert.is(reply.refusal, null, JSON.stringify(reply.refusal));
    return reply;
  };
  const reservation = Reserve.encode({ commandId: "r", quantity: 7 }).finish();
  for (const name of names) {
    const scope = wire.risk.v1.Scope.SCOPE_STRATEGY;
    await done(name, "define", Define.encode({ commandId: "d", scope, requestedBy }).finish());
    const proposal = SetLimits.encode({ commandId: "s", limits, requestedBy }).finish();
    await done(name, "set-limits", proposal);
    const approval = { commandId: "a", proposal: "s", approvedBy: "approver" };
    await done(name, "approve", Approve.encode(approval).finish());
    assert.is((await done(name, "reserve", reservation)).reserved, 7);
  }
  const victim = await eventually("one trades in the second cell", async () => {
    const { actors } = await control("list", {});
    return actors?.find(({ cell, state }) => cell === `${region}-2` && state === "working") ?? null;
  });
  second?.kill("SIGKILL");
  const killed = Date.now();
  for (const name of names) {
    const again = await done(name, "reserve", reservation);
    assert.equal([again.reserved, again.repeated], [7, true], name);
  }
  console.log(`    all risk limits answered ${Date.now() - killed} ms after the kill`);
  const back = await quoting(victim.id, `${region}-1`);
  console.log(`    ${victim.id} quoted ${Date.now() - killed} ms after the kill`);
  assert.is(back.strategy?.limit, `trader-${victim.id}`);
  second = startSecondCell();
});

test("B8.4 a cell that is asked to stop hands its actors over before it ends", async () => {
  const one = second;
  assert.ok(one);
  await eventually("it hosts again", async () => {
    const { actors } = await control("list", {});
    return actors?.some(({ cell, state }) => cell === `${region}-2` && state === "working") === true
      ? true
      : null;
  });
  const ended = new Promise<number | null>((resolve) => one.once("exit", resolve));
  const asked = Date.now();
  one.kill("SIGTERM");
  assert.is(await ended, 0);
  for (const id of ["pair-1", "pair-2"]) await quoting(id, `${region}-1`);
  const took = Date.now() - asked;
  assert.ok(took < 5_000, `${took} ms`);
});

test("B8.4 actors of a cell that is killed come back with what they had when it is started again", async () => {
  const { actors } = await control("list", {});
  const one = actors?.find(({ id }) => id === "pair-1");
  assert.ok(one?.strategy);
  const home = overview?.cluster.regions.find(({ name }) => name === region);
  assert.ok(home);
  process.kill(home.cellPid, "SIGKILL");
  const back = await eventually("it quotes under a higher incarnation", async () => {
    const { actor } = await control("describe", { id: "pair-1" }).catch((): ControlJson => ({}));
    const quotes = actor?.strategy?.bid && actor.strategy.ask;
    return quotes && actor.incarnation > one.incarnation ? actor : null;
  });
  assert.ok((back.strategy?.sent ?? 0) >= (one.strategy.sent ?? 0), "it counts on");
  assert.is(back.strategy?.inventory, one.strategy.inventory);
});

test.run();
