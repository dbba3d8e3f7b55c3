import { rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Failure, type Result, ok, refuse } from "../../actors/kernel/result.ts";
import type { CellConfiguration, ClusterFile } from "../../schemas/configuration.ts";
import { locateNatsServer } from "../bootstrap/nats-server.mjs";
import { cellFile, credentialsOf, prepareCells, prepareServers, serverFile } from "./cluster.ts";
import { edgesFile, ensureEdges, ensureLocalAccess } from "./local-access.ts";
import { leftovers, lockData, unlockData } from "./data-lock.ts";
import { lastLogLines } from "./log-file.ts";
import { type MovedPort, choosePorts } from "./ports.ts";
import { waitForCells, waitForServers } from "./readiness.ts";
import { type Region, readRegions } from "./regions.ts";
import { type Profile, people } from "./roles.ts";
import { type ProcessStart, SupervisedProcess, diesWithLauncher } from "./supervised-process.ts";
import type { RegionStatus } from "./status.ts";
import { writeWhole } from "./whole-file.ts";
import { type ClusterPlan, type RegionPorts, httpUrl, loopback, natsUrl } from "./topology.ts";

/** What a cluster is started with. */
export interface LauncherOptions {
  readonly dataDirectory: string;
  readonly regionsDirectory: string;
  readonly profile: Profile;
  readonly engine: CellConfiguration["engine"];
  readonly flow: CellConfiguration["flow"];
  /** Whether markets of a silent region are taken without an operator; absent: automatic. */
  readonly takeover?: CellConfiguration["takeover"];
  /** First port of each kind that is wanted. */
  readonly firstPorts: RegionPorts;
  /** actors/root/main.ts; null starts the servers only. */
  readonly cellProgram: string | null;
  /** Takes one line for the person who watches. */
  readonly say: (line: string) => void;
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
  readonly cluster: ClusterFile;
}

/** An election after a crash takes JetStream up to 9 s, its first contact some more. */
const serversReadyWithinMs = 45_000;
/** A cell replays its logs before it is ready. */
const cellsReadyWithinMs = 90_000;
const serverGraceMs = 5_000;
/** Cells promise to end within 10 s. */
const cellGraceMs = 12_000;
/** A process that has ended this often before the cluster was ever ready will not make it. */
const hopelessFailures = 5;
/** Ends in a row that are said one by one. */
const saidFailures = 4;
/** A cell that refuses its configuration says so by this exit code. */
const configurationRefused = 2;

interface RegionProcesses {
  readonly region: string;
  readonly server: SupervisedProcess;
  readonly cell: SupervisedProcess | null;
}

/** Starts a cluster on loopback, keeps its processes running, and stops them in order. */
export class Launcher {
  readonly #options: LauncherOptions;
  readonly #dataDirectory: string;
  readonly #startedAt = new Date().toISOString();
  #plan: ClusterPlan | null = null;
  #processes: RegionProcesses[] = [];
  #locked = false;
  #stopping = false;
  #ready = false;
  #hopeless: string | null = null;

  constructor(options: LauncherOptions) {
    this.#options = options;
    this.#dataDirectory = resolve(options.dataDirectory);
  }

  /**
   * Resolves when the cluster is ready, or with why it cannot be; then everything it started has
   * been stopped again. Failure codes: regions_invalid, nats_server_missing, already_running,
   * data_folder_unusable, ports_exhausted, jetstream_not_ready, sync_not_always, cell_not_ready,
   * process_keeps_ending, stopped.
   */
  async start(): Promise<Result<Overview>> {
    const started = await this.#start();
    if (!started.ok) await this.stop();
    else this.#ready = true;
    return started;
  }

