import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { lobsterSession } from "../../actors/replay/lobster.ts";
import type { ReplayReport } from "../../ops/cli/replay/report.ts";
import type { ClusterStatus, MarketView } from "../../ops/cli/markets.ts";
import { Launcher, type Overview } from "../../ops/deploy/launcher.ts";
import type { Outcome } from "../../schemas/sdk/orders.ts";
import { meridian } from "../support/command-line.ts";
import { launcherOptions, temporaryFolder } from "../support/launched-cluster.ts";
import { readBook, rehearse, textBytes } from "../support/recorded-session.ts";
import { seed } from "../support/seed.ts";
import {
  asItch,
  asLobsterBook,
  asLobsterMessages,
  generateSession,
} from "../support/session-generator.ts";
import { repository, sharedData } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

const test = suite("the command line against a cluster of three regions");

let data = "";
let launcher: Launcher | null = null;
let overview: Overview | null = null;

test.before(async () => {
  data = temporaryFolder();
  const cellProgram = join(repository, "actors", "root", "main.ts");
  launcher = new Launcher(launcherOptions(data, { cellProgram }));
  const started = await launcher.start();
  if (!started.ok) throw new Error(`${started.failure.code}: ${started.failure.reason}`);
  overview = started.value;
});

test.after(async () => {
  await launcher?.stop();
  rmSync(data, { recursive: true, force: true });
});

/** Runs a command that must end with this code; returns its output. */
async function run(code: number, ...arguments_: readonly string[]): Promise<string> {
  const result = await meridian(data, arguments_);
  assert.is(result.code, code, `${arguments_.join(" ")}: ${result.output}${result.errors}`);
  assert.not.match(result.errors, /\n\s+at /, "no stack trace reaches a user");
  return result.output;
}
const runJson = async <T>(...arguments_: readonly string[]): Promise<T> =>
  JSON.parse(await run(0, ...arguments_, "-o", "json")) as T;
const asOperator = ["--as", "operator"];

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await holds()) return;
  }
  throw new Error(`did not come about: ${what}`);
}

test("status is one object of regions and markets, for an observer too", async () => {
  await eventually("every region is ready", async () => {
    const { regions } = await runJson<ClusterStatus>("status");
    return regions.every((region) => region.ready);
  });
  const { regions, markets } = await runJson<ClusterStatus>("status");
  assert.equal(
    regions.map((region) => region.name),
    ["ap-southeast", "eu-central", "us-east"],
  );
  assert.equal(markets.map((market) => market.market).sort(), ["BTC-EUR", "BTC-USD"]);
  assert.ok(markets.every((market) => market.definition !== null));
  const table = await run(0, "status");
  for (const name of ["eu-central", "BTC-EUR"]) assert.match(table, name);
});

test("an observer's order is refused by policy, with who could do it", async () => {
  const result = await meridian(data, ["order", "place", "BTC-EUR", "buy", "1", "20000"]);
  assert.is(result.code, 3);
  assert.match(result.errors, /not_permitted.*observer/);
  assert.match(result.errors, /next: npx meridian login operator/);
  await run(0, "login", "operator");
  assert.match(await run(0, "config", "print"), /user +operator +meridian login/);
  await run(0, "login", "observer");
  await run(2, "login", "nobody");
});

test("orders are placed, traded, reduced, replaced and canceled", async () => {
  const place = async (...words: readonly string[]): Promise<Outcome> =>
    runJson<Outcome>("order", "place", "BTC-EUR", ...words, ...asOperator);
  const placed = await place("buy", "10", "20000.50", "--account", "7");
  assert.is(placed.remaining, 10);
  const traded = await place("sell", "3", "--account", "8");
  assert.is(traded.executed, 3);
  assert.is(traded.fills[0]?.makerOrderId, placed.orderId);
  const id = String(placed.orderId);
  const mine = [...asOperator, "--account", "7"];
  assert.match(await run(0, "order", "book", "BTC-EUR"), /1 +7 +20000\.50/);
  const reduced = await runJson<Outcome>("order", "reduce", "BTC-EUR", id, "2", ...mine);
  assert.is(reduced.remaining, 5);
  const replaced = await run(0, "order", "replace", "BTC-EUR", id, "4", "20001", ...mine, "-q");
  assert.match(replaced, /^\d+\n$/);
  assert.is(await run(0, "order", "list", "BTC-EUR", ...mine, "-q"), replaced);
  assert.match(await run(0, "order", "list", "BTC-EUR", ...mine), /buy +4 +20001\.00/);
  await run(3, "order", "cancel", "BTC-EUR", replaced.trim(), ...asOperator);
  await run(0, "order", "cancel", "BTC-EUR", replaced.trim(), ...mine);
  await run(3, "order", "cancel", "BTC-EUR", replaced.trim(), ...mine);
});

