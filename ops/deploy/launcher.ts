import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { certificateFilesOf } from "../../actors/bus/login-files.ts";
import { type Failure, type Result, ok, refuse } from "../../actors/kernel/result.ts";
import type { CellConfiguration, ClusterFile } from "../../schemas/configuration.ts";
import type { IncidentsConfigurationFile } from "../../schemas/incidents-configuration.ts";
import type { ResidencyLists } from "../../schemas/placement.ts";
import { locateNatsServer } from "../bootstrap/nats-server.mjs";
import {
  type CellSettings,
  cellNameOf,
  credentialsOf,
  planCluster,
  prepareCells,
  prepareServers,
} from "./cluster.ts";
import { membersToStart, profileToStart, readRecord, writeRecord } from "./cluster-record.ts";
import { checkChoice, checkRegions } from "./contradictions.ts";
import { leftovers, lockData, unlockData } from "./data-lock.ts";
import { Fleet } from "./fleet.ts";
import { edgesFile, ensureEdges, ensureLocalAccess } from "./local-access.ts";
import { lastLogLines } from "./log-file.ts";
import type { MovedPort } from "./ports.ts";
import { checkProduction, productionEngine } from "./production.ts";
import { waitForCells, waitForServers } from "./readiness.ts";
import { type Region, readRegions } from "./regions.ts";
import { type Profile, people } from "./roles.ts";
import { RunningCluster } from "./running-cluster.ts";
import { type SupervisedProcess, diesWithLauncher } from "./supervised-process.ts";
import type { RegionStatus } from "./status.ts";
import { type Target, writeObservation, writeTargets } from "../observe/prometheus-files.ts";
import { writeWhole } from "./whole-file.ts";
import {
  type ClusterPlan,
  type FirstPorts,
  type Topology,
  globalServers,
  httpUrl,
  loopback,
  natsUrl,
  serversOf,
  websocketUrl,
} from "./topology.ts";

/** What a cluster is started with. */
export interface LauncherOptions {
  readonly dataDirectory: string;
  readonly regionsDirectory: string;
  /** Absent: as the data folder has it, else compact. */
  readonly topology?: Topology | null;
  /** Absent: as the data folder has it, else those that are enabled. */
  readonly regions?: readonly string[] | null;
  /** Null: as the data folder has it, else demo. */
  readonly profile: Profile | null;
  readonly engine: CellConfiguration["engine"];
  readonly flow: CellConfiguration["flow"];
  readonly tracing?: CellSettings["tracing"];
  /** Whether markets of a silent region are taken without an operator; absent: automatic. */
  readonly takeover?: CellConfiguration["takeover"];
  /** Absent: a minute to acknowledge, pages on NATS only. */
  readonly incidents?: IncidentsConfigurationFile;
  /** First port of each kind that is wanted. */
  readonly firstPorts: FirstPorts;
  /** actors/root/main.ts; null starts the servers only. */
  readonly cellProgram: string | null;
  /** Takes one line for the person who watches. */
  readonly say: (line: string) => void;
}

/** Seconds from the start until something was so. */
export interface BringUp {
  /** Configuration files are written. */
  readonly prepared: number;
  /** All servers are there, and JetStream has a leader. */
  readonly servers: number;
  /** All cells are ready. */
  readonly cells: number;
}

/** What was started, for the banner. */
export interface Overview {
  readonly plan: ClusterPlan;
  readonly regions: readonly Region[];
  readonly moved: readonly MovedPort[];
  readonly serverVersion: string;
  /** What that server allows markets to promise. */
  readonly strongestMode: "durable" | "replicated";
  /** The engine that was asked for. */
  readonly engine: CellConfiguration["engine"];
  /** Engines the cells run on: native, portable. */
  readonly engines: readonly string[];
  readonly bringUp: BringUp;
  readonly cluster: ClusterFile;
}

/** An election after a crash takes JetStream up to 9 s, its first contact some more. */
const serversReadyWithinMs = 45_000;
/** A cell replays its logs before it is ready. */
const cellsReadyWithinMs = 90_000;