  async #start(): Promise<Result<Overview>> {
    const regions = readRegions(resolve(this.#options.regionsDirectory));
    if (!regions.ok) return regions;
    const { server, refusals } = await locateNatsServer();
    if (server === null) {
      const why = refusals.map((refusal) => `${refusal.path}: ${refusal.why}`).join("; ");
      return refuse(
        "nats_server_missing",
        why === "" ? "no nats-server on this machine" : why,
        "node ops/bootstrap.mjs",
      );
    }
    const lock = this.#lock();
    if (!lock.ok) return lock;
    const names = regions.value.map((region) => region.name);
    const chosen = await choosePorts(names, this.#options.firstPorts);
    if (!chosen.ok) return chosen;
    const plan = await prepareServers(
      this.#dataDirectory,
      chosen.value.ports,
      this.#options.profile,
    );
    this.#plan = plan;
    prepareCells(plan, {
      regionsDirectory: resolve(this.#options.regionsDirectory),
      engine: this.#options.engine,
      flow: this.#options.flow,
      takeover: this.#options.takeover ?? "automatic",
    });
    this.#processes = names.map((region) => this.#createProcesses(region, server.path));
    for (const processes of this.#processes) processes.server.start();
    const servers = await waitForServers(plan, serversReadyWithinMs, () => this.#interruption());
    if (!servers.ok) {
      return withLog(
        servers.failure,
        this.#processes.map((each) => each.server),
      );
    }
    const cells = await this.#startCells(plan);
    if (!cells.ok) return cells;
    return ok({
      plan,
      regions: regions.value,
      moved: chosen.value.moved,
      serverVersion: server.version,
      strongestMode: server.grade,
      engine: this.#options.engine,
      engines: [...new Set(cells.value.map((status) => status.engine))],
      cluster: this.#writeClusterFile(plan),
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

  #createProcesses(region: string, natsServer: string): RegionProcesses {
    const log = (name: string): string => join(this.#dataDirectory, "log", `${name}.log`);
    const create = (
      role: "server" | "cell",
      command: string,
      args: readonly string[],
    ): SupervisedProcess =>
      new SupervisedProcess(
        {
          name: `${region} ${role}`,
          command,
          args,
          logFile: log(`${role}-${region}`),
          permanentExitCode: role === "cell" ? configurationRefused : null,
        },
        {
          started: (start) => this.#onStarted(region, role, start),
          failed: (reason) => {
            this.#hopeless = `${region}: ${role} ended for good (${reason})`;
            if (this.#ready) {
              this.#options.say(`${this.#hopeless}; see ${log(`${role}-${region}`)}`);
            }
          },
        },
      );
    const { cellProgram } = this.#options;
    return {
      region,
      server: create("server", natsServer, ["--config", serverFile(this.#dataDirectory, region)]),
      cell:
        cellProgram === null
          ? null
          : create("cell", process.execPath, [
              "--disable-warning=ExperimentalWarning",
              cellProgram,
              "--configuration",
              cellFile(this.#dataDirectory, region),
            ]),
    };
  }

  #onStarted(region: string, role: "server" | "cell", start: ProcessStart): void {
    const { pid, restarts, failuresInRow, previousEnd } = start;
    if (!this.#ready && failuresInRow >= hopelessFailures) {
      this.#hopeless = `${region}: ${role} has ended ${failuresInRow} times (${previousEnd})`;
    }
    if (this.#ready && failuresInRow > 0 && failuresInRow <= saidFailures) {
      const last =
        failuresInRow === saidFailures ? "; it keeps ending, further ones are not said" : "";
      this.#options.say(
        `${region}: ${role} ended (${previousEnd}) and was started again as process ${pid}; restarts so far: ${restarts}${last}`,
      );
    }
    if (this.#ready && this.#plan !== null) this.#writeClusterFile(this.#plan);
  }

  #interruption(): Failure | null {
    if (this.#stopping) {
      return { code: "stopped", reason: "asked to stop while starting", next: "" };
    }
    return this.#hopeless === null
      ? null
      : { code: "process_keeps_ending", reason: this.#hopeless, next: "" };
  }

  async #startCells(plan: ClusterPlan): Promise<Result<readonly RegionStatus[]>> {
    const cells = this.#processes.flatMap(({ cell }) => (cell === null ? [] : [cell]));
    if (cells.length === 0) return ok([]);
    for (const cell of cells) cell.start();
    const ready = await waitForCells(plan, cellsReadyWithinMs, () => this.#interruption());
    return ready.ok ? ready : withLog(ready.failure, cells);
  }

  #writeClusterFile(plan: ClusterPlan): ClusterFile {
    const cluster: ClusterFile = {
      version: 1,
      profile: plan.profile,
      launcherPid: process.pid,
      startedAt: this.#startedAt,
      caFile: plan.certificates.authorityFile,
      regions: plan.servers.map(({ region, ports }) => ({
        name: region,
        nats: natsUrl(ports),
        http: httpUrl(ports),
        natsPid: this.processId(region, "server"),
        cellPid: this.processId(region, "cell"),
        ...localAccess(this.#dataDirectory, region),
      })),
      users: Object.fromEntries(
        people.map(({ name, role }) => [
          name,
          { role, seedFile: credentialsOf(plan, name).seedFile },
        ]),
      ),
    };
    writeWhole(join(this.#dataDirectory, "cluster.json"), `${JSON.stringify(cluster, null, 2)}\n`);
    return cluster;
  }

  /** As it is now, for a process may have been started again; 0 when it does not run. */
  processId(region: string, role: "server" | "cell"): number {
    return this.#processes.find((each) => each.region === region)?.[role]?.pid ?? 0;
  }

  /** Times any process was started again. */
  get restarts(): number {
    return this.#processes.reduce(
      (sum, { server, cell }) => sum + server.restarts + (cell?.restarts ?? 0),
      0,
    );
  }

  /** Stops the cells, then the servers, and gives the data folder back. */
  async stop(): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const end = async (child: SupervisedProcess, graceMs: number): Promise<void> => {
      if (!(await child.stop(graceMs))) {
        this.#options.say(`${child.name} did not end within ${graceMs / 1000} s and was killed`);
      }
    };
    const processes = this.#processes;
    await Promise.all(
      processes.flatMap(({ cell }) => (cell === null ? [] : [end(cell, cellGraceMs)])),
    );
    await Promise.all(processes.map(({ server }) => end(server, serverGraceMs)));
    this.#release();
  }

  /** Kills everything at once. */
  abort(): void {
    this.#stopping = true;
    for (const { server, cell } of this.#processes) {
      cell?.abort();
      server.abort();
    }
    this.#release();
  }

  #release(): void {
    if (!this.#locked) return;
    rmSync(join(this.#dataDirectory, "cluster.json"), { force: true });
    unlockData(this.#dataDirectory);
    this.#locked = false;
  }
}

/** What a region's entry in the file of the cluster says about shared memory. */
function localAccess(
  dataDirectory: string,
  region: string,
): Pick<ClusterFile["regions"][number], "clients" | "edges"> {
  const clients = ensureLocalAccess(dataDirectory, region);
  const { accessFile } = ensureEdges(dataDirectory, region, loopback);
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