test("wrong usage exits 2, refusals of the exchange exit 3, and say what to do", async () => {
  await run(2, "order", "place", "BTC-EUR", "hold", "1", "20000", ...asOperator);
  await run(2, "order", "place", "BTC-EUR", "buy", "0", "20000", ...asOperator);
  await run(2, "order", "place", "BTC-EUR", "buy", "1", "20000.123", ...asOperator);
  await run(2, "order", "place");
  await run(2, "nonsense");
  for (const [code, reason, ...words] of [
    ["price_off_tick", /tick, 0\.50 EUR\n/, "BTC-EUR", "buy", "1", "20000.10"],
    ["price_out_of_band", /band, 10000\.00 to 200000\.00 EUR\n/, "BTC-EUR", "buy", "1", "1"],
    ["quantity_too_large", /maximum, 100000\n/, "BTC-EUR", "buy", "999999999", "20000"],
    ["market_unknown", /NOPE\n/, "NOPE", "buy", "1", "1"],
  ] as const) {
    const result = await meridian(data, ["order", "place", ...words, ...asOperator]);
    assert.is(result.code, 3, code);
    assert.match(result.errors, `${code}: `);
    assert.match(result.errors, reason);
    assert.match(result.errors, "next: ");
  }
});

test("markets are made, halted, resumed and listed", async () => {
  const like = ["--like", "BTC-EUR", "--mode", "durable", ...asOperator];
  const made = await runJson<MarketView>("market", "create", "E2E-1", ...like);
  assert.is(made.home, "eu-central");
  assert.is(made.definition?.mode, "durable");
  await run(3, "market", "create", "BTC-EUR", "--like", "BTC-USD", ...asOperator);
  await run(2, "market", "create", "bad.name", ...like);
  assert.match(await run(0, "market", "halt", "E2E-1", ...asOperator), /halted/);
  await run(3, "order", "place", "E2E-1", "buy", "1", "20000", ...asOperator);
  assert.match(await run(0, "market", "resume", "E2E-1", ...asOperator), /open/);
  await run(0, "order", "place", "E2E-1", "buy", "1", "20000", ...asOperator);
  const names = (await run(0, "market", "list", "-q")).trim().split("\n").sort();
  assert.equal(names, ["BTC-EUR", "BTC-USD", "E2E-1"]);
});

test("B5.3 a limit is found in the region that keeps it, and no other region makes a second one", async () => {
  const desk = "far-desk";
  const there = ["--region", "us-east"];
  await run(0, "account", "define", desk, "--scope", "desk", ...there, ...asOperator);
  assert.is((await runJson<{ readonly scope: string }>("account", "show", desk)).scope, "desk");
  const wanted = ["--id", "far-1", "--set", "order-quantity=5"];
  const said = await run(0, "account", "limit", desk, ...wanted, ...asOperator);
  assert.match(said, /account approve far-desk far-1 --region us-east --as approver/);
  await run(0, "account", "approve", desk, "far-1", "--as", "approver");
  await run(3, "account", "show", desk, "--region", "ap-southeast");
  await run(3, "account", "stop", desk);
  await run(3, "account", "show", "nobodys-desk");
});

