import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import type { CellConfiguration } from "../../schemas/configuration.ts";
import { NatsJournalReplicas } from "../bus/journal-replicas.ts";
import { ensureAuditAssets } from "../bus/assets.ts";
import { AuditStream } from "../bus/audit-stream.ts";
import { certificateBeside } from "../bus/login-files.ts";
import type { NatsBus, NatsOptions } from "../bus/nats.ts";
import { ServersWatch } from "../bus/servers-report.ts";
import { StreamsWatch } from "../bus/streams-report.ts";
import { serveEndpoints } from "../bus/services.ts";
import { ConfinedPool } from "../confined/pool.ts";
import { trapProcessFailures } from "../kernel/blame.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log, LogControl } from "../kernel/ports/log.ts";
import type { MatchingEngine } from "../kernel/ports/matching-engine.ts";
import type { Failure } from "../kernel/result.ts";
import { durationNs } from "../kernel/units.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { SystemFiles } from "../kernel/system-files.ts";
import type { CellFacts } from "../region/actor.ts";
import type { ClusterFacts, RegionReport } from "../region/messages.ts";
import { type Cell, startCell } from "./cell.ts";
import { spawnLimits } from "./trader-limits.ts";
import { type CellDirectory, openCellDirectory } from "./cell-directory.ts";
import { readConfiguration } from "./configuration.ts";
import { consoleFace } from "./console.ts";
import { chooseEngine, engineSlots } from "./engine.ts";
import { Doors } from "./doors.ts";
import { cellLog } from "./log.ts";
import { type HttpFace, serveHttp } from "./http.ts";
import { readReferenceData, type ReferenceData } from "./reference-data.ts";
import { alertsToken, patienceOf, surroundingsOf, webhookPager } from "./pager.ts";
import type { OrderTracing } from "./tracing.ts";
import {
  connectPatiently,
  ensureCellAssets,
  natsOptions,
  placementOf,
  sharedStreams,
  type StartupPorts,
  SyncGuard,
} from "./startup.ts";

/**
 * Entry point of a cell: `node actors/root/main.ts --configuration FILE`. Exit codes: 0 stopped as
 * asked, 1 failed, 2 the configuration, the reference data or the engine it names is not usable, 130
 * aborted by a second signal.
 */

const exitCodes = { stopped: 0, failed: 1, unusable: 2, aborted: 130 } as const;
/** A stop takes ten seconds at most; what is acknowledged is on disk all along. */
const stopLimitMs = 9_500;

/** Everything this process has opened, in the order of opening. */
class CellProcess {
  readonly #configuration: CellConfiguration;
  readonly #reference: ReferenceData;
  readonly #log: Log;
  readonly #logs: LogControl;
  readonly #clock: Clock = systemClock();
  readonly #stopping = new AbortController();
  readonly #startedUnixMs = Date.now();
  readonly #build = productVersion();
  #directory: CellDirectory | null = null;
  #engine: MatchingEngine | null = null;
  #http: HttpFace | null = null;
  #doors: Doors | null = null;
  #bus: NatsBus | null = null;
  #streams: StreamsWatch | null = null;
  #servers: ServersWatch | null = null;
  #tracing: OrderTracing | null = null;
  #cell: Cell | null = null;
  #phase = "the cell is starting";
  #ending: Promise<void> | null = null;

  constructor(
    configuration: CellConfiguration,
    reference: ReferenceData,
    log: Log,
    logs: LogControl,
  ) {
    this.#configuration = configuration;
    this.#reference = reference;
    this.#log = log;
    this.#logs = logs;
  }

