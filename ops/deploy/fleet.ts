import { join } from "node:path";
import type { Failure } from "../../actors/kernel/result.ts";
import { stretchedCluster } from "../../schemas/placement.ts";
import { cellFile, serverFile } from "./cluster.ts";
import { storeDirectory } from "./server-configuration.ts";
import { keepStreamKeys, putBackStreamKeys } from "./stream-keys.ts";
import { type ProcessStart, SupervisedProcess } from "./supervised-process.ts";
import type { ServerPlace } from "./topology.ts";

/** What the processes of a cluster are started with. */
export interface FleetOptions {
  readonly dataDirectory: string;
  /** Path of nats-server. */
  readonly natsServer: string;
  /** actors/root/main.ts; null: no cells. */
  readonly cellProgram: string | null;
  /** Takes one line for the person who watches. */
  readonly say: (line: string) => void;
  /** A process has started, or started again, once the cluster is ready. */
  readonly changed: () => void;
}

/** A process that has ended this often before the cluster was ever ready will not make it. */
const hopelessFailures = 5;
/** Ends in a row that are said one by one. */
const saidFailures = 4;
/** A cell that refuses its configuration says so by this exit code. */
const configurationRefused = 2;
const serverGraceMs = 5_000;
/** Cells promise to end within 10 s. */
const cellGraceMs = 12_000;

interface ServerProcess {
  readonly name: string;
  readonly region: string;
  readonly process: SupervisedProcess;
}

/** The server and cell processes of a cluster. */
export class Fleet {
  readonly #options: FleetOptions;
  #servers: ServerProcess[] = [];
  #cells = new Map<string, SupervisedProcess>();
  #restartsOfStopped = 0;
  #ready = false;
  #hopeless: Failure | null = null;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** From now on ends are said, and processes that keep ending are started for ever. */
  set ready(ready: boolean) {
    this.#ready = ready;
  }
  /** Why the cluster will not come up, or null. */
  get hopeless(): Failure | null {
    return this.#hopeless;
  }
  get servers(): readonly SupervisedProcess[] {
    return this.#servers.map((each) => each.process);
  }
  get cells(): readonly SupervisedProcess[] {
    return [...this.#cells.values()];
  }
  /** Times any process was started again, those of regions that have stopped as well. */
  get restarts(): number {
    return [...this.servers, ...this.cells].reduce(
      (sum, child) => sum + child.restarts,
      this.#restartsOfStopped,
    );
  }

  /** The process of a server; null when there is none of that name. */
  server(name: string): SupervisedProcess | null {
    return this.#servers.find((each) => each.name === name)?.process ?? null;
  }
  /** The process of a region's cell. */
  cell(region: string): SupervisedProcess | null {
    return this.#cells.get(region) ?? null;
  }

  /** Starts servers whose configuration files are written. */
  startServers(places: readonly ServerPlace[]): void {
    for (const { name, region, cluster } of places) {
      const what = cluster === stretchedCluster ? "server" : `server ${name}`;
      const server = this.#create(region, what, `server-${name}`, {
        command: this.#options.natsServer,
        args: ["--config", serverFile(this.#options.dataDirectory, name)],
        permanentExitCode: null,
      });
      this.#servers.push({ name, region, process: server });
      putBackStreamKeys(storeDirectory(this.#options.dataDirectory, name));
      server.start();
    }
  }

  /** Starts cells whose configuration files are written. */
  startCells(regions: readonly string[]): void {
    const { cellProgram, dataDirectory } = this.#options;
    if (cellProgram === null) return;
    for (const region of regions) {
      const cell = this.#create(region, "cell", `cell-${region}`, {
        command: process.execPath,
        args: [
          "--disable-warning=ExperimentalWarning",
          cellProgram,
          "--configuration",
          cellFile(dataDirectory, region),
        ],
        permanentExitCode: configurationRefused,
      });
      this.#cells.set(region, cell);
      cell.start();
    }
  }

  #create(
    region: string,
    what: string,
    log: string,
    program: {
      readonly command: string;
      readonly args: readonly string[];
      readonly permanentExitCode: number | null;
    },
  ): SupervisedProcess {
    const logFile = join(this.#options.dataDirectory, "log", `${log}.log`);
    return new SupervisedProcess(
      { name: `${region} ${what}`, ...program, logFile },
      {
        started: (start) => this.#onStarted(region, what, start),
        failed: (reason) => {
          this.#giveUp(`${region}: ${what} ended for good (${reason})`);
          if (this.#ready) {
            this.#options.say(`${region}: ${what} ended for good (${reason}); see ${logFile}`);
          }
        },
      },
    );
  }

  #giveUp(reason: string): void {
    this.#hopeless = { code: "process_keeps_ending", reason, next: "" };
  }

  #onStarted(region: string, what: string, start: ProcessStart): void {
    const { pid, restarts, failuresInRow, previousEnd } = start;
    if (!this.#ready && failuresInRow >= hopelessFailures) {
      this.#giveUp(`${region}: ${what} has ended ${failuresInRow} times (${previousEnd})`);
    }
    if (this.#ready && failuresInRow > 0 && failuresInRow <= saidFailures) {
      const last =
        failuresInRow === saidFailures ? "; it keeps ending, further ones are not said" : "";
      this.#options.say(
        `${region}: ${what} ended (${previousEnd}) and was started again as process ${pid}; restarts so far: ${restarts}${last}`,
      );
    }
    if (this.#ready) this.#options.changed();
  }

  /** Stops one server; it can be started again. */
  async stopServer(name: string): Promise<void> {
    const found = this.#servers.find((each) => each.name === name);
    if (found === undefined) return;
    this.#servers = this.#servers.filter((each) => each !== found);
    keepStreamKeys(storeDirectory(this.#options.dataDirectory, name));
    await found.process.stop(serverGraceMs);
    this.#restartsOfStopped += found.process.restarts;
  }

  /** Stops the cells of these regions, then their servers. */
  async stop(regions: readonly string[]): Promise<void> {
    const end = async (child: SupervisedProcess, graceMs: number): Promise<void> => {
      if (!(await child.stop(graceMs))) {
        this.#options.say(`${child.name} did not end within ${graceMs / 1000} s and was killed`);
      }
    };
    const cells = regions.flatMap((region) => this.cell(region) ?? []);
    await Promise.all(cells.map((cell) => end(cell, cellGraceMs)));
    const servers = this.#servers.filter((each) => regions.includes(each.region));
    for (const { name } of servers) {
      keepStreamKeys(storeDirectory(this.#options.dataDirectory, name));
    }
    await Promise.all(servers.map((server) => end(server.process, serverGraceMs)));
    for (const child of [...cells, ...servers.map((server) => server.process)]) {
      this.#restartsOfStopped += child.restarts;
    }
    this.#servers = this.#servers.filter((each) => !servers.includes(each));
    for (const region of regions) this.#cells.delete(region);
  }

  /** Kills everything at once. */
  abort(): void {
    for (const child of [...this.cells, ...this.servers]) child.abort();
  }
}