test("B5.3 limits are proposed by one person, approved by another, and hold in the markets", async () => {
  const denied = await run(3, "account", "stop", "acme");
  assert.match(denied, /^$/);
  await run(2, "account", "limit", "acme", "--set", "colour=7", ...asOperator);
  await run(0, "account", "define", "desk-1", "--scope", "desk", ...asOperator);
  const define = ["--parent", "desk-1", "--number", "77"];
  await run(0, "account", "define", "acme", ...define, ...asOperator);
  await run(3, "account", "define", "acme", "--number", "78", ...asOperator);
  const wanted = ["order-quantity=50", "open-quantity=100", "open-orders=1"];
  const said = await run(
    0,
    "account",
    "limit",
    "acme",
    "--id",
    "p1",
    "--set",
    ...wanted,
    ...asOperator,
  );
  assert.match(said, /account approve acme p1 --as approver/);
  await run(3, "account", "approve", "acme", "p2", "--as", "approver");
  const held = await runJson<{ readonly limits: object; readonly proposal: string }>(
    "account",
    "approve",
    "acme",
    "p1",
    "--as",
    "approver",
  );
  assert.is(held.proposal, "");
  const order = [
    "order",
    "place",
    "BTC-EUR",
    "buy",
    "1",
    "20000",
    "--account",
    "77",
    ...asOperator,
  ];
  await eventually("the engine refuses a second open order", async () => {
    const second = await meridian(data, order);
    return second.code === 3 && /limit_open_orders/.test(second.errors);
  });
  await run(0, "account", "stop", "acme", "--reason", "drill", ...asOperator);
  await eventually("the engine takes no order of it", async () => {
    const refused = await meridian(data, order);
    return refused.code === 3 && /account_killed/.test(refused.errors);
  });
  assert.match(await run(0, "account", "show", "acme"), /stopped: drill/);
});

test("the supervision tree has every region and market", async () => {
  const { nodes } = await runJson<{ readonly nodes: readonly { readonly path: string }[] }>("tree");
  for (const part of ["eu-central", "BTC-EUR", "us-east", "BTC-USD"]) {
    assert.ok(
      nodes.some((node) => node.path.includes(part)),
      part,
    );
  }
  await run(2, "tree", "nowhere");
});

async function replayed(...arguments_: readonly string[]): Promise<readonly ReplayReport[]> {
  const { replays } = await runJson<{ readonly replays: readonly ReplayReport[] }>(
    "replay",
    ...arguments_,
    ...asOperator,
  );
  return replays;
}

test("a replay through the cluster does what the twin does, as LOBSTER and as ITCH", async () => {
  const sessionSeed = seed(811);
  const random = seededRandomness(sessionSeed);
  const options = { random, steps: 1_500, levels: 5, outOfOrderPerMille: 40 };
  const session = generateSession(options);
  const messages = asLobsterMessages(session);
  const book = asLobsterBook(session);
  const file = join(data, "ACME_2026-01-05_34200000_57600000_message_5.csv");
  const bookFile = join(data, "ACME_2026-01-05_34200000_57600000_orderbook_5.csv");
  writeFileSync(file, messages);
  writeFileSync(bookFile, book);
  const twin = await rehearse(lobsterSession(textBytes(messages)), {
    levels: 5,
    book: await readBook(textBytes(book)),
  });
  const [report] = await replayed(file, "--book", bookFile, "--speed", "max");
  assert.is(report?.market, "ACME-20260105");
  assert.is(report?.speed, "max");
  assert.equal(report?.summary, twin.summary, `SEED=${sessionSeed}`);
  assert.is(report?.stopped, null);

  const complete = generateSession({ ...options, levels: null, random: seededRandomness(3) });
  const itchFile = join(data, "day1.itch.gz");
  writeFileSync(itchFile, gzipSync(asItch(complete, "ACME")));
  const [itch] = await replayed(itchFile, "--region", "us-east", "--mode", "durable");
  assert.is(itch?.market, "ACME-day1");
  assert.is(itch?.region, "us-east");
  assert.is(itch?.mode, "durable");
  assert.equal(itch?.summary.refusals, {});
  const visible = complete.rows.filter(({ event }) => event.type === "execute").length;
  assert.is(itch?.summary.executions.visible, visible);
});

