import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addonPath } from "../../native/addon.ts";
import { locateNatsServer } from "../../ops/bootstrap/nats-server.mjs";
import { leftovers } from "../../ops/deploy/data-lock.ts";
import { type ClusterFile, clusterFileSchema } from "../../schemas/configuration.ts";
import { temporaryFolder } from "../support/launched-cluster.ts";
import { repository } from "../support/shared-data.ts";

const test = suite("meridian up and down");
const main = join(repository, "ops", "cli", "main.ts");

interface Command {
  readonly child: ChildProcess;
  /** All it has printed so far. */
  readonly printed: () => string;
}

const meridian = (...args: readonly string[]): Command => run(process.execPath, [main, ...args]);

function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Command {
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("utf8");
    });
  }
  return { child, printed: () => text };
}

async function finished(command: Command): Promise<number | null> {
  if (command.child.exitCode === null) await once(command.child, "close");
  return command.child.exitCode;
}

/** Waits for something that must come; the bound only keeps a broken run from hanging. */
async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 900; attempt += 1) {
    if (await holds()) return;
    await delay(100);
  }
  throw new Error(`did not come about: ${what}`);
}

interface Status {
  readonly regions: readonly { readonly name: string; readonly ready: boolean }[];
  readonly markets: readonly {
    readonly market: string;
    readonly state: string;
    readonly trades: number;
    readonly orders: number;
  }[];
}

async function status(data: string): Promise<Status> {
  const command = meridian("status", "-o", "json", "--data", data);
  assert.is(await finished(command), 0, command.printed());
  return JSON.parse(command.printed()) as Status;
}

const readCluster = (data: string): ClusterFile =>
  clusterFileSchema.parse(JSON.parse(readFileSync(join(data, "cluster.json"), "utf8")));

async function checkFaces(cluster: ClusterFile): Promise<void> {
  for (const region of cluster.regions) {
    for (const path of ["livez", "readyz", "status", "metrics"]) {
      const response = await fetch(`${region.http}/${path}`);
      assert.is(response.status, 200, `${region.name} ${path}`);
      await response.text();
    }
  }
}

async function trading(data: string, more: number): Promise<void> {
  const before = await status(data);
  const tradesOf = (state: Status, market: string): number =>
    state.markets.find((each) => each.market === market)?.trades ?? 0;
  await eventually("every market trades on", async () => {
    const now = await status(data);
    return now.markets.every(
      ({ market, state, trades }) => state === "open" && trades >= tradesOf(before, market) + more,
    );
  });
}

test("one command brings up a trading exchange that survives killed processes", async () => {
  const data = temporaryFolder();
  const up = meridian("up", "--data", data, "--seed", "7", "--rate", "50");
  try {
    await eventually(
      "the banner",
      () => up.printed().includes("stop:") || up.child.exitCode !== null,
    );
    assert.is(up.child.exitCode, null, up.printed());
    assert.ok(up.printed().trimEnd().split("\n").length <= 15, up.printed());
    if (existsSync(addonPath())) assert.match(up.printed(), " native engine");
    const cluster = readCluster(data);
    for (const region of cluster.regions) assert.match(up.printed(), `${region.http}/status`);
    await checkFaces(cluster);
    const first = await status(data);
    assert.equal(
      first.regions.map(({ name, ready }) => [name, ready]),
      cluster.regions.map(({ name }) => [name, true]),
    );
    assert.equal(first.markets.map(({ market }) => market).sort(), ["BTC-EUR", "BTC-USD"]);
    await trading(data, 10);

    const victim = cluster.regions.find((region) => region.name === "eu-central");
    process.kill(victim?.cellPid ?? 0, "SIGKILL");
    await eventually("the cell is started again", () =>
      up.printed().includes("eu-central: cell ended (SIGKILL) and was started again"),
    );
    await eventually("the region is ready again", async () => {
      const now = await status(data);
      return now.regions.every(({ ready }) => ready);
    });
    await trading(data, 10);

    process.kill(victim?.natsPid ?? 0, "SIGKILL");
    await eventually("the server is started again", () =>
      up.printed().includes("eu-central: server ended (SIGKILL) and was started again"),
    );
    await eventually("all regions are ready", async () => {
      const now = await status(data);
      return now.regions.every(({ ready }) => ready);
    });
    await trading(data, 10);

    const second = meridian("up", "--data", data);
    assert.is(await finished(second), 1);
    assert.match(second.printed(), `process ${up.child.pid}`);

    up.child.kill("SIGINT");
    // Some releases of npm pass on a Ctrl-C that the terminal has sent to everybody already.
    await delay(50);
    up.child.kill("SIGINT");
    assert.is(await finished(up), 0, up.printed());
    const heads = /MARKET +ORDERS +TRADES +REFUSALS +ACK P50 +P99 +P99\.9/;
    assert.match(up.printed(), heads, up.printed());
    const row = /BTC-EUR +[1-9]\d* +[1-9]\d* +\d+ +[\d.]+ (ms|µs)/;
    assert.match(up.printed(), row, up.printed());
    assert.match(up.printed(), /processes started again: 2; .*\nstopped\n$/, up.printed());
  } finally {
    up.child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
});

const pidsOf = (cluster: ClusterFile): readonly number[] => [
  cluster.launcherPid,
  ...cluster.regions.flatMap(({ natsPid, cellPid }) => [natsPid, cellPid]),
];

/** Processor time of a process so far, in seconds; null when it is gone. */
function processorSeconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime and stime, in ticks of 10 ms whatever the kernel's own.
    return state === "Z" ? null : (Number(fields[10]) + Number(fields[11])) / 100;
  } catch {
    return null;
  }
}

