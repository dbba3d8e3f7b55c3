import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { runProcess } from "../test/stages/process.ts";
import { repository } from "../test/support/shared-data.ts";
import { missingAddon, testUnless } from "../test/support/skip.ts";
import { best, figure, median, quantile, shown, worst } from "./bench.ts";
import { history, historyLine, historySchema } from "./history.ts";
import { readRequest } from "./request.ts";

const test = suite("benches");
const LIMIT_MS = 120_000;

const bench = (...words: readonly string[]) =>
  runProcess(process.execPath, ["bench/run.ts", ...words], LIMIT_MS);
const historyBytes = (): string => (existsSync(history) ? readFileSync(history, "utf8") : "");

/** Runs the quick form, checks what every bench prints, and returns it with the figures' names. */
async function quick(name: string): Promise<{ output: string; figures: readonly string[] }> {
  const before = historyBytes();
  const { exitCode, output } = await bench(name, "--quick");
  assert.is(exitCode, 0, output);
  assert.is(historyBytes(), before, "nothing is recorded unasked");
  assert.match(output, /^machine +\S.*, \d+ processors?, Linux \S+, Node v24/m);
  assert.match(output, /^commit +\S/m);
  assert.match(output, new RegExp(`^command +npm run bench -- ${name} --quick$`, "m"));
  assert.match(output, /^workload +\S/m);
  assert.match(output, /^noise +idle spinner before, .* % of the time lost, longest \d+ µs$/m);
  assert.match(output, /^noise +idle spinner after, /m);
  assert.match(output, /^ +meanwhile others used \d+\.\d\d of \d+ processors/m);
  const [, table = ""] = output.split(/^ +median +best +worst {2}of 1; .*\n/m);
  const rows = table.slice(0, table.indexOf("\n\n")).split("\n");
  const figures = rows.map((row) => {
    const found = /^(\S.*?) {2,}(-?[\d.,]+) +(-?[\d.,]+) +(-?[\d.,]+)(?: {2}\S.*)?$/.exec(row);
    assert.ok(found, row);
    // A difference of two measurements may lie on either side of nothing.
    const isDifference = row.startsWith("what ");
    for (const value of found.slice(2, 5))
      assert.ok(isDifference || Number(value.replaceAll(",", "")) > 0, row);
    return found[1] ?? "";
  });
  return { output, figures };
}

test("without a name the benches are listed, one line each", async () => {
  const { exitCode, output } = await bench();
  assert.is(exitCode, 0);
  for (const name of [
    "engine",
    "depth",
    "bridge",
    "order-to-trade",
    "metrics",
    "edge",
    "replay",
    "bring-up",
    "actors",
    "models",
    "peers",
  ]) {
    assert.match(output, new RegExp(`^  ${name} +\\S.*$`, "m"));
  }
});

test("an unknown bench exits 2 with the list", async () => {
  const { exitCode, output } = await bench("nonsense");
  assert.is(exitCode, 2);
  assert.match(output, /^there is no bench nonsense\n/);
  assert.match(output, /^ {2}engine /m);
});

test("a command line is read, or what is wrong with it is said", () => {
  const benches = [{ name: "engine" }, { name: "replay" }];
  const [engine, replay] = benches;
  for (const [reason, ...words] of [
    [/no bench without a name/, "--quick"],
    [/one bench at a time/, "engine", "replay"],
    [/--nonsense/, "engine", "--nonsense"],
    [/--repeats takes/, "engine", "--repeats", "0"],
    [/--repeats takes/, "engine", "--repeats", "1.5"],
    [/--repeats takes/, "engine", "--repeats", "many"],
    [/--quick measures nothing/, "engine", "--quick", "--record"],
    [/--file is for replay/, "engine", "--file", "package.json"],
    [/there is no file/, "replay", "--file", "there-is-no-such-file"],
  ] as const) {
    const wrong = readRequest(words, benches);
    assert.match(typeof wrong === "string" ? wrong : "", reason, words.join(" "));
  }
  assert.equal(readRequest(["engine", "--record"], benches), {
    bench: engine,
    record: true,
    options: { quick: false, repeats: 5, file: null },
  });
  const file = join(repository, "package.json");
  assert.equal(readRequest(["--quick", "replay", "--file", file], benches), {
    bench: replay,
    record: false,
    options: { quick: true, repeats: 1, file },
  });
});

