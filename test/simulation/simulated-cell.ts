import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import type { Bus } from "../../actors/kernel/ports/bus.ts";
import type { Clock } from "../../actors/kernel/ports/clock.ts";
import type { Log } from "../../actors/kernel/ports/log.ts";
import type { MarketEngine, MatchingEngine } from "../../actors/kernel/ports/matching-engine.ts";
import { ok } from "../../actors/kernel/result.ts";
import type { RegionReport } from "../../actors/region/messages.ts";
import { type Cell, defaultHosting, startCell } from "../../actors/root/cell.ts";
import type { CellDirectory } from "../../actors/root/cell-directory.ts";
import { engineSlots } from "../../actors/root/engine.ts";
import type { ReferenceData } from "../../actors/root/reference-data.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { Life, type Scheduler } from "./scheduler.ts";
import { SimulatedBus, type SimulatedSwitch } from "./simulated-bus.ts";
import { type MachineTime, SimulatedClock } from "./simulated-clock.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";

/** A machine with a disk and a clock of its own, on which one cell runs again and again. */
export interface Machine {
  readonly name: string;
  readonly site: number;
  readonly region: string;
  reference: ReferenceData;
  /** `production`: a second person approves what moves markets. */
  profile?: "demo" | "production";
  readonly disk: SimulatedDisk;
  readonly time: MachineTime;
  readonly random: SeededRandomness;
  /** Risk limits live in shards of actors. */
  readonly hostsActors: boolean;
}

/** Wrapped around the ports of a cell: what a planted defect changes. */
export interface Defect {
  bus?(bus: Bus): Bus;
  engine?(engine: MatchingEngine): MatchingEngine;
  clock?(clock: Clock): Clock;
  /** Called when a market's log has been found to differ from its journal. */
  diverged?(): void;
  /** Called when a write-ahead log cannot be written any more. */
  logFailed?(): void;
}

/** Until the machine's service manager starts an ended cell again; one in two takes longer. */
const RESTART_NS = [0.2e9, 2e9] as const;
const LONG_RESTART_NS = 10e9;
/** A server closes the connection of a client that has not read for this long. */
const SLOW_CONSUMER_NS = 10e9;
/** Commands and events that may wait; a cell of its own has more. */
const RINGS = { commandCapacity: 2_048, eventCapacity: 16_384 };

/** A cell as its machine runs it: the real wiring and actors on simulated ports. */
export class SimulatedCell {
  readonly machine: Machine;
  readonly #shared: SimulatedSwitch;
  readonly #scheduler: Scheduler;
  readonly #defect: Defect;
  #life: Life | null = null;
  #bus: SimulatedBus | null = null;
  #cell: Cell | null = null;
  #lives = 0;
  #pausedAt = 0;
  #freezing = false;
  /** Markets this life has opened. */
  #opened = new Map<string, MarketEngine>();
  /** True while nobody restarts it. */
  held = false;

  constructor(machine: Machine, shared: SimulatedSwitch, defect: Defect = {}) {
    this.machine = machine;
    this.#shared = shared;
    this.#scheduler = shared.scheduler;
    this.#defect = defect;
  }

  get alive(): boolean {
    return this.#life?.alive === true;
  }

  get paused(): boolean {
    return this.#life?.paused === true;
  }

  /** Books as this life's engine holds them. */
  get opened(): ReadonlyMap<string, MarketEngine> {
    return this.#opened;
  }

  report(): Promise<RegionReport | null> {
    const asked = this.#cell?.report();
    return asked?.then((answer) => (answer.ok ? answer.value : null)) ?? Promise.resolve(null);
  }

  start(): void {
    if (this.alive) return;
    this.#lives += 1;
    const life = new Life(`${this.machine.name}#${this.#lives}`);
    this.#life = life;
    this.#cell = null;
    this.#opened = new Map();
    this.#scheduler.in(0, life, "boot", () => void this.#boot(life));
  }

  /** kill -9, or a power cut of the machine; it starts again some time later unless held. */
  crash(powerCut: boolean): void {
    const life = this.#life;
    if (life === null || !life.alive) return;
    this.#end(life, powerCut ? "power cut" : "killed");
    if (powerCut) {
      const torn = this.machine.disk.powerCut();
      this.#scheduler.trace.say(this.#scheduler.now, this.machine.name, `${torn} sectors lost`);
    }
  }

  /** SIGSTOP, or a frozen virtual machine whose clocks stand still meanwhile. */
  pause(freeze: boolean): void {
    const life = this.#life;
    if (life === null || !life.alive || life.paused) return;
    life.paused = true;
    this.#pausedAt = this.#scheduler.now;
    this.#freezing = freeze;
    this.#scheduler.trace.say(this.#scheduler.now, life.name, freeze ? "frozen" : "paused");
  }

