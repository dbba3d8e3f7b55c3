import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Randomness } from "../../actors/kernel/ports/randomness.ts";
import { nowMs } from "./ledger.ts";
import { journalOf, leaseStream, type ThreeRegions } from "./three-regions.ts";
import { type LinkSettings, type Region, regions } from "./wide-area.ts";

/** What drills do to the regions, and how each is undone. */

export const faultNames = [
  "region_killed",
  "region_and_leaders_killed",
  "journal_leader_killed",
  "lease_leader_killed",
  "both_leaders_killed",
  "region_frozen",
  "partition",
  "one_way_partition",
  "flapping_link",
  "slow_disk",
  "lossy_link",
  "narrow_link",
  "healing_under_load",
  "partial_partition",
  "planned_move",
] as const;
export type FaultName = (typeof faultNames)[number];

const unsteady: readonly FaultName[] = ["flapping_link", "slow_disk", "lossy_link", "narrow_link"];
/** It comes and goes, or only slows things down: markets may serve and not serve several times. */
export const isUnsteady = (name: FaultName): boolean => unsteady.includes(name);

/** A fault that was chosen, with everything chance had to decide. */
export interface Fault {
  readonly name: FaultName;
  /** The region it befalls. */
  readonly region: Region;
  /** Where the leaders stand when it begins. */
  readonly journalLeader: Region;
  readonly leaseLeader: Region;
  readonly lastsMs: number;
  readonly direction: "in" | "out";
}

const FREEZE_MS = 10_000;
/** TCP sends again 3 s after a cut begins: the owner is silent for longer than its lease lasts, yet lives. */
const PARTIAL_MS = 2_600;
const lengthOf: Partial<Record<FaultName, number>> = {
  region_frozen: FREEZE_MS,
  partial_partition: PARTIAL_MS,
};
/** Moves of one drill of planned moves, and the load between them. */
const MOVES = 4;
const BETWEEN_MOVES_MS = 1_500;
const STORM_WRITERS = 2;
/** Each packet, in each direction; what is lost at the end of a message waits for a time-out of TCP. */
const LOSS_PPM = 20_000;
const NARROW_BYTES_PER_SECOND = 64 * 1024;

const pick = <T>(random: Randomness, of: readonly T[]): T => of[random.below(of.length)] as T;

/**
 * `owner`: the region that owns the markets now; `wantedMs`: how long it lasts where that is not part of the
 * fault; null: as chance says.
 */
export function chooseFault(
  name: FaultName,
  owner: Region,
  random: Randomness,
  wantedMs: number | null,
): Fault {
  const others = regions.filter((region) => region !== owner);
  const elsewhere = pick(random, others);
  const lastsMs = lengthOf[name] ?? wantedMs ?? 11_000 + random.below(6_000);
  const direction = pick(random, ["in", "out"] as const);
  const base = { name, lastsMs, direction };
  switch (name) {
    case "region_killed":
    case "region_frozen":
    case "partition":
    case "one_way_partition":
    case "slow_disk":
    case "lossy_link":
    case "narrow_link":
    case "planned_move":
    case "flapping_link": {
      const journalLeader = elsewhere;
      return { ...base, region: owner, journalLeader, leaseLeader: pick(random, others) };
    }
    case "region_and_leaders_killed":
      return { ...base, region: owner, journalLeader: owner, leaseLeader: owner };
    case "journal_leader_killed": {
      const region = pick(random, regions);
      const leaseLeader = pick(
        random,
        regions.filter((each) => each !== region),
      );
      return { ...base, region, journalLeader: region, leaseLeader };
    }
    case "lease_leader_killed": {
      const region = pick(random, regions);
      const journalLeader = pick(
        random,
        regions.filter((each) => each !== region),
      );
      return { ...base, region, journalLeader, leaseLeader: region };
    }
    case "both_leaders_killed": {
      const region = pick(random, regions);
      return { ...base, region, journalLeader: region, leaseLeader: region };
    }
    case "partial_partition":
      return { ...base, region: owner, journalLeader: elsewhere, leaseLeader: elsewhere };
    case "healing_under_load":
      return {
        ...base,
        region: elsewhere,
        journalLeader: pick(random, regions),
        leaseLeader: pick(random, regions),
      };
    default:
      return name satisfies never;
  }
}

/** Moves the leaders to where the fault wants them; whether it worked. */
export async function placeLeaders(three: ThreeRegions, fault: Fault): Promise<boolean> {
  const journals = await Promise.all([
    three.lead(journalOf("REPL"), fault.journalLeader),
    three.lead(journalOf("DURA"), fault.journalLeader),
  ]);
  return journals.every(Boolean) && (await three.lead(leaseStream, fault.leaseLeader));
}