test("the engine trades as stated before any figure is printed", async () => {
  const { output, figures } = await quick("engine");
  assert.match(
    output,
    /W narrow: 50000 live orders.* 100000 operations, .* 47233 trades, volume 1390832, hash bdade00d0626863c, as stated/,
  );
  assert.match(output, /W wide: 50000 live orders, blocks of 1024 ticks.*as the reference book/);
  assert.match(output, /W deep: 1000000 live orders.*as the reference book/);
  const names = ["mean, time passed", "mean, processor time", "p50", "p99", "p99.9"];
  const limits = ["none", "quantity", "notional", "collar", "open orders", "position"];
  const rates = ["message rate", "execution rate"];
  assert.equal(figures, [
    ...["narrow", "wide", "deep"].flatMap((one) => names.map((name) => `${one} ${name}`)),
    ...[...limits, ...rates, "all seven"].map((name) => `limits: ${name}`),
  ]);
  assert.match(output, /^note +limits add to a command, ns, .*: quantity -?\d+\.\d, notional /m);
});

test("readers of depth leave the engine in the state that it reaches without them", async () => {
  const { output, figures } = await quick("depth");
  assert.match(output, /W narrow: 38912 operations, published after each 64; .* same digest/);
  assert.match(output, /^note +no readers: the fastest of each 2,048 operations/m);
  const names = ["matching only, processor time", "and publishing, processor time"];
  const reading = ["best bid and offer", "a snapshot that is there"].flatMap((name) =>
    ["p50", "p99"].map((share) => `${name}, ${share}`),
  );
  for (const readers of ["no readers", "1 reader", "2 readers"]) {
    for (const name of readers === "no readers" ? names : [...names, ...reading]) {
      assert.ok(figures.includes(`${readers}: ${name}`), name);
    }
  }
});

test("durability is measured on a log that replays to the digest of the recording", async () => {
  const { output, figures } = await quick("journal");
  assert.match(output, /W narrow, 100000 operations .* its log replayed to the same digest/);
  assert.match(output, /^note +.*commits by (O_DIRECT and RWF_DSYNC|RWF_DSYNC|fdatasync)$/m);
  assert.equal(figures, [
    "durable ack p50, idle",
    "durable ack p99, idle",
    "durable ack p99.9, idle",
    "durable records",
    "replayed records",
    "records read and checked only",
    "what a record adds to a command",
    "what its sync adds to that",
  ]);
});

test("A5.1 order entry over TCP is measured with every answer counted, and io_uring needs fewer system calls", async () => {
  const { output, figures } = await quick("edge");
  const names = output.includes("without io_uring") ? ["epoll"] : ["epoll", "io_uring"];
  for (const name of names) {
    for (const wanted of [
      `64 clients, ${name}: system calls a message`,
      `64 messages a send, ${name}`,
      `order to acknowledgement, ${name}, p50 beside the echo's`,
    ]) {
      assert.ok(figures.includes(wanted), wanted);
    }
  }
  const calls = (name: string): number =>
    Number(
      new RegExp(`^64 clients, ${name}: system calls a message +([\\d.]+)`, "m").exec(output)?.[1],
    );
  if (names.includes("io_uring")) assert.ok(calls("io_uring") < calls("epoll"), output);
});

test("A1.1 A1.2 A1.4 B3.1 order to trade is measured on a market that ends as recorded, beside an empty ring and an idle spinner", async () => {
  const { output, figures } = await quick("order-to-trade");
  assert.match(
    output,
    /W narrow: 100000 operations over a book of 50,000, .* 47233 trades; \d+ passes, each with the events, trades and digest of the recording/,
  );
  assert.match(output, /SCHED_FIFO (for both during bursts|was refused)/);
  assert.match(output, /cache lines: \d of 2 bursts near/);
  assert.match(output, /ratio of the medians of p99: [\d.]+, 95 % of 10,000 resamples between/);
  assert.match(output, /an idle spinner with the same priority/);
  for (const rate of ["0.25", "0.5", "1", "1.5", "2"]) {
    assert.ok(figures.includes(`open loop ${rate} M/s, p99.9`), rate);
  }
  assert.ok(figures.includes("orders through ring and engine, none lost"));
  for (const name of ["closed", "open"]) {
    const plot = join(repository, "build", "bench", `order-to-trade-${name}.svg`);
    assert.match(readFileSync(plot, "utf8"), /^<svg .*[^]*<polyline [^]*<\/svg>\n$/);
  }
});