  resume(): void {
    const life = this.#life;
    if (life === null || !life.alive || !life.paused) return;
    const lasted = this.#scheduler.now - this.#pausedAt;
    if (this.#freezing) this.machine.time.frozen += lasted;
    this.#scheduler.trace.say(this.#scheduler.now, life.name, "resumed");
    this.#scheduler.resume(life);
    if (lasted > SLOW_CONSUMER_NS) this.#bus?.drop();
  }

  #end(life: Life, why: string): void {
    life.alive = false;
    this.#scheduler.trace.say(this.#scheduler.now, life.name, why);
    this.#bus?.forget();
    this.#bus = null;
    this.#cell = null;
    this.machine.disk.killed(life);
    const [least, usual] = RESTART_NS;
    const most = this.machine.random.below(2) === 0 ? usual : LONG_RESTART_NS;
    const delay = least + (most - least) * this.machine.random.unit();
    this.#scheduler.in(delay, machines, "restart", () => {
      if (!this.held) this.start();
    });
  }

  async #boot(life: Life): Promise<void> {
    const { machine } = this;
    const { disk } = machine;
    const clock = new SimulatedClock(this.#scheduler, life, machine.time);
    const seenClock = this.#defect.clock?.(clock) ?? clock;
    const bus = new SimulatedBus(this.#shared, life, machine.site, clock);
    this.#bus = bus;
    const random = machine.random.fork(life.name);
    const randomBytes = (count: number): Uint8Array =>
      Uint8Array.from({ length: count }, () => random.below(256));
    await connected(bus, clock);
    const inner = new PortableEngine({
      ...RINGS,
      clock,
      storage: disk.logStorage(life, randomBytes),
    });
    const engine: MatchingEngine = {
      implementation: "portable",
      open: async (request) => {
        const market = await inner.open(request);
        if (life === this.#life) this.#opened.set(request.market, market);
        return market;
      },
      stop: () => inner.stop(),
    };
    const startedUnixMs = Number(clock.now() / 1_000_000n);
    const started = await startCell(
      {
        region: machine.region,
        cell: machine.name,
        reference: machine.reference,
        profile: machine.profile ?? "demo",
        strongestMode: "replicated",
        flow: { enabled: false, seed: 1, rate: 1 },
        hosting: { ...defaultHosting, capacity: machine.hostsActors ? 100 : 0 },
      },
      {
        bus: this.#defect.bus?.(bus) ?? bus,
        engine: this.#defect.engine?.(engine) ?? engine,
        slots: engineSlots(),
        clock: seenClock,
        files: disk.files(life),
        log: this.#log(life),
        randomBytes,
        directory: cellDirectory(disk, life, randomBytes),
        ensureJournal: () => Promise.resolve(ok(undefined)),
        facts: () => ({
          engine: "portable",
          natsServer: bus.state().server,
          http: "",
          startedUnixMs,
          build: "simulation",
        }),
      },
    );
    if (!started.ok) throw new Error(`the cell did not start: ${started.failure.reason}`);
    this.#cell = started.value;
    void started.value.system.ended.then((exit) => {
      if (life.alive) this.#end(life, `the tree has ended: ${JSON.stringify(exit.reason)}`);
    });
  }

  /** Warnings and errors become lines of the trace. */
  #log(life: Life): Log {
    const line =
      (level: string) =>
      (fields: object, message: string): void => {
        const text = `${level} ${message} ${JSON.stringify(fields)}`.slice(0, 400);
        this.#scheduler.trace.say(this.#scheduler.now, life.name, text);
        if (message === "the log and the accepted journal diverge") this.#defect.diverged?.();
        if (message === "the write-ahead log cannot be written") this.#defect.logFailed?.();
      };
    const log: Log = {
      info: line("info"),
      warn: line("warn"),
      error: line("error"),
      child: () => log,
    };
    return log;
  }
}

/** Acts for what is outside every process: service managers, operators, faults. */
export const machines = new Life("machines");

function cellDirectory(
  disk: SimulatedDisk,
  life: Life,
  randomBytes: (count: number) => Uint8Array,
): CellDirectory {
  const stored = (path: string, fresh: () => Uint8Array): string => {
    const found = disk.read(path) ?? fresh();
    disk.store(path, found);
    return Buffer.from(found).toString("utf8");
  };
  if (!disk.lock("cell", life)) throw new Error("the folder of the cell is in use");
  const node = stored(
    "cell/node",
    () => new Uint8Array(Buffer.from(Buffer.from(randomBytes(16)).toString("hex"))),
  );
  let incarnation = Number(stored("cell/incarnation", () => new Uint8Array(Buffer.from("0"))));
  return {
    node,
    recordedIncarnation: () => incarnation,
    persistIncarnation: (next) => {
      disk.store("cell/incarnation", new Uint8Array(Buffer.from(String(next))));
      incarnation = next;
    },
    market: (name) => `cell/markets/${name}`,
    actors: "cell/actors",
    strategies: "cell/strategies",
    release: () => disk.unlock("cell", life),
  };
}

async function connected(bus: SimulatedBus, clock: Clock): Promise<void> {
  while (!bus.state().connected) {
    await new Promise<void>((resolve) => {
      clock.after(250_000_000 as Parameters<Clock["after"]>[0], resolve);
    });
  }
}
