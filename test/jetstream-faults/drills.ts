import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import * as assert from "uvu/assert";

import type { StoredMessage } from "../../actors/kernel/ports/bus.ts";
import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { UNREAD_TOLD } from "../../actors/root/journal-scrub.ts";
import { type TestServer, testRegions } from "../support/nats-cluster.ts";
import { copyAnew, cutFile, filesBelow, flipBit, whileDown } from "./damage.ts";
import { FaultWorld, stream } from "./fault-world.ts";

/** Faults of JetStream itself, each from load through damage to everything being well again. */

export const drillNames = [
  "block_bit",
  "block_bit_while_running",
  "block_cut",
  "index_damaged",
  "snapshot_damaged",
  "wiped_server",
  "lost_stream",
  "replaced_server",
  "repeated_kills",
  "damaged_leader",
  "power_cut_of_all",
  "power_cut_with_pauses",
] as const;
export type DrillName = (typeof drillNames)[number];

export interface Outcome {
  /** Where it was done, and how. */
  readonly what: string;
  /** Faults that the scrub told of; 0: the server had repaired itself, or nothing was gone. */
  readonly found: number;
  /** Blocks that the owner sent again from its log. */
  readonly resent: number;
}

const LOAD = 40;
const MORE = 4;
const KILLS = 5;
const IN_STEP_WITHIN_MS = 30_000;
const SPARE = "sa-east";
const IMAGE_BYTES = "512M";

/** Runs one drill; throws when an acknowledged order is lost or damage is not told of. */
export async function drill(
  name: DrillName,
  random: Randomness,
  server?: string,
): Promise<Outcome> {
  if (name === "power_cut_of_all") return onImage(".", server, cutAll);
  if (name === "power_cut_with_pauses") return onImage(testRegions[0], server, cutWithPauses);
  const regions = name === "replaced_server" ? [...testRegions, SPARE] : testRegions;
  const world = await FaultWorld.open({ regions, ...(server === undefined ? {} : { server }) });
  try {
    await world.load(LOAD);
    await world.replicated();
    return await befall(world, name, random);
  } finally {
    await world.end();
  }
}

async function befall(
  world: FaultWorld,
  name: Exclude<DrillName, "power_cut_of_all" | "power_cut_with_pauses">,
  random: Randomness,
): Promise<Outcome> {
  const follower = await world.follower();
  const before = await world.heldBy(await world.leader());
  switch (name) {
    case "block_bit": {
      const what = await damagedBlock(world, follower, random);
      return healed(world, before, `${follower.region}: ${what}`);
    }
    case "block_bit_while_running": {
      const [block = ""] = world.blocks(follower);
      const at = flipBit(block, random);
      // What was just written is read from memory: the start afterwards sees the disk.
      await follower.kill("SIGTERM");
      await follower.start();
      return healed(world, before, `${follower.region}: bit in byte ${at}`);
    }
    case "block_cut": {
      let at = 0;
      await whileDown(follower, () => {
        at = cutFile(world.blocks(follower)[0] ?? "", random);
      });
      return healed(world, before, `${follower.region}: cut at ${at}`);
    }
    case "index_damaged":
      return damagedFiles(
        world,
        follower,
        before,
        /^index\.db$/,
        world.streamFolder(follower),
        random,
      );
    case "snapshot_damaged":
      return damagedFiles(world, follower, before, /^snap\.|\.idx$/, follower.store, random);
    case "wiped_server": {
      await whileDown(follower, () => {
        rmSync(follower.store, { recursive: true, force: true });
        mkdirSync(follower.store);
      });
      return healed(world, before, `${follower.region}: wiped`);
    }
    case "lost_stream": {
      const deleted = await world.bus.ask(`$JS.API.STREAM.DELETE.${stream}`, "", 5_000);
      assert.ok(deleted.ok, "the stream is deleted");
      return healed(world, [], "the stream was deleted on all servers");
    }
    case "replaced_server": {
      const peer = JSON.stringify({ peer: follower.region });
      const removed = await world.bus.ask(`$JS.API.STREAM.PEER.REMOVE.${stream}`, peer, 5_000);
      assert.ok(removed.ok && !Buffer.from(removed.value.data).includes('"error"'));
      // The new peer has nothing yet when the leader goes.
      const leader = world.server(await world.leader());
      await leader.kill("SIGKILL");
      await sleep(random.below(3_000));
      await leader.start();
      return healed(world, before, `${follower.region} was replaced`);
    }
    case "repeated_kills": {
      const loading = world.load(LOAD);
      for (let round = 0; round < KILLS; round += 1) {
        const some = world.cluster.servers.filter(() => random.below(2) === 0);
        for (const each of some) await each.kill("SIGKILL");
        await sleep(random.below(2_000));
        for (const each of some) await each.start();
        await sleep(random.below(3_000));
      }
      await loading;
      return healed(world, before, `${KILLS} rounds of kill -9`);
    }
    case "damaged_leader": {
      const what = await damagedBlock(world, follower, random);
      await world.load(MORE);
      await world.replicated();
      await world.lead(follower.region);
      await world.takenOver();
      return { what: `${follower.region}: ${what}, then it led a takeover`, found: 0, resent: 0 };
    }
    default:
      return name satisfies never;
  }
}