/** Writers that fsync all the time on the file system of the regions' data. */
function storm(three: ThreeRegions): () => void {
  const writers: ChildProcess[] = Array.from({ length: STORM_WRITERS }, (_, index) => {
    const file = join(three.folder, `storm-${index}`);
    const loop = `while :; do dd if=/dev/zero of=${file} bs=64k count=256 oflag=dsync 2>/dev/null; done`;
    return spawn("/usr/bin/setpriv", ["--pdeathsig", "KILL", "--", "/bin/sh", "-c", loop], {
      stdio: "ignore",
      detached: true,
    });
  });
  return () => {
    // The shell and the writer it waits for.
    for (const { pid } of writers) if (pid !== undefined) process.kill(-pid, "SIGKILL");
  };
}

/** When a planned move was asked for, and when it was over. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** The markets go round the regions. */
async function moveAbout(three: ThreeRegions, owner: Region, random: Randomness) {
  const windows: Window[] = [];
  let here = owner;
  for (let move = 0; move < MOVES; move += 1) {
    const to = pick(
      random,
      regions.filter((region) => region !== here),
    );
    const from = nowMs();
    await three.move(here, to);
    // What comes of a pause that began before the end is still to be seen.
    await sleep(BETWEEN_MOVES_MS);
    windows.push({ from, to: nowMs() });
    here = to;
  }
  return windows;
}

/**
 * Begins the fault, lets it last, and ends it. `begun` is called at the moment it begins. What comes back is
 * when markets were moved, if they were.
 */
export async function befall(
  three: ThreeRegions,
  fault: Fault,
  random: Randomness,
  begun: () => void,
): Promise<readonly Window[]> {
  if (fault.name === "planned_move") {
    begun();
    return moveAbout(three, fault.region, random);
  }
  await harm(three, { ...fault, name: fault.name }, random, begun);
  return [];
}

/** What a region sends and receives goes over links that are as told, for so long. */
async function worsened(
  three: ThreeRegions,
  region: Region,
  settings: Partial<LinkSettings>,
  lastsMs: number,
  begun: () => void,
): Promise<void> {
  await three.wide.worsen(region, settings);
  begun();
  await sleep(lastsMs);
  await three.wide.worsen(region, { lossPpm: 0, bytesPerSecond: 0 });
}

async function harm(
  three: ThreeRegions,
  fault: Fault & { readonly name: Exclude<FaultName, "planned_move"> },
  random: Randomness,
  begun: () => void,
): Promise<void> {
  const { region, lastsMs } = fault;
  const { server, cell } = three.of(region);
  switch (fault.name) {
    case "region_killed":
    case "region_and_leaders_killed": {
      begun();
      await Promise.all([server.kill(), cell.kill()]);
      await sleep(lastsMs);
      server.start();
      cell.start();
      return;
    }
    case "journal_leader_killed":
    case "lease_leader_killed":
    case "both_leaders_killed": {
      begun();
      await server.kill();
      await sleep(lastsMs);
      server.start();
      return;
    }
    case "region_frozen": {
      begun();
      for (const frozen of [server, cell]) frozen.signal("SIGSTOP");
      await sleep(lastsMs);
      for (const frozen of [server, cell]) frozen.signal("SIGCONT");
      return;
    }
    case "partition":
    case "healing_under_load": {
      await three.wide.cut(region, "both", true);
      begun();
      await sleep(lastsMs);
      await three.wide.cut(region, "both", false);
      return;
    }
    case "partial_partition": {
      await three.wide.cutLink(region, fault.leaseLeader, true);
      begun();
      await sleep(lastsMs);
      await three.wide.cutLink(region, fault.leaseLeader, false);
      return;
    }
    case "one_way_partition": {
      await three.wide.cut(region, fault.direction, true);
      begun();
      await sleep(lastsMs);
      await three.wide.cut(region, fault.direction, false);
      return;
    }
    case "flapping_link": {
      begun();
      const until = performance.now() + lastsMs;
      for (let cut = true; performance.now() < until; cut = !cut) {
        await three.wide.cut(region, "both", cut);
        await sleep(200 + random.below(1_800));
      }
      await three.wide.cut(region, "both", false);
      return;
    }
    case "lossy_link":
      return worsened(three, region, { lossPpm: LOSS_PPM }, lastsMs, begun);
    case "narrow_link":
      return worsened(three, region, { bytesPerSecond: NARROW_BYTES_PER_SECOND }, lastsMs, begun);
    case "slow_disk": {
      const end = storm(three);
      begun();
      await sleep(lastsMs);
      end();
      return;
    }
    default:
      fault.name satisfies never;
  }
}