const SETTLE_MS = 20_000;
const MEASURE_MS = 15_000;

/** Share of one core that all processes of a cluster use together. */
async function idleShare(cluster: ClusterFile): Promise<number> {
  const used = (): number =>
    pidsOf(cluster).reduce((total, pid) => {
      const seconds = processorSeconds(pid);
      assert.ok(seconds !== null, `process ${pid} is gone`);
      return total + (seconds ?? 0);
    }, 0);
  const [before, start] = [used(), performance.now()];
  await delay(MEASURE_MS);
  return (used() - before) / ((performance.now() - start) / 1_000);
}

/** Brought up early, so that it has settled when it is measured: what comes between is tested meanwhile. */
let still: { readonly data: string; readonly up: Command; readonly since: number } | null = null;
test.after(() => {
  if (still === null) return;
  still.up.child.kill("SIGKILL");
  rmSync(still.data, { recursive: true, force: true });
});

test("a cluster without flow comes up", async () => {
  const data = temporaryFolder();
  const up = meridian("up", "--data", data, "--flow", "off");
  still = { data, up, since: 0 };
  await eventually(
    "the banner",
    () => up.printed().includes("stop:") || up.child.exitCode !== null,
  );
  assert.is(up.child.exitCode, null, up.printed());
  still = { data, up, since: performance.now() };
});

test("a cluster whose starter is killed ends, and the next start works", async () => {
  const data = temporaryFolder();
  const bin = join(repository, "ops", "cli", "meridian.mjs");
  const start = async (): Promise<Command> => {
    const up = run(bin, ["up", "--data", data, "--flow", "off"]);
    await eventually(
      "the banner",
      () => up.printed().includes("stop:") || up.child.exitCode !== null,
    );
    assert.is(up.child.exitCode, null, up.printed());
    return up;
  };
  const first = await start();
  try {
    const pids = pidsOf(readCluster(data));
    assert.is.not(pids[0], first.child.pid, "the launcher is a child of the bin");
    const file = readFileSync(join(data, "cluster.json"));
    first.child.kill("SIGKILL");
    await eventually("all processes are gone", () =>
      pids.every((pid) => processorSeconds(pid) === null),
    );
    // As after a SIGKILL of the launcher, which leaves this file behind.
    writeFileSync(join(data, "cluster.json"), file);
    const silent = meridian("status", "-o", "json", "--data", data);
    assert.is(await finished(silent), 1, silent.printed());
    const { regions } = JSON.parse(silent.printed()) as Status;
    assert.equal(
      regions.map(({ ready }) => ready),
      [false, false, false],
    );
    const second = await start();
    second.child.kill("SIGTERM");
    assert.is(await finished(second), 0, second.printed());
    assert.match(second.printed(), /stopped\n$/);
  } finally {
    first.child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
});

test("servers that do not sync every write make the start refuse", async () => {
  const data = temporaryFolder();
  const { server } = await locateNatsServer();
  assert.ok(server, "run: node ops/bootstrap.mjs");
  // A nats-server of which one region's does not do what its configuration file asks for.
  const lax = join(data, "lax-nats-server");
  writeFileSync(
    lax,
    `#!/bin/sh
case "$2" in
  *us-east.conf) sed 's/"sync_interval": "always"/"sync_interval": "2m"/' "$2" > "$2.lax"
    exec "${server?.path}" --config "$2.lax" ;;
esac
exec "${server?.path}" "$@"
`,
    { mode: 0o755 },
  );
  try {
    const up = run(process.execPath, [main, "up", "--data", data], { NATS_SERVER: lax });
    assert.is(await finished(up), 1, up.printed());
    assert.match(up.printed(), /^meridian: sync_not_always: us-east: /);
    assert.match(up.printed(), /\n +next: /);
    assert.not.ok(existsSync(join(data, "cluster.json")));
    assert.equal(leftovers(data), []);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

test("a start that cannot work says why and leaves nothing running", async () => {
  const data = temporaryFolder();
  try {
    const up = meridian("up", "--data", data, "--regions-directory", join(data, "absent"));
    assert.is(await finished(up), 1);
    assert.match(up.printed(), /regions_invalid: .*absent does not exist\n +next: /);
    const usage = meridian("up", "--rate", "-1");
    assert.is(await finished(usage), 2);
    assert.match(usage.printed(), "a number above 0");
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

test("a cluster without flow is idle, and down ends it from another terminal", async () => {
  assert.ok(still);
  const { data, up, since } = still;
  await delay(Math.max(0, SETTLE_MS - (performance.now() - since)));
  const share = await idleShare(readCluster(data));
  assert.ok(share < 0.15, `${(share * 100).toFixed(1)} % of a core`);
  const down = meridian("down", "--data", data);
  assert.is(await finished(down), 0, down.printed());
  assert.is(await finished(up), 0, up.printed());
  const again = meridian("down", "--data", data);
  assert.is(await finished(again), 0);
  assert.match(again.printed(), "no cluster runs on");
});

test.run();