/** The server stops cleanly, so that at its start it believes its index and does not read its blocks. */
async function damagedBlock(
  world: FaultWorld,
  server: TestServer,
  random: Randomness,
): Promise<string> {
  await server.kill("SIGTERM");
  const [block = ""] = world.blocks(server);
  const at = flipBit(block, random);
  await server.start();
  return `bit in byte ${at}`;
}

async function damagedFiles(
  world: FaultWorld,
  server: TestServer,
  before: readonly StoredMessage[],
  name: RegExp,
  folder: string,
  random: Randomness,
): Promise<Outcome> {
  await server.kill("SIGTERM");
  const all = filesBelow(folder, name);
  const files = all.filter(() => random.below(all.length) < 3);
  for (const file of files) {
    if (random.below(2) === 0) flipBit(file, random);
    else cutFile(file, random);
  }
  await server.start();
  const names = files.map((file) => file.slice(server.store.length + 1));
  return healed(world, before, `${server.region}: ${names.join(", ")}`);
}

/**
 * Orders go on; then every replica either holds what was stored before, or the scrub has told of it and
 * copying it anew heals it. In the end all hold the same and nothing is lost.
 */
async function healed(
  world: FaultWorld,
  before: readonly StoredMessage[],
  what: string,
): Promise<Outcome> {
  await world.load(MORE);
  const lagging = await stuck(world);
  if (lagging !== null) return renewed(world, lagging, what);
  const found = await world.scrubbed();
  const holders = await world.replicas.holders(stream);
  assert.ok(holders.ok);
  for (const region of holders.ok ? holders.value.up : []) {
    const told = found.some(({ server }) => server === region);
    const whole = startsWith(await world.heldBy(region), before);
    assert.ok(told || whole, `${region} has another journal than was stored, and nobody says so`);
    if (!told) continue;
    assert.ok(
      world.told.some(({ stands, server }) => stands && server === region),
      `the alert of ${region} was sent`,
    );
    const server = world.server(region);
    await copyAnew(server, world.streamFolder(server));
    await world.load(1);
    await world.replicated();
  }
  assert.equal(await world.scrubbed(), [], "every replica is sound in the end");
  await world.nothingLost();
  const { journal } = await world.cell.status();
  return { what, found: found.length, resent: journal?.resent ?? 0 };
}

/** The server that does not come into step; null when all are. */
async function stuck(world: FaultWorld): Promise<TestServer | null> {
  const until = performance.now() + IN_STEP_WITHIN_MS;
  for (;;) {
    const behind = await world.behind();
    if (behind?.length === 0) return null;
    const [region] = behind ?? [];
    if (performance.now() > until && region !== undefined) return world.server(region);
    await sleep(200);
  }
}

/** A server that does not come back by itself is told of, and copies everything from its peers. */
async function renewed(world: FaultWorld, server: TestServer, what: string): Promise<Outcome> {
  for (let pass = 0; pass < UNREAD_TOLD; pass += 1) await world.scrub.pass();
  await world.bus.connection.flush();
  assert.ok(
    world.told.some((alert) => alert.stands && alert.server === server.region),
    `${server.region} is not in step, and nobody says so`,
  );
  await whileDown(server, () => {
    rmSync(server.store, { recursive: true, force: true });
    mkdirSync(server.store);
  });
  await world.load(MORE);
  await world.replicated();
  assert.equal(await world.scrubbed(), [], "every replica is sound in the end");
  await world.nothingLost();
  const { journal } = await world.cell.status();
  return { what: `${what}, copied anew`, found: 1, resent: journal?.resent ?? 0 };
}