test("a replay takes a free name, and refuses one with other data", async () => {
  const file = join(data, "ZZZ_2026-01-05_34200000_57600000_message_10.csv");
  writeFileSync(file, "1,1,11,100,10000,1\nbroken line\n2,1,12,100,10100,-1\n");
  const names = [];
  for (let turn = 0; turn < 2; turn += 1) names.push((await replayed(file))[0]?.market);
  assert.equal(names, ["ZZZ-20260105", "ZZZ-20260105-2"]);
  const taken = await meridian(data, ["replay", file, "--market", "BTC-EUR", ...asOperator]);
  assert.is(taken.code, 3);
  assert.match(taken.errors, /market_exists.*other reference data/);
  const strict = await meridian(data, ["replay", file, "--strict", ...asOperator]);
  assert.is(strict.code, 1);
  assert.match(strict.output, /at 2: 6 columns expected/);
  const halted = join(data, "halted.csv");
  writeFileSync(halted, "1,7,0,0,-1,-1\nbroken line\n");
  assert.match(await run(0, "replay", halted), /nothing to replay/);
  const stopped = await meridian(data, ["replay", halted, "--strict"]);
  assert.is(stopped.code, 1);
  assert.match(stopped.errors, /malformed_row: .*halted\.csv at 2: 6 columns expected/);
  const denied = await meridian(data, ["replay", file]);
  assert.is(denied.code, 3);
  assert.match(denied.errors, /not_permitted/);
});

test("a replay goes at the speed that is asked for", async () => {
  const file = join(data, "PACE_2026-01-05_34200000_57600000_message_1.csv");
  // A minute in the file, so that a busy machine is not taken for the file's own time.
  writeFileSync(file, "34200,1,11,100,10000,1\n34260,1,12,100,10100,-1\n");
  for (const [speed, atLeast, atMost] of [
    ["max", 0, 1],
    ["1000x", 0.06, 1],
    ["50x", 1.2, 2.2],
  ] as const) {
    const [report] = await replayed(file, "--speed", speed);
    assert.is(report?.speed, speed);
    assert.is(report?.summary.used, 2);
    const seconds = report?.seconds ?? 0;
    assert.ok(seconds >= atLeast && seconds < atMost, `${speed}: ${seconds} s`);
  }
  await Promise.all(["0x", "fast", ""].map((speed) => run(2, "replay", file, "--speed", speed)));
});

test("the comparison with a book fails only when it is required", async () => {
  const file = join(data, "QQ_2026-01-05_34200000_57600000_message_1.csv");
  const bookFile = join(data, "wrong_orderbook_1.csv");
  writeFileSync(file, "1,1,11,100,10000,1\n2,1,12,100,10100,-1\n");
  writeFileSync(bookFile, "9999999999,0,10000,100\n10100,7,10000,100\n");
  const [report] = await replayed(file, "--book", bookFile);
  assert.is(report?.statesFoundPercent, 50);
  await run(1, "replay", file, "--book", bookFile, "--require", "99", ...asOperator);
  await run(0, "replay", file, "--book", bookFile, "--require", "50", ...asOperator);
});

