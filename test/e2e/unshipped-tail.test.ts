import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ensureAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import { checkChain } from "../../actors/root/chain-check.ts";
import { loadNativeEngine } from "../../native/index.ts";
import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import { readJournal } from "../support/chain.ts";
import { MarketCell, testDefinition } from "../support/market-cell.ts";
import { missingNatsServer, startCluster, type TestCluster } from "../support/nats-cluster.ts";
import { hostClock, silentLog } from "../support/ports.ts";
import { repository } from "../support/shared-data.ts";
import { testUnless } from "../support/skip.ts";

/**
 * A market in mode `durable` dies with a tail that was acknowledged and that no server has: the
 * restart on that disk brings every order of it into the committed journal (DESIGN §8, step 6).
 */

const test = suite("an unshipped tail");
const probe = loadNativeEngine();
if (probe.ok) await probe.value.stop();
const missing = missingNatsServer() ?? (probe.ok ? null : probe.failure.reason);
const stream = journalStream(testDefinition.group, testDefinition.shard);
const subject = journalSubject(testDefinition.market);
const definition = { mode: "durable" as const };

/** What the cell's process printed. */
class Life {
  readonly acknowledged = new Map<number, number>();
  readonly strange: string[] = [];
  readonly child: ChildProcess;
  isOpen = false;

  constructor(folder: string, seedFile: string, server: string) {
    const program = join(repository, "test/support/durable-cell.ts");
    this.child = spawn(process.execPath, [program, folder, seedFile, server], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (this.child.stdout === null) throw new Error("no output");
    createInterface({ input: this.child.stdout }).on("line", (line) => {
      const [word, number, sequence] = line.split(" ");
      if (word === "ack") this.acknowledged.set(Number(number), Number(sequence));
      else if (word === "open") this.isOpen = true;
      else this.strange.push(line);
    });
  }

  async until(condition: () => boolean): Promise<void> {
    for (let attempt = 0; !condition(); attempt += 1) {
      if (this.child.exitCode !== null || attempt > 6_000) throw new Error("the cell gave up");
      await sleep(10);
    }
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, "close");
    }
  }
}

/** Runs the cell until it has a tail that no server can take; gives what it acknowledged. */
async function liveAndDie(
  cluster: TestCluster,
  folder: string,
  seedFile: string,
  die: (life: Life) => Promise<void>,
): Promise<ReadonlyMap<number, number>> {
  const [first, ...others] = cluster.servers;
  const life = new Life(folder, seedFile, first?.url ?? "");
  try {
    await life.until(() => life.isOpen && life.acknowledged.size >= 320);
    for (const server of others) process.kill(server.pid(), "SIGSTOP");
    await sleep(200);
    const before = life.acknowledged.size;
    await life.until(() => life.acknowledged.size >= before + 640);
    await die(life);
    assert.equal(life.strange, []);
    return life.acknowledged;
  } finally {
    await life.kill();
    for (const server of others) process.kill(server.pid(), "SIGCONT");
  }
}

async function committedAfterRestart(
  bus: NatsBus,
  folder: string,
  acknowledged: ReadonlyMap<number, number>,
): Promise<void> {
  const committed = await readJournal(bus, stream, subject, 77);
  const unshipped = [...acknowledged.keys()].filter((number) => !committed.numbers.has(number));
  assert.ok(unshipped.length >= 300, `only ${unshipped.length} acknowledged orders were unshipped`);

  const engine = loadNativeEngine();
  if (!engine.ok) throw new Error(engine.failure.reason);
  const cell = await MarketCell.open({ bus, directory: folder, engine: engine.value, definition });
  await cell.until((status) => status.committed === status.matched);
  const { numbers } = await readJournal(bus, stream, subject, 77);
  for (const [number, sequence] of acknowledged) {
    assert.equal(numbers.get(number), [sequence], `order ${number}`);
  }
  await cell.stop();
  // Whatever the crash left of the seals, the chain on this disk is the accepted one, whole.
  const { report } = await checkChain(folder);
  const { chain } = await readJournal(bus, stream, subject, 77);
  assert.equal([report.fault, report.last], [null, chain.lastSequence]);
  assert.is(report.hash, Buffer.from(chain.hash).toString("hex"));
}

async function withCluster(
  body: (cluster: TestCluster, bus: NatsBus, root: string, seedFile: string) => Promise<void>,
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "unshipped-tail-"));
  const cluster = await startCluster();
  const { urls: servers, seed } = cluster;
  const bus = await connectNats({ servers, user: "cell", seed, authority: null });
  try {
    const ports = { bus, clock: hostClock, log: silentLog };
    assert.ok((await ensureAssets(ports, testDefinition.home, 3)).ok);
    assert.ok((await ensureMarketAssets(ports, testDefinition, 3)).ok);
    const seedFile = join(root, "seed");
    await writeFile(seedFile, seed, { mode: 0o600 });
    await body(cluster, bus, root, seedFile);
  } finally {
    await bus.close();
    await cluster.stop();
    await rm(root, { recursive: true, force: true });
  }
}

testUnless(
  test,
  missing,
  "B9.3 B7.7 after kill -9 every durable order of the unshipped tail is in the committed journal",
  () =>
    withCluster(async (cluster, bus, root, seedFile) => {
      const folder = join(root, "log");
      const acknowledged = await liveAndDie(cluster, folder, seedFile, (life) => life.kill());
      await committedAfterRestart(bus, folder, acknowledged);
    }),
);

/** A file system in a file, mounted; null when this machine does not allow it. */
async function mountImage(root: string): Promise<{ image: string; at: string } | null> {
  const [image, at] = [join(root, "image"), join(root, "mounted")];
  await mkdir(at);
  const steps: [string, string[]][] = [
    ["truncate", ["-s", "256M", image]],
    ["mkfs.ext4", ["-q", image]],
    ["mount", ["-o", "loop", image, at]],
  ];
  for (const [program, given] of steps) {
    if (spawnSync(program, given).status !== 0) return null;
  }
  return { image, at };
}

testUnless(
  test,
  missing,
  "B9.3 B7.7 after a power cut every durable order of the unshipped tail is in the committed journal",
  () =>
    withCluster(async (cluster, bus, root, seedFile) => {
      const disk = await mountImage(root);
      if (disk === null) {
        console.log("SKIP power cut with a mounted image: needs root and loop devices");
        return;
      }
      const after = join(root, "after");
      await mkdir(after);
      try {
        const acknowledgedAtCut = new Map<number, number>();
        const copy = join(root, "copy");
        await liveAndDie(
          cluster,
          join(disk.at, "log"),
          seedFile,
          async ({ acknowledged, child }) => {
            // The mounted image at one moment is the disk at a power cut, but for what of it the kernel
            // had written on its own: what must be lost for sure is the test disk's to lose.
            child.kill("SIGSTOP");
            for (const [number, sequence] of acknowledged) acknowledgedAtCut.set(number, sequence);
            await copyFile(disk.image, copy);
          },
        );
        spawnSync("umount", [disk.at]);
        assert.is(spawnSync("mount", ["-o", "loop", copy, after]).status, 0);
        const folder = join(after, "log");
        await committedAfterRestart(bus, folder, acknowledgedAtCut);
      } finally {
        spawnSync("umount", [disk.at]);
        spawnSync("umount", [after]);
      }
    }),
);

test.run();