  async start(): Promise<void> {
    trapProcessFailures((error) => {
      this.#log.error({ error: describe(error) }, "an error that belongs to no actor");
      void this.end(exitCodes.failed);
    });
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => this.#onSignal(signal));
    }
    const options = natsOptions(this.#configuration);
    if (!options.ok) return this.#refuse(options.failure, exitCodes.unusable);
    const directory = openCellDirectory(this.#configuration.dataDirectory);
    if (!directory.ok) return this.#refuse(directory.failure, exitCodes.failed);
    this.#directory = directory.value;
    const engine = chooseEngine(
      this.#configuration.engine,
      this.#clock,
      this.#log,
      this.#configuration.recordsKept,
      this.#configuration.processors,
    );
    if (!engine.ok) return this.#refuse(engine.failure, exitCodes.unusable);
    this.#engine = engine.value;
    try {
      this.#http = await serveHttp(
        {
          report: () => this.#report(),
          measured: async () => {
            const report = await this.#report();
            const measured = this.#cell?.measured(report);
            const doors = this.#doors?.measured() ?? null;
            const nothing = {
              report,
              flow: new Map(),
              system: null,
              hosting: null,
              alerts: new Map(),
            };
            return {
              ...(measured ?? nothing),
              doors,
              engine: engine.value,
              bus: this.#bus?.counters() ?? null,
              streams: this.#streams?.report ?? null,
              servers: this.#servers?.scraped() ?? null,
              traces: this.#tracing?.counts() ?? null,
              dataDirectory: this.#configuration.dataDirectory,
            };
          },
          console: consoleFace(this.#configuration, this.#build),
          alertmanager: {
            region: this.#configuration.region,
            token: alertsToken(this.#configuration.incidents),
            found: () => {
              const cell = this.#cell;
              return cell === null ? null : (told) => cell.found(told);
            },
          },
        },
        this.#configuration.http,
      );
    } catch (error) {
      const { host, port } = this.#configuration.http;
      const failure: Failure = {
        code: "address_taken",
        reason: `health and status cannot be served at ${host}:${port}: ${describe(error)}`,
        next: "free the port, or set http.port to another one (0 = any)",
      };
      return this.#refuse(failure, exitCodes.failed);
    }
    this.#log.info({ http: this.#http.url, engine: engine.value.implementation }, "cell starting");
    const doors = await Doors.open(engine.value, this.#configuration, {
      clock: this.#clock,
      log: this.#log,
    });
    if (!doors.ok) return this.#refuse(doors.failure, exitCodes.unusable);
    this.#doors = doors.value;
    process.on("SIGHUP", () => {
      doors.value.reload();
      this.#learn();
    });
    await this.#connect(options.value, directory.value, engine.value);
  }

  async #connect(
    options: { readonly cell: NatsOptions; readonly reporter: NatsOptions },
    directory: CellDirectory,
    engine: MatchingEngine,
  ): Promise<void> {
    const ports: StartupPorts = {
      clock: this.#clock,
      log: this.#log,
      signal: this.#stopping.signal,
    };
    this.#phase = "NATS is not connected; waiting for it";
    const bus = await connectPatiently(options.cell, ports);
    if (bus === null) return;
    this.#bus = bus;
    this.#phase = "JetStream has no leader; waiting for it";
    const { region } = this.#configuration;
    const [group = region] = this.#reference.groups[region] ?? [];
    const placement = placementOf(this.#configuration);
    const ensureAudit = () => ensureAuditAssets({ bus, ...ports }, region, group, placement);
    const [assets, audit] = await Promise.all([
      ensureCellAssets(bus, this.#configuration, ports),
      ensureAudit(),
    ]);
    if (ports.signal.aborted) return;
    if (!audit.ok) return this.#refuse(audit.failure, exitCodes.failed);
    if (!assets.ok) return this.#refuse(assets.failure, exitCodes.failed);
    this.#phase = "waiting for the report of the servers";
    this.#servers = new ServersWatch(options.reporter, region, this.#clock);
    const guard = new SyncGuard(bus, options.reporter, ports, this.#configuration.region);
    const sound = await guard.pass();
    if (ports.signal.aborted) return;
    if (!sound.ok) return this.#refuse(sound.failure, exitCodes.failed);
    if (sound.value === "durable") {
      const natsServer = bus.connection.info?.version ?? "";
      this.#log.warn({ natsServer }, "a nats-server of an older release: markets durable at most");
    }
    guard.watch((reason) => {
      this.#log.error({ reason }, "the servers do not promise durability any more; stopping");
      void this.end(exitCodes.failed);
    });
    if (this.#configuration.tracing !== null) {
      // Loaded only when it is used: its libraries would cost every cell memory.
      const { orderTracing } = await import("./tracing.ts");
      this.#tracing = orderTracing(this.#configuration.tracing, this.#configuration, this.#clock);
      this.#doors?.trace(this.#tracing);
    }
    const { actors, cell, scrub, incidents, nats, dataDirectory } = this.#configuration;
    const pager = webhookPager(incidents);
    const others = sharedStreams(region);
    this.#streams = new StreamsWatch(bus, this.#clock, () => [...guard.streams, ...others]);
    this.#streams.start();
    const started = await startCell(
      {
        ...this.#configuration,
        reference: this.#reference,
        strongestMode: sound.value,
        patience: patienceOf(incidents),
        servesMarkets: this.#configuration.markets,
        scrub: { ...scrub, pause: durationNs(Math.round(scrub.pause * 1e9)) },
        hosting: {
          capacity: actors.capacity,
          maximumActors: actors.maximum,
          passivateAfter: durationNs(Math.round(actors.passivateAfter * 1e9)),
          limits: spawnLimits(actors.limits),
          hosts: actors.hosts,
        },
      },
      {
        bus,
        engine,
        slots: engineSlots(),
        clock: this.#clock,
        files: new SystemFiles(),
        replicas: new NatsJournalReplicas(bus),
        log: this.#log,
        logs: this.#logs,
        ...(this.#tracing === null ? {} : { tracing: this.#tracing }),
        randomBytes: (count) => new Uint8Array(randomBytes(count)),
        directory,
        ensureJournal: async (definition, isNew) =>
          await guard.ensureJournal(definition, placement, isNew),
        facts: () => this.#facts(),
        streams: () => this.#leaders(),
        onServing: (market, definition, epoch) => this.#doors?.serve(market, definition, epoch),
        onLeaving: (market, definition) => this.#doors?.leave(market, definition),
        processes: this.#strategies(bus, directory),
        audit: new AuditStream(bus, region, group, ensureAudit),
        ...(pager === null ? {} : { pager }),
        surroundings: () => surroundingsOf(dataDirectory, nats.caFile),
        serveControl: (endpoints, served) =>
          serveEndpoints(
            bus.connection,
            {
              name: `control-${served}`,
              version: this.#build,
              description: "Spawns, steers and describes the actors of a region",
              metadata: { region: served, cell },
            },
            endpoints,
          ),
      },
    );
    if (!started.ok) return this.#refuse(started.failure, exitCodes.failed);
    this.#cell = started.value;
    void started.value.system.ended.then((exit) => {
      if (this.#ending !== null) return;
      this.#log.error({ exit }, "the tree has ended");
      void this.end(exitCodes.failed);
    });
    // Asked to stop while the tree was started: the stop that is under way did not see it.
    if (ports.signal.aborted) await started.value.system.stop();
  }

  /** Regions may have joined the cluster: their files are read, and no others. */
  #learn(): void {
    const configuration = readConfiguration(process.argv.slice(2));
    const found = configuration.ok
      ? readReferenceData(configuration.value.regionsDirectory, configuration.value.regions)
      : configuration;
    if (found.ok) this.#cell?.learn(found.value);
    else this.#log.error({ failure: found.failure }, "files of regions were not read again");
  }

  /** Processes for users' strategies, each with one of the cell's guest users. */
  #strategies(bus: NatsBus, directory: CellDirectory): ConfinedPool {
    const { nats } = this.#configuration;
    const pool = new ConfinedPool({
      users: nats.guests.map(({ subject, seedFile }) => ({
        servers: nats.servers,
        // Read when a process starts: keys change while the cell runs.
        get seed() {
          return readFileSync(seedFile, "utf8").trim();
        },
        get authority() {
          return readFileSync(nats.caFile, "utf8");
        },
        get certificate() {
          return certificateBeside(seedFile);
        },
        subject,
      })),
      directory: directory.strategies,
      bus,
    });
    process.once("exit", () => pool.end());
    return pool;
  }

  /** Stops everything in reverse order; the first call decides the exit code. */
  end(code: number): Promise<void> {
    this.#ending ??= this.#end(code);
    return this.#ending;
  }

  async #end(code: number): Promise<void> {
    const late = setTimeout(() => {
      this.#log.error({ limitMs: stopLimitMs }, "the stop takes too long; ending as after a crash");
      process.exit(exitCodes.failed);
    }, stopLimitMs);
    late.unref();
    this.#phase = "the cell is stopping";
    this.#stopping.abort();
    this.#doors?.stop();
    this.#streams?.stop();
    try {
      await this.#servers?.stop();
      if (this.#cell !== null) {
        await this.#cell.drain();
        await this.#cell.system.stop();
      }
      await this.#engine?.stop();
      await this.#tracing?.stop();
      await this.#bus?.close();
      await this.#http?.close();
      this.#directory?.release();
    } catch (error) {
      this.#log.error({ error: describe(error) }, "the stop failed; ending as after a crash");
      process.exit(exitCodes.failed);
    }
    this.#log.info({ code }, "cell ended");
    process.exit(code);
  }

  #onSignal(signal: NodeJS.Signals): void {
    if (this.#ending !== null) process.exit(exitCodes.aborted);
    this.#log.info({ signal }, "stopping; a second signal aborts");
    void this.end(exitCodes.stopped);
  }

  #refuse(failure: Failure, code: number): void {
    sayFailure(failure);
    void this.end(code);
  }

  async #report(): Promise<RegionReport> {
    const report = await this.#cell?.report();
    if (report?.ok === true) {
      return this.#ending === null
        ? report.value
        : { ...report.value, ready: false, notReadyReason: this.#phase };
    }
    const state = this.#bus?.state();
    return {
      ...this.#facts(),
      name: this.#configuration.region,
      ready: false,
      notReadyReason: report === undefined ? this.#phase : report.failure.reason,
      cell: this.#configuration.cell,
      incarnation: this.#directory?.recordedIncarnation() ?? 0,
      natsState: state?.connected === true ? "connected" : "reconnecting",
      reconnects: state?.reconnects ?? 0,
      markets: [],
      standbys: [],
      leaseValidMs: 0,
      lastFailover: null,
      lastDrill: null,
      cluster: { streams: this.#leaders(), leases: [], actors: [] },
      deadLetters: 0,
      refusals: {},
      flow: { paused: true, sent: 0, refused: 0 },
    };
  }

  #leaders(): ClusterFacts["streams"] {
    const { streams, takenUnixMs } = this.#streams?.report ?? { streams: [], takenUnixMs: 0 };
    return streams.map(({ stream, leader, replicas, replicasCurrent, replicaLag }) => ({
      stream,
      leader,
      replicas,
      replicasCurrent,
      replicaLag,
      atUnixMs: takenUnixMs,
    }));
  }

  #facts(): CellFacts {
    return {
      engine: this.#engine?.implementation ?? "portable",
      natsServer: this.#bus?.connection.info?.version ?? "",
      http: this.#http?.url ?? "",
      startedUnixMs: this.#startedUnixMs,
      build: this.#build,
    };
  }
}

const describe = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);

function sayFailure(failure: Failure): void {
  process.stderr.write(`meridian cell: ${failure.reason}\n`);
  if (failure.next !== "") process.stderr.write(`  next: ${failure.next}\n`);
}

function productVersion(): string {
  const file = fileURLToPath(new URL("../../package.json", import.meta.url));
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version;
}

const configuration = readConfiguration(process.argv.slice(2));
if (!configuration.ok) {
  sayFailure(configuration.failure);
  process.exit(exitCodes.unusable);
}
const { region, cell, regions, regionsDirectory } = configuration.value;
const reference = readReferenceData(regionsDirectory, regions);
if (!reference.ok) {
  sayFailure(reference.failure);
  process.exit(exitCodes.unusable);
}
const { log, control } = cellLog({ region, cell });
await new CellProcess(configuration.value, reference.value, log, control).start();