for (const [victim, market] of [
  ["cell", "KILL"],
  ["server", "LOST"],
] as const) {
  test(`B8.3 a replay outlasts a kill of the ${victim} of its market's home and stays in step`, async () => {
    const sessionSeed = seed(4_711);
    const random = seededRandomness(sessionSeed);
    const session = generateSession({ random, steps: 4_000, levels: null, outOfOrderPerMille: 0 });
    const file = join(data, `${market}_2026-01-05_34200000_57600000_message_deep.csv`);
    const bookFile = join(data, `${market}_2026-01-05_34200000_57600000_orderbook_1.csv`);
    writeFileSync(file, asLobsterMessages(session));
    writeFileSync(bookFile, asLobsterBook(session));
    // At the file's own time it lasts four seconds, so that it is under way at the kill.
    const ended = replayed(file, "--book", bookFile, "--speed", "1x", "--mode", "durable");
    await eventually("the replay is under way", async () => {
      const { markets } = await runJson<ClusterStatus>("status");
      return markets.some((one) => one.market === `${market}-20260105` && one.trades > 0);
    });
    const home = overview?.cluster.regions.find((region) => region.name === "eu-central");
    assert.ok(home);
    process.kill(victim === "cell" ? home.cellPid : (home.servers[0]?.pid ?? 0), "SIGKILL");
    const [report] = await ended;
    assert.is(report?.region, "eu-central");
    assert.is(report?.stopped, null);
    assert.ok((report?.client.resends ?? 0) > 0, "the kill must have been noticed");
    assert.equal(report?.summary.refusals, {}, `SEED=${sessionSeed}`);
    assert.is(report?.summary.used, session.rows.length);
    assert.is(report?.summary.deletionsOfAnotherSize, 0);
    const { visible, same } = report?.summary.executions ?? {};
    assert.ok((visible ?? 0) > 500);
    assert.is(same, visible, `SEED=${sessionSeed}`);
    // Only the state after a reply that was lost is not known.
    const book = report?.summary.book;
    assert.ok((book?.found ?? 0) >= 0.98 * session.rows.length, `SEED=${sessionSeed}`);
    assert.is(book?.found, book?.states, `SEED=${sessionSeed}`);
  });
}

for (const stream of [/^KV_LEASE$/, /^JRN_/]) {
  test(`B8.3 a market is made while ${stream.source} has no leader`, async () => {
    const { cluster, markets } = await runJson<ClusterStatus>("status");
    const leader = cluster.streams.find((one) => stream.test(one.stream))?.leader ?? "";
    const market = `MADE-${markets.length}`;
    process.kill(launcher?.processId(leader, "server") ?? 0, "SIGKILL");
    const made = await run(0, "market", "create", market, "--like", "BTC-EUR", ...asOperator);
    assert.match(made, /open/);
  });
}

const messages = sharedData("lobster/AAPL_2012-06-21_34200000_37800000_message_deep.csv");
const bookStates = sharedData("lobster/AAPL_2012-06-21_34200000_57600000_orderbook_1.csv");
const missing =
  messages === null || bookStates === null ? "needs the recorded hour beside the checkout" : null;

testUnless(
  test,
  missing,
  "the recorded AAPL hour goes through the front door in step",
  async () => {
    const [report] = await replayed(
      messages ?? "",
      "--book",
      bookStates ?? "",
      "--require",
      "99.5",
    );
    const summary = report?.summary;
    assert.is(summary?.used, 91_997);
    assert.is(summary?.commands, 89_796);
    assert.is(summary?.hidden, 2_201);
    assert.equal(summary?.seeds, { beforeFirstRow: 36, later: 44 });
    assert.equal(summary?.refusals, {});
    assert.is(summary?.executions.same, 4_058);
    assert.is(summary?.executions.others.older_order_first, 9);
    assert.is(summary?.book?.states, 23_439);
    assert.is(summary?.book?.found, 23_422);
  },
);

test("a region that does not answer is listed with the reason, and the command succeeds", async () => {
  const frozen = overview?.cluster.regions.find((region) => region.name === "us-east");
  assert.ok(frozen);
  process.kill(frozen.cellPid, "SIGSTOP");
  try {
    const [{ regions, markets }, { output, code }] = await Promise.all([
      runJson<ClusterStatus>("status"),
      meridian(data, ["doctor"]),
    ]);
    const region = regions.find((one) => one.name === "us-east");
    assert.is(region?.ready, false);
    assert.match(region?.reason ?? "", /no answer within/);
    assert.ok(markets.some((market) => market.market === "BTC-EUR"));
    assert.is(code, 1);
    assert.match(output, /failed +region us-east/);
  } finally {
    process.kill(frozen.cellPid, "SIGCONT");
  }
});

test("without a cluster every command says how to start one", async () => {
  const empty = temporaryFolder();
  try {
    const commands = [["status"], ["tree"], ["market", "list"], ["login", "operator"]];
    for (const result of await Promise.all(commands.map((words) => meridian(empty, words)))) {
      assert.is(result.code, 1);
      assert.match(result.errors, /cluster_missing.*\n +next: npm start/);
    }
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
});

test.run();