/** What a start is made of. */
interface Members {
  readonly profile: Profile;
  readonly topology: Topology;
  readonly regions: readonly Region[];
  readonly declared: readonly Region[];
}

/** Starts a cluster on loopback, keeps its processes running, and stops them in order. */
export class Launcher {
  readonly #options: LauncherOptions;
  readonly #dataDirectory: string;
  readonly #startedAt = new Date().toISOString();
  #plan: ClusterPlan | null = null;
  #fleet: Fleet | null = null;
  #running: RunningCluster | null = null;
  #locked = false;
  #stopping = false;

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#dataDirectory = resolve(options.dataDirectory);
  }

  /**
   * Resolves when the cluster is ready, or with why it cannot be; then everything it started has
   * been stopped again. Failure codes: regions_invalid, regions_contradict, region_unknown,
   * region_missing, group_incomplete, topology_differs, profile_differs, nats_server_missing,
   * not_for_production, already_running,
   * data_folder_unusable, encryption_key_invalid, ports_overlap, port_taken, ports_exhausted,
   * jetstream_not_ready, sync_not_always, cell_not_ready, process_keeps_ending, stopped.
   */
  async start(): Promise<Result<Overview>> {
    const started = await this.#start();
    if (!started.ok) await this.stop();
    else if (this.#fleet !== null) this.#fleet.ready = true;
    return started;
  }

  async #start(): Promise<Result<Overview>> {
    const begun = performance.now();
    const seconds = (): number => (performance.now() - begun) / 1_000;
    const members = this.#members();
    if (!members.ok) return members;
    const { topology, regions, declared, profile } = members.value;
    const { server, refusals } = await locateNatsServer();
    if (server === null) {
      const why = refusals.map((refusal) => `${refusal.path}: ${refusal.why}`).join("; ");
      return refuse(
        "nats_server_missing",
        why === "" ? "no nats-server on this machine" : why,
        "node ops/bootstrap.mjs",
      );
    }
    const { firstPorts, flow } = this.#options;
    // Where matching has to be fast the slow twin is no answer to a missing addon.
    const engine =
      profile === "production" ? productionEngine(this.#options.engine) : this.#options.engine;
    if (profile === "production") {
      const fit = checkProduction({
        dataDirectory: this.#dataDirectory,
        regions,
        engine,
        flow: flow.enabled,
        strongestMode: server.grade,
        serverVersion: server.version,
      });
      if (!fit.ok) return fit;
    }
    const lock = this.#lock();
    if (!lock.ok) return lock;
    const planned = await planCluster(this.#dataDirectory, {
      topology,
      profile,
      regions,
      declared,
      firstPorts,
    });
    if (!planned.ok) return planned;
    const { plan, moved } = planned.value;
    this.#plan = plan;
    prepareServers(plan);
    prepareCells(plan, regions, this.#cellSettings(engine));
    const prepared = seconds();
    const fleet = new Fleet({
      dataDirectory: this.#dataDirectory,
      natsServer: server.path,
      cellProgram: this.#options.cellProgram,
      say: this.#options.say,
      changed: () => this.#writeClusterFile(this.#plan ?? plan),
    });
    this.#fleet = fleet;
    fleet.startServers(plan.servers);
    // Cells wait for JetStream by themselves: what they do before it has a leader costs no time.
    fleet.startCells(regions.map((region) => region.name));
    const interruption = (): Failure | null => this.#interruption();
    const servers = await waitForServers(plan, serversReadyWithinMs, interruption);
    if (!servers.ok) return withLog(servers.failure, fleet.servers);
    const serversReady = seconds();
    const cells = await this.#waitForCells(plan, fleet);
    if (!cells.ok) return cells;
    writeObservation(observationOf(this.#dataDirectory), []);
    const cellsReady = seconds();
    this.#running = await RunningCluster.open({
      plan,
      regions,
      declared,
      fleet,
      firstPorts,
      cells: this.#cellSettings(engine),
      say: this.#options.say,
      changed: (changed) => {
        this.#plan = changed;
        this.#writeClusterFile(changed);
      },
    });
    const names = regions.map((each) => each.name);
    writeRecord(this.#dataDirectory, { topology, regions: names, profile });
    return ok({
      plan,
      regions,
      moved,
      serverVersion: server.version,
      strongestMode: server.grade,
      engine,
      engines: [...new Set(cells.value.map((status) => status.engine))],
      bringUp: { prepared, servers: serversReady, cells: cellsReady },
      cluster: this.#writeClusterFile(plan),
    });
  }

  /** What is started, once nothing in the files contradicts it. */
  #members(): Result<Members> {
    const { regionsDirectory, topology = null, regions = null } = this.#options;
    const declared = readRegions(resolve(regionsDirectory));
    if (!declared.ok) return declared;
    const sound = checkRegions(declared.value);
    if (!sound.ok) return sound;
    const recorded = readRecord(this.#dataDirectory);
    if (!recorded.ok) return recorded;
    const members = membersToStart({ topology, regions }, recorded.value, declared.value);
    if (!members.ok) return members;
    const chosen = checkChoice(declared.value, members.value.regions);
    if (!chosen.ok) return chosen;
    const profile = profileToStart(this.#options.profile, recorded.value);
    if (!profile.ok) return profile;
    return ok({
      profile: profile.value,
      topology: members.value.topology,
      regions: chosen.value,
      declared: declared.value,
    });
  }

  #lock(): Result<void> {
    const lock = lockData(this.#dataDirectory);
    if (!lock.ok) return lock;
    this.#locked = true;
    if (!diesWithLauncher()) {
      this.#options.say(
        "setpriv (util-linux) is missing: a killed launcher would leave its processes running",
      );
    }
    const left = leftovers(this.#dataDirectory);
    for (const pid of left) process.kill(pid, "SIGKILL");
    if (lock.value.stale) {
      const ended = left.length === 0 ? "" : `; ended ${left.length} processes it left behind`;
      this.#options.say(`the last launcher on this data folder was killed; cleaned up${ended}`);
    }
    rmSync(join(this.#dataDirectory, "cluster.json"), { force: true });
    return ok(undefined);
  }

  #cellSettings(engine: CellSettings["engine"]): CellSettings {
    const { regionsDirectory, flow, takeover = "automatic", tracing, incidents } = this.#options;
    return {
      regionsDirectory: resolve(regionsDirectory),
      engine,
      flow,
      takeover,
      ...(tracing === undefined ? {} : { tracing }),
      ...(incidents === undefined ? {} : { incidents }),
    };
  }

  #interruption(): Failure | null {
    if (this.#stopping) {
      return { code: "stopped", reason: "asked to stop while starting", next: "" };
    }
    return this.#fleet?.hopeless ?? null;
  }

  async #waitForCells(plan: ClusterPlan, fleet: Fleet): Promise<Result<readonly RegionStatus[]>> {
    if (fleet.cells.length === 0) return ok([]);
    const ready = await waitForCells(plan, cellsReadyWithinMs, () => this.#interruption());
    return ready.ok ? ready : withLog(ready.failure, fleet.cells);
  }

  #writeClusterFile(plan: ClusterPlan): ClusterFile {
    const cluster: ClusterFile = {
      version: 1,
      profile: plan.profile,
      topology: plan.topology,
      launcherPid: process.pid,
      startedAt: this.#startedAt,
      caFile: plan.certificates.authorityFile,
      regions: plan.regions.map((region) => this.#regionEntry(plan, region.name)),
      users: Object.fromEntries(
        people.map(({ name, role }) => {
          const { seedFile } = credentialsOf(plan, name);
          return [name, { role, seedFile, ...certificateFilesOf(seedFile) }];
        }),
      ),
    };
    writeWhole(join(this.#dataDirectory, "cluster.json"), `${JSON.stringify(cluster, null, 2)}\n`);
    writeTargets(observationOf(this.#dataDirectory), targetsOf(cluster));
    return cluster;
  }

  #regionEntry(plan: ClusterPlan, region: string): ClusterFile["regions"][number] {
    const own = serversOf(plan, region);
    const global = globalServers(plan, region).filter((each) => each.region === region);
    const { http, residency } = plan.regions.find(({ name }) => name === region) ?? {
      http: 0,
      residency: {},
    };
    const [first] = own;
    if (first === undefined) throw new RangeError(`${region} has no server`);
    return {
      name: region,
      nats: natsUrl(first.ports),
      servers: [...own, ...global].map(({ name, cluster, ports }) => ({
        name,
        cluster,
        nats: natsUrl(ports),
        pid: this.#fleet?.server(name)?.pid ?? 0,
      })),
      http: httpUrl({ http }),
      residency: writable(residency),
      websocket: websocketUrl(plan.profile, first.ports.websocket ?? 0),
      natsPid: this.processId(region, "server"),
      cellPid: this.processId(region, "cell"),
      ...localAccess(this.#dataDirectory, region, plan.profile),
    };
  }

  /**
   * Of a region's cell or first server, as it is now, for a process may have been started again; 0 when it
   * does not run.
   */
  processId(region: string, role: "server" | "cell"): number {
    if (role === "cell") return this.#fleet?.cell(region)?.pid ?? 0;
    const [first] = this.#plan === null ? [] : serversOf(this.#plan, region);
    return this.#fleet?.server(first?.name ?? "")?.pid ?? 0;
  }

  /** Times any process was started again. */
  get restarts(): number {
    return this.#fleet?.restarts ?? 0;
  }

  /** Stops the cells, then the servers, and gives the data folder back. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    await this.#running?.close();
    await this.#fleet?.stop(this.#plan?.regions.map(({ name }) => name) ?? []);
    this.#release();
  }

  /** Kills everything at once. */
  abort(): void {
    this.#stopping = true;
    // Its connection would look for the dead servers for ever and keep this process running.
    void this.#running?.close();
    this.#fleet?.abort();
    this.#release();
  }

  #release(): void {
    if (!this.#locked) return;
    rmSync(join(this.#dataDirectory, "cluster.json"), { force: true });
    unlockData(this.#dataDirectory);
    this.#locked = false;
  }
}

/** As the file of the cluster has it. */
const writable = (lists: ResidencyLists): ClusterFile["regions"][number]["residency"] =>
  Object.fromEntries(
    Object.entries(lists).map(([dataClass, regions]) => [dataClass, [...regions]]),
  );

/** What a region's entry in the file of the cluster says about shared memory. */
function localAccess(
  dataDirectory: string,
  region: string,
  profile: Profile,
): Pick<ClusterFile["regions"][number], "clients" | "edges"> {
  const clients = ensureLocalAccess(dataDirectory, region, profile);
  const { accessFile } = ensureEdges(dataDirectory, loopback, profile);
  const edges = { edgesFile: edgesFile(dataDirectory, region), accessFile };
  return clients === null ? { edges } : { clients, edges };
}

/** The failure with the end of the log of a process it names. */
function withLog(failure: Failure, processes: readonly SupervisedProcess[]): Result<never> {
  const culprit =
    processes.find((child) => failure.reason.includes(child.name.split(" ")[0] ?? "")) ??
    processes[0];
  if (culprit === undefined) return { ok: false, failure };
  const lines = lastLogLines(culprit.logFile, 3).map((line) => `\n    | ${line.slice(0, 300)}`);
  return refuse(
    failure.code,
    `${failure.reason}${lines.join("")}`,
    failure.next === "" ? `look into ${culprit.logFile}` : failure.next,
  );
}

/** Where Prometheus and Grafana find their files. */
const observationOf = (dataDirectory: string): string => join(dataDirectory, "observe");
const targetsOf = ({ regions }: ClusterFile): readonly Target[] =>
  regions.map(({ name, http }) => ({ region: name, cell: cellNameOf(name), http }));