test("A7.3 metrics on and off are compared in one market, both over the whole recording", async () => {
  const { output, figures } = await quick("metrics");
  const [, on, off] = /metrics on \((\d+) orders\) and off \((\d+)\) in turn/.exec(output) ?? [];
  assert.ok(Number(on) > 100 && Number(off) > 100, output);
  assert.match(
    output,
    /ratio of the medians of p50, on over off: [\d.]+, 95 % of 10,000 resamples/,
  );
  assert.match(
    output,
    /^p50 on over off, pair by pair .* goal 1\.02: (met|missed) by the median$/m,
  );
  assert.equal(figures, [
    ...["p50", "p99"].flatMap((share) => [`metrics on, ${share}`, `metrics off, ${share}`]),
    ...["p50", "p99"].map((share) => `${share} on over off, pair by pair`),
  ]);
});

testUnless(
  test,
  missingAddon,
  "the bridge gives every event of workload W, and counts what crossed it",
  async () => {
    const { output, figures } = await quick("bridge");
    assert.match(output, /raw: 20000 commands, .*, one event each/);
    assert.match(
      output,
      /58195 adds, then 1000 measured operations, 1\.52 events each; 388 trades, volume 13529, hash 2bed6442a7e9a100, as stated/,
    );
    assert.match(output, /^raw messages .* goal 1,000,000: (met|missed) by the median$/m);
    assert.match(output, /^orders of W .* goal 100,000: (met|missed) by the median$/m);
    assert.is(figures.length, 11);
  },
);

test("a replay through a cluster does what the portable engine does, and says what limits it", async () => {
  const { output, figures } = await quick("replay");
  assert.match(
    output,
    /trading: .* 548 rows \(seed 811\), 135 of them executions; the exchange did/,
  );
  assert.match(output, /resting: .* 302 rows \(seed 811\), 0 of them executions; the exchange did/);
  assert.match(output, /three servers and three cells, (native|portable) engine/);
  assert.match(output, /^note +limit, trading: .* \d+ % of them end at an execution/m);
  const names = ["commands", "commands in a request"];
  for (const share of ["p50", "p99"]) names.push(`round trip of a request, ${share}`);
  assert.equal(
    figures,
    ["trading", "resting"].flatMap((one) => names.map((name) => `${one}, ${name}`)),
  );
});

test("a figure's median, best and worst follow its direction", () => {
  const cost = figure("cost", "ns", "lower", [30, 10, 20]);
  assert.equal([median(cost.values), best(cost), worst(cost)], [20, 10, 30]);
  const rate = figure("rate", "/s", "higher", [4, 1, 2, 3]);
  assert.equal([median(rate.values), best(rate), worst(rate)], [2.5, 4, 1]);
  const samples = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  assert.equal(
    [quantile(samples, 0.5), quantile(samples, 0.99), quantile(samples, 1)],
    [51, 100, 100],
  );
  assert.equal([shown(1_234_567.8), shown(99.96), shown(0.12345)], ["1,234,568", "100", "0.123"]);
});

test("a recorded line has date, commit, machine, bench and figures, and so has every line kept", () => {
  const floor = {
    processor: 1,
    seconds: 1,
    gaps: [1, 0, 0, 0, 0] as [number, number, number, number, number],
    lostShare: 0,
    longestNs: 1500,
  };
  const machine = {
    processor: "some processor",
    processors: 2,
    kernel: "Linux 6",
    node: "v24",
    floors: [floor, floor],
    share: { others: 0.5, stolen: 0, loadAverage: 1 },
  };
  const line = historyLine(new Date(0), {
    commit: "abc",
    machine,
    bench: "engine",
    figures: [figure("cost", "ns", "lower", [3, 1, 2], 5)],
  });
  assert.ok(line.endsWith("}\n"));
  const parsed = historySchema.parse(JSON.parse(line));
  assert.is(parsed.date, "1970-01-01T00:00:00.000Z");
  assert.equal(parsed.figures, [
    { name: "cost", unit: "ns", better: "lower", values: [3, 1, 2], goal: 5, median: 2, best: 1 },
  ]);
  for (const kept of historyBytes()
    .split("\n")
    .filter((text) => text !== "")) {
    historySchema.parse(JSON.parse(kept));
  }
});

test.run();
