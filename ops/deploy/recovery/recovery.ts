import { randomUUID } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import type { NatsConnection } from "nats";

import { type Result, ok, refuse } from "../../../actors/kernel/result.ts";
import { locateNatsServer } from "../../bootstrap/nats-server.mjs";
import { credentialsOf, planCluster, prepareServers } from "../cluster.ts";
import { readRecord } from "../cluster-record.ts";
import { connectAs } from "../connection.ts";
import { checkChoice } from "../contradictions.ts";
import { lockData, unlockData } from "../data-lock.ts";
import { Fleet } from "../fleet.ts";
import { waitForServers } from "../readiness.ts";
import { readRegions } from "../regions.ts";
import { cellUser, launcherUser } from "../roles.ts";
import { storeDirectory } from "../server-configuration.ts";
import { type ClusterPlan, type FirstPorts, natsUrl } from "../topology.ts";
import {
  type Proposal,
  type RecoveryRecord,
  checkSignatures,
  readRecovery,
  sign,
  writeRecovery,
} from "./record.ts";
import { type Restored, restorable, restore } from "./restore.ts";
import { type HeldStream, survey } from "./survey.ts";

/**
 * The way back when two of three regions are gone for good: what the surviving server has on its disk
 * becomes a JetStream group of its own, with new, empty servers in the places of the lost ones. Never by
 * itself, and never by one person: a second cluster beside a living majority would be a second truth.
 */
export interface RecoverySettings {
  readonly dataDirectory: string;
  readonly regionsDirectory: string;
  readonly firstPorts: FirstPorts;
  readonly say: (line: string) => void;
}

export interface Recovered extends Restored {
  readonly id: string;
  readonly survivor: string;
  /** Where the survivor's disk is kept as it was. */
  readonly kept: string;
}

/** Holds all accounts' streams of ours. */
const account = "MERIDIAN";
const surveyWithinMs = 60_000;
const serversWithinMs = 120_000;
const restoreWithinMs = 300_000;

const now = (): string => new Date().toISOString();

/** A compact cluster that does not run, planned as `meridian up` would. */
async function planned(settings: RecoverySettings): Promise<Result<ClusterPlan>> {
  const recorded = readRecord(settings.dataDirectory);
  if (!recorded.ok) return recorded;
  if (recorded.value === null) {
    return refuse("cluster_missing", `no cluster has run on ${settings.dataDirectory}`, "--data");
  }
  const { topology, regions, profile = "demo" } = recorded.value;
  if (topology !== "compact") {
    return refuse(
      "recovery_refused",
      `a ${topology} has its servers' own majorities in each region: this command knows compact clusters`,
      "restore the servers of glb from a backup of their disks",
    );
  }
  const declared = readRegions(settings.regionsDirectory);
  if (!declared.ok) return declared;
  const chosen = checkChoice(declared.value, regions);
  if (!chosen.ok) return chosen;
  const plan = await planCluster(settings.dataDirectory, {
    topology,
    profile,
    regions: chosen.value,
    declared: declared.value,
    firstPorts: settings.firstPorts,
  });
  return plan.ok ? ok(plan.value.plan) : plan;
}

/** Runs the body with the data folder taken and these servers running. */
async function withServers<T>(
  settings: RecoverySettings,
  plan: ClusterPlan,
  regions: readonly string[],
  body: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const { server } = await locateNatsServer();
  if (server === null) {
    return refuse(
      "nats_server_missing",
      "no nats-server on this machine",
      "node ops/bootstrap.mjs",
    );
  }
  prepareServers(plan);
  const fleet = new Fleet({
    dataDirectory: settings.dataDirectory,
    natsServer: server.path,
    cellProgram: null,
    say: settings.say,
    changed: () => undefined,
  });
  fleet.startServers(plan.servers.filter(({ region }) => regions.includes(region)));
  try {
    return await body();
  } finally {
    await fleet.stop(regions);
  }
}