const startsWith = (held: readonly StoredMessage[], before: readonly StoredMessage[]): boolean =>
  before.every(
    ({ streamSequence, payload }, index) =>
      held[index]?.streamSequence === streamSequence &&
      Buffer.compare(held[index].payload, payload) === 0,
  );

/** Why power cannot be cut here; null when it can. */
export function missingForPowerCut(): string | null {
  const root = mkdtempSync(join(tmpdir(), "meridian-image-"));
  try {
    const [image, at] = [join(root, "image"), join(root, "mounted")];
    mkdirSync(at);
    const mounted = makeImage(image) && run("mount", "-o", "loop", image, at);
    if (mounted) run("umount", at);
    return mounted ? null : "a mounted image needs root and loop devices";
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function run(program: string, ...given: readonly string[]): boolean {
  return spawnSync(program, given).status === 0;
}

/** A file system in a file. */
const makeImage = (image: string): boolean =>
  run("truncate", "-s", IMAGE_BYTES, image) && run("mkfs.ext4", "-q", image);

/** A server that was killed holds its files for a moment longer. */
async function unmount(at: string): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (run("umount", at)) return true;
    await sleep(100);
  }
  return false;
}

/** A world whose servers keep some of their streams in a mounted image. */
interface ImageWorld {
  readonly world: FaultWorld;
  /** Cuts the power of servers that stand still: they start from the image as it was at this moment. */
  readonly cut: (servers: readonly TestServer[]) => Promise<void>;
}

/** `place`: the folder below that of all stores that is in the image. */
async function onImage(
  place: string,
  server: string | undefined,
  body: (of: ImageWorld) => Promise<Outcome>,
): Promise<Outcome> {
  const root = mkdtempSync(join(tmpdir(), "meridian-image-"));
  const stores = join(root, "stores");
  const at = join(stores, place);
  mkdirSync(at, { recursive: true });
  let image = join(root, "image-0");
  let world: FaultWorld | null = null;
  const cut: ImageWorld["cut"] = async (servers) => {
    for (const each of servers) process.kill(each.pid(), "SIGSTOP");
    const copy = `${image}.`;
    copyFileSync(image, copy);
    for (const each of servers) await each.kill("SIGKILL");
    assert.ok(await unmount(at), "the image is unmounted");
    assert.ok(run("mount", "-o", "loop", copy, at), "the copy is mounted");
    image = copy;
    for (const each of servers) await each.start();
  };
  try {
    assert.ok(makeImage(image) && run("mount", "-o", "loop", image, at), "the image is mounted");
    world = await FaultWorld.open({ stores, ...(server === undefined ? {} : { server }) });
    await world.load(LOAD);
    return await body({ world, cut });
  } finally {
    await world?.end();
    await unmount(at);
    rmSync(root, { recursive: true, force: true });
  }
}

/**
 * All servers stop at one moment, and go on from the image of that moment: what the file system in it
 * was not told to sync is not there, but for what the kernel had written on its own.
 */
async function cutAll({ world, cut }: ImageWorld): Promise<Outcome> {
  const before = await world.heldBy(await world.leader());
  await cut(world.cluster.servers);
  return healed(world, before, "all servers");
}

/**
 * One server's power is cut while another that missed the last writes is paused; then these two are
 * the quorum, without the third that has everything. What they acknowledge with must have been synced.
 */
async function cutWithPauses({ world, cut }: ImageWorld): Promise<Outcome> {
  const [victim, ...others] = world.cluster.servers;
  const [first, second] = others;
  assert.ok(victim && first && second);
  if (!victim || !first || !second) throw new Error("three servers");
  await world.lead(victim.region);
  process.kill(first.pid(), "SIGSTOP");
  try {
    await world.load(LOAD);
    const before = await world.heldBy(victim.region);
    process.kill(second.pid(), "SIGSTOP");
    await cut([victim]);
    process.kill(first.pid(), "SIGCONT");
    await world.load(MORE);
    process.kill(second.pid(), "SIGCONT");
    return await healed(world, before, `${victim.region}, with ${first.region} behind it`);
  } finally {
    for (const each of others) process.kill(each.pid(), "SIGCONT");
  }
}
