import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { runProcess } from "../../test/stages/process.ts";
import { repository } from "../../test/support/shared-data.ts";
import { missingAddon, testUnless } from "../../test/support/skip.ts";
import { narrow, narrowCases } from "../workloads/w.ts";
import { BenchVoid } from "../bench.ts";
import { type Measured, measurePeers, type Ours } from "./measure.ts";
import { npmPackages } from "./npm/book.ts";
import { type Peer, peers } from "./peers.ts";
import { missingLines, peersReport } from "./report.ts";
import { ratiosOf, tableLines } from "./table.ts";
import { npm, PeerFailure, type Played, type Toolchain } from "./toolchains.ts";

const test = suite("peers");
const LIMIT_MS = 400_000;
const missingNpm = await npm.build();

const [stated] = narrowCases;

for (const name of npmPackages) {
  testUnless(test, missingNpm, `${name} trades the first operations of W as stated`, async () => {
    const played = await npm.play(name, narrow, stated.operations);
    assert.equal(
      [played.trades, played.volume, played.hash],
      [stated.trades, stated.volume, stated.hash],
    );
    assert.ok(played.passed > 0 && (played.p99 ?? 0) >= (played.p50 ?? Infinity));
  });
}

testUnless(
  test,
  process.env["MERIDIAN_PEERS"] === "1"
    ? missingAddon
    : "MERIDIAN_PEERS=1 builds the Java and Rust peers, which takes minutes",
  "every peer trades the first operations of W as stated",
  async () => {
    const measured = await measurePeers({ quick: true, repeats: 1 });
    assert.equal(missingLines(measured), []);
    assert.equal(
      measured.compared.map(({ peer }) => peer.name),
      peers.map(({ name }) => name),
    );
  },
);

testUnless(
  test,
  missingNpm ?? missingAddon,
  "the quick form prints ours and the peer in one table, with the noise of the machine",
  async () => {
    const words = ["bench/peers/run.ts", "--quick", "--only", "nodejs-order-book"];
    const { exitCode, output } = await runProcess(process.execPath, words, LIMIT_MS);
    assert.is(exitCode, 0, output);
    assert.match(output, /^Meridian, engine +1000 +\d/m);
    assert.match(output, /^Meridian, bridge +\d/m);
    assert.match(output, /^nodejs-order-book 10\.1\.1 +1000 +.*\(.* … .*\)/m);
    assert.match(output, /nodejs-order-book: 1000 operations, 388 trades, volume 13529/);
    assert.match(output, /^noise +idle spinner before, /m);
  },
);

const asStated: Played = {
  operations: stated.operations,
  trades: stated.trades,
  volume: stated.volume,
  hash: stated.hash,
  passed: 200,
  processor: 100,
  p50: 90,
  p99: 900,
  p999: 1_000,
  maximum: 2_000,
};

const ours: Ours = {
  engine: () =>
    Promise.resolve({ played: { ...asStated, passed: 20, processor: 20 }, compiler: "" }),
  bridge: () => Promise.resolve(800),
};

function peerThat(play: Toolchain["play"], build: string | null = null): Peer {
  const toolchain: Toolchain = { language: "npm", build: () => Promise.resolve(build), play };
  return {
    name: "some book",
    version: "1.0.0",
    licence: "MIT",
    toolchain,
    engine: "some-book",
    operations: 100_000,
    checks: "nothing",
    engineGoal: 10,
    bridge: { goal: null },
  };
}

test("a ratio is the peer's time by the time of ours just before it", async () => {
  const costs = [200, 400, 300];
  const peer = peerThat(() => Promise.resolve({ ...asStated, passed: costs.shift() ?? 0 }));
  const measured = await measurePeers({ quick: true, repeats: 3 }, [peer], undefined, ours);
  const [compared] = measured.compared;
  assert.ok(compared);
  assert.equal(ratiosOf(compared), {
    best: 10,
    passed: [10, 20, 15],
    processor: [5, 5, 5],
    bridge: [0.25, 0.5, 0.375],
  });
  const [, engine, bridge, row] = tableLines(measured);
  assert.match(engine ?? "", /^Meridian, engine +1000 +50\.000 +20 … 20 +20 +90 +900$/);
  assert.match(bridge ?? "", /^Meridian, bridge +1\.250 +800 … 800$/);
  assert.match(
    row ?? "",
    /^some book 1\.0\.0 +1000 +5\.000 +200 … 400 +100 +90 +900 +10 +15 \(10 … 20\) +5 \(5 … 5\) +0\.375 \(0\.25 … 0\.5\)$/,
  );
});

test("the report has costs and ratios of each peer with their goals, and is void without a peer", async () => {
  const peer = peerThat(() => Promise.resolve(asStated));
  const measured = await measurePeers({ quick: true, repeats: 2 }, [peer], undefined, ours);
  const { figures, notes } = peersReport(measured);
  assert.equal(
    figures.map(({ name, values, goal }) => [name, values[1], goal]),
    [
      ["some book, mean, time passed", 200, undefined],
      ["some book, mean, processor time", 100, undefined],
      ["some book, p50", 90, undefined],
      ["some book, p99", 900, undefined],
      ["engine to some book", 10, 10],
      ["engine, processor time, to some book", 5, undefined],
      ["bridge to some book", 0.25, undefined],
    ],
  );
  assert.ok(notes.includes("some book: nothing"));
  assert.throws(
    () => peersReport({ compared: [], missing: [{ peer, reason: "no mvn" }], compiler: "" }),
    (cause: unknown) => cause instanceof BenchVoid && /no mvn/.test(cause.message),
  );
});

test("a peer that cannot be built, fails or trades otherwise is left out with the reason", async () => {
  const rightly = () => Promise.resolve(asStated);
  const lines = async (peer: Peer): Promise<string[]> => {
    const measured: Measured = await measurePeers(
      { quick: true, repeats: 2 },
      [peer, peerThat(rightly)],
      undefined,
      ours,
    );
    assert.is(measured.compared.length, 1);
    assert.is(measured.compared[0]?.rounds.length, 2);
    return missingLines(measured);
  };
  assert.equal(await lines(peerThat(rightly, "mvn is not installed")), [
    "some book is left out: mvn is not installed",
  ]);
  assert.equal(await lines(peerThat(() => Promise.reject(new PeerFailure("refused: 7")))), [
    "some book is left out: refused: 7",
  ]);
  const [line] = await lines(peerThat(() => Promise.resolve({ ...asStated, volume: 1 })));
  assert.match(line ?? "", /388 trades, volume 1, .* are not as stated/);
});

test("the manifests pin what the table names, and no lock file names a mirror", () => {
  const read = (file: string): string =>
    readFileSync(join(repository, "bench/peers", file), "utf8");
  const pins = {
    npm: read("npm/package.json"),
    Java: read("java/pom.xml"),
    Rust: read("rust/Cargo.toml"),
  };
  const patterns = {
    npm: (one: Peer) => `"${one.engine}": "${one.version}"`,
    Java: (one: Peer) => `<version>${one.version}</version>`,
    Rust: (one: Peer) => `${one.engine} = "=${one.version}"`,
  };
  for (const peer of peers) {
    const { language } = peer.toolchain;
    assert.ok(pins[language].includes(patterns[language](peer)), peer.name);
  }
  assert.not.match(read("npm/package-lock.json"), /"resolved"/);
  const sources = new Set(read("rust/Cargo.lock").match(/^source = .*$/gm));
  assert.equal([...sources], ['source = "registry+https://github.com/rust-lang/crates.io-index"']);
  assert.not.match(pins.Java, /<(repositor|pluginRepositor|mirror)/);
});

test.run();