async function locked<T>(
  settings: RecoverySettings,
  body: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const lock = lockData(settings.dataDirectory);
  if (!lock.ok) return lock;
  try {
    return await body();
  } finally {
    unlockData(settings.dataDirectory);
  }
}

/** A connection to one region's server, once it answers. */
async function connected(plan: ClusterPlan, user: string, region: string): Promise<NatsConnection> {
  const server = plan.servers.find((each) => each.region === region);
  const deadline = performance.now() + surveyWithinMs;
  for (;;) {
    try {
      return await connectAs({
        user,
        seedFile: credentialsOf(plan, user).seedFile,
        authorityFile: plan.certificates.authorityFile,
        servers: server === undefined ? [] : [natsUrl(server.ports)],
      });
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** What the surviving server holds. Failure code recovery_refused: it is not alone, or it is enough. */
async function surveyed(
  settings: RecoverySettings,
  plan: ClusterPlan,
  survivor: string,
): Promise<Result<readonly HeldStream[]>> {
  const left = plan.regions.filter(({ name }) => name !== survivor);
  if (left.length === plan.regions.length) {
    const known = plan.regions.map(({ name }) => name).join(", ");
    return refuse("region_unknown", `the cluster has no region ${survivor}`, `one of: ${known}`);
  }
  return withServers(settings, plan, [survivor], async () => {
    const connection = await connected(plan, launcherUser.name, survivor);
    try {
      const onDisk = streamFolders(settings.dataDirectory, serverOf(plan, survivor));
      const found = await survey(connection, account, onDisk, surveyWithinMs);
      if (!found.ok) return found;
      if (found.value.metaLeader !== "") {
        return refuse(
          "recovery_refused",
          `JetStream has a leader (${found.value.metaLeader}): a majority is there`,
          "npx meridian up",
        );
      }
      return ok(found.value.streams);
    } finally {
      await connection.close();
    }
  });
}

/** The streams that have a folder on a server's disk. */
function streamFolders(dataDirectory: string, server: string): readonly string[] {
  const folder = join(storeDirectory(dataDirectory, server), "jetstream", account, "streams");
  return existsSync(folder) ? readdirSync(folder) : [];
}

const counts = (streams: readonly HeldStream[]): Proposal["streams"] =>
  restorable(streams).map(({ name, messages, lastSequence }) => ({ name, messages, lastSequence }));

/** Looks at what the survivor has and writes down, signed by the operator, what is to be done. */
export function propose(
  settings: RecoverySettings,
  survivor: string,
  reason: string,
  user: string,
): Promise<Result<Proposal>> {
  return locked(settings, async () => {
    const plan = await planned(settings);
    if (!plan.ok) return plan;
    const streams = await surveyed(settings, plan.value, survivor);
    if (!streams.ok) return streams;
    const proposal: Proposal = {
      id: randomUUID(),
      at: now(),
      survivor,
      lost: plan.value.regions.map(({ name }) => name).filter((name) => name !== survivor),
      reason,
      streams: counts(streams.value),
    };
    const operator = sign(proposal, credentialsOf(plan.value, user), now());
    const record: RecoveryRecord = {
      version: 1,
      proposal,
      operator,
      approver: null,
      finishedAt: null,
    };
    writeRecovery(settings.dataDirectory, record, { step: "proposed", by: user, survivor, reason });
    return ok(proposal);
  });
}

/** The second person's signature. */
export async function approve(
  settings: RecoverySettings,
  id: string,
  user: string,
): Promise<Result<Proposal>> {
  const record = readRecovery(settings.dataDirectory, id);
  if (!record.ok) return record;
  const plan = await planned(settings);
  if (!plan.ok) return plan;
  const { proposal } = record.value;
  const approver = sign(proposal, credentialsOf(plan.value, user), now());
  const approved = { ...record.value, approver };
  const checked = checkSignatures(approved, plan.value.users);
  if (!checked.ok) return checked;
  writeRecovery(settings.dataDirectory, approved, { step: "approved", by: user });
  return ok(proposal);
}

/** Does what two people have signed. Failure codes: recovery_refused, same_person, and those of a start. */
export function run(settings: RecoverySettings, id: string): Promise<Result<Recovered>> {
  return locked(settings, async () => {
    const record = readRecovery(settings.dataDirectory, id);
    if (!record.ok) return record;
    const plan = await planned(settings);
    if (!plan.ok) return plan;
    const allowed = checkSignatures(record.value, plan.value.users);
    if (!allowed.ok) return allowed;
    const { proposal, finishedAt } = record.value;
    if (finishedAt !== null) {
      return refuse("recovery_refused", `recovery ${id} was done at ${finishedAt}`, "");
    }
    const held = await surveyed(settings, plan.value, proposal.survivor);
    if (!held.ok) return held;
    if (JSON.stringify(counts(held.value)) !== JSON.stringify(proposal.streams)) {
      return refuse(
        "recovery_refused",
        "the survivor holds something else than what was signed",
        "propose it anew",
      );
    }
    const kept = makeRoom(settings.dataDirectory, plan.value, proposal);
    const restored = await restoreOn(settings, plan.value, proposal, held.value);
    if (!restored.ok) {
      putBack(settings.dataDirectory, plan.value, proposal, kept);
      const done = { step: "failed", code: restored.failure.code, why: restored.failure.reason };
      writeRecovery(settings.dataDirectory, record.value, done);
      return restored;
    }
    const finished = { ...record.value, finishedAt: now() };
    writeRecovery(settings.dataDirectory, finished, { step: "done", kept, ...restored.value });
    return ok({ ...restored.value, id, survivor: proposal.survivor, kept });
  });
}

const serverOf = (plan: ClusterPlan, region: string): string =>
  plan.servers.find((each) => each.region === region)?.name ?? region;

/**
 * Keeps a copy of the survivor's disk, and takes from it what it knows of the lost servers: with that it
 * would wait for them for ever. Whatever is left of the lost ones is put aside, for two empty disks under
 * old names would outvote the survivor and forget everything.
 */
function makeRoom(dataDirectory: string, plan: ClusterPlan, proposal: Proposal): string {
  const store = storeDirectory(dataDirectory, serverOf(plan, proposal.survivor));
  const kept = `${store}.before-${proposal.id}`;
  cpSync(store, kept, { recursive: true, mode: 2, preserveTimestamps: true });
  rmSync(join(store, "jetstream", "SYS"), { recursive: true, force: true });
  for (const region of proposal.lost) {
    const lost = storeDirectory(dataDirectory, serverOf(plan, region));
    if (existsSync(lost)) renameSync(lost, `${lost}.lost-${proposal.id}`);
    mkdirSync(lost, { recursive: true, mode: 0o700 });
  }
  return kept;
}

/** As before: the attempt may be made again. */
function putBack(dataDirectory: string, plan: ClusterPlan, proposal: Proposal, kept: string): void {
  const store = storeDirectory(dataDirectory, serverOf(plan, proposal.survivor));
  rmSync(store, { recursive: true, force: true });
  renameSync(kept, store);
  for (const region of proposal.lost) {
    const lost = storeDirectory(dataDirectory, serverOf(plan, region));
    rmSync(lost, { recursive: true, force: true });
    if (existsSync(`${lost}.lost-${proposal.id}`)) {
      renameSync(`${lost}.lost-${proposal.id}`, lost);
    }
  }
}

function restoreOn(
  settings: RecoverySettings,
  plan: ClusterPlan,
  proposal: Proposal,
  held: readonly HeldStream[],
): Promise<Result<Restored>> {
  const regions = plan.regions.map(({ name }) => name);
  return withServers(settings, plan, regions, async () => {
    const ready = await waitForServers(plan, serversWithinMs, () => null);
    if (!ready.ok) return ready;
    const user = cellUser(proposal.survivor).name;
    const connection = await connected(plan, user, proposal.survivor);
    try {
      return await restore(connection, proposal.survivor, held, restoreWithinMs);
    } finally {
      await connection.close();
    }
  });
}
