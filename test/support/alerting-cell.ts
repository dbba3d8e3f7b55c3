import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { ensureAssets, ensureMarketAssets } from "../../actors/bus/assets.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { SystemFiles } from "../../actors/kernel/system-files.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { type Cell, startCell } from "../../actors/root/cell.ts";
import { type CellDirectory, openCellDirectory } from "../../actors/root/cell-directory.ts";
import { engineSlots } from "../../actors/root/engine.ts";
import { loadNativeEngine, type NativeEngine, type NativeMarket } from "../../native/index.ts";
import { wire } from "../../schemas/messages.ts";
import { commandSubject, patterns } from "../../schemas/subjects.ts";
import { cellMarket, cellRegion } from "./memory-cell.ts";
import { startCluster, type TestCluster } from "./nats-cluster.ts";
import { silentLog } from "./ports.ts";
import { until } from "./until.ts";

type Alert = wire.control.v1.LatencyAlert;

/** A message that came over NATS. */
export interface HeardAlert {
  readonly subject: string;
  readonly alert: Alert;
  /** performance.now() */
  readonly atMs: number;
}

const { Side, OrderType, TimeInForce } = wire.market.v1;
/** Some thousand orders a second: each window of 100 ms has far more than the detector needs. */
const ORDERS_PER_REQUEST = 100;
const REQUEST_EVERY_MS = 10;

/**
 * A cell on the native engine with one market, on real nats-servers, under a steady flow of orders from
 * a client, and a listener on another connection that hears its alerts.
 */
export class AlertingCell {
  readonly heard: HeardAlert[] = [];
  readonly #cluster: TestCluster;
  readonly #folder: string;
  readonly #engine: NativeEngine;
  readonly #buses: readonly [NatsBus, NatsBus];
  readonly #directory: CellDirectory;
  readonly #cell: Cell;
  readonly #market: NativeMarket;
  #flow: Promise<void> | null = null;
  readonly #ending = new AbortController();
  #orders = 0;
  #worstLagMs = 0;

  private constructor(parts: {
    readonly cluster: TestCluster;
    readonly folder: string;
    readonly engine: NativeEngine;
    readonly buses: readonly [NatsBus, NatsBus];
    readonly directory: CellDirectory;
    readonly cell: Cell;
    readonly market: NativeMarket;
  }) {
    this.#cluster = parts.cluster;
    this.#folder = parts.folder;
    this.#engine = parts.engine;
    this.#buses = parts.buses;
    this.#directory = parts.directory;
    this.#cell = parts.cell;
    this.#market = parts.market;
    this.#buses[1].subscribe(patterns.alerts, (subject, payload) =>
      this.heard.push({
        subject,
        alert: wire.control.v1.LatencyAlert.decode(payload),
        atMs: performance.now(),
      }),
    );
  }

  static async start(): Promise<AlertingCell> {
    const cluster = await startCluster();
    const loaded = loadNativeEngine();
    if (!loaded.ok) throw new Error(loaded.failure.reason);
    const engine = loaded.value;
    const clock = systemClock();
    const folder = mkdtempSync(join(tmpdir(), "meridian-alerts-"));
    const opened = openCellDirectory(folder);
    if (!opened.ok) throw new Error(opened.failure.reason);
    const connect = (user: string): Promise<NatsBus> =>
      connectNats({ servers: cluster.urls, user, seed: cluster.seed, authority: null });
    const bus = await connect("cell");
    const listener = await connect("listener");
    const ports = { bus, clock, log: silentLog, signal: new AbortController().signal };
    const assets = await untilMade(() => ensureAssets(ports, cellRegion, 3));
    if (!assets.ok) throw new Error(assets.failure.reason);
    const started = await startCell(
      {
        region: cellRegion,
        cell: "test",
        reference: {
          groups: { [cellRegion]: ["atlas"] },
          markets: [{ ...cellMarket, mode: "matched" }],
        },
        strongestMode: "durable",
        flow: { enabled: false, seed: 7, rate: 1 },
      },
      {
        bus,
        engine,
        slots: engineSlots(),
        clock,
        files: new SystemFiles(),
        log: silentLog,
        randomBytes: (count) => new Uint8Array(randomBytes(count)),
        directory: opened.value,
        ensureJournal: (definition) => ensureMarketAssets(ports, definition, 3),
        facts: () => ({
          engine: "native",
          natsServer: "",
          http: "",
          startedUnixMs: Date.now(),
          build: "test",
        }),
      },
    );
    if (!started.ok) throw new Error(started.failure.reason);
    await ready(started.value);
    const market = engine.market(cellMarket.market);
    if (market === null) throw new Error("the market is not open");
    return new AlertingCell({
      cluster,
      folder,
      engine,
      buses: [bus, listener],
      directory: opened.value,
      cell: started.value,
      market,
    });
  }

  /** Orders answered so far. */
  get orders(): number {
    return this.#orders;
  }

  /** How late this process's own timers were at worst since the last call, ms. */
  takeWorstLagMs(): number {
    const worst = this.#worstLagMs;
    this.#worstLagMs = 0;
    return worst;
  }

  /** Orders that trade with each other, until `stop`. */
  flow(): void {
    this.#flow ??= this.#send();
  }

  plantDelay(ns: number): void {
    this.#market.plantDelay(ns);
  }

  /** The first alert heard at or behind `from` that is as wanted. Throws when none comes in time. */
  async next(from: number, stands: boolean, limitMs: number): Promise<HeardAlert> {
    const end = performance.now() + limitMs;
    for (;;) {
      const found = this.heard
        .slice(from)
        .find(({ alert }) => alert.stands === stands && !alert.repeated);
      if (found !== undefined) return found;
      if (performance.now() > end) {
        throw new Error(`no alert with stands = ${stands} within ${limitMs} ms`);
      }
      await sleep(2);
    }
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#flow;
    await this.#cell.drain();
    await this.#cell.system.stop();
    await this.#engine.stop();
    for (const bus of this.#buses) await bus.close();
    this.#directory.release();
    await this.#cluster.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #send(): Promise<void> {
    const subject = commandSubject(cellRegion, cellMarket.market, "submit");
    let due = performance.now();
    for (let first = 1; !this.#ending.signal.aborted; first += ORDERS_PER_REQUEST) {
      const commands = Array.from({ length: ORDERS_PER_REQUEST }, (_, index) => ({
        number: first + index,
        account: 1 + (index % 2),
        place: {
          side: index % 2 === 0 ? Side.SIDE_BUY : Side.SIDE_SELL,
          orderType: OrderType.ORDER_TYPE_LIMIT,
          timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
          price: 500,
          quantity: 10,
        },
      }));
      const payload = wire.market.v1.SubmitRequest.encode({ session: 11, commands }).finish();
      const reply = await this.#buses[1].request(subject, payload, durationNs(10e9));
      if (!reply.ok) throw new Error(`the flow was not answered: ${reply.failure.reason}`);
      const { outcomes, refusal } = wire.market.v1.SubmitReply.decode(reply.value);
      const refused = refusal?.code ?? outcomes.find((each) => each.refusal)?.refusal?.code;
      if (refused) throw new Error(`the flow was refused: ${refused}`);
      this.#orders += outcomes.length;
      due = Math.max(due + REQUEST_EVERY_MS, performance.now());
      const planned = due;
      await sleep(Math.max(0, due - performance.now()));
      this.#worstLagMs = Math.max(this.#worstLagMs, performance.now() - planned);
    }
  }
}

async function untilMade<T extends { readonly ok: boolean }>(make: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    const made = await make();
    if (made.ok || tries === 100) return made;
    await sleep(100);
  }
}

async function ready(cell: Cell): Promise<void> {
  let reason = "";
  await until("the cell is ready", async () => {
    const report = await cell.report();
    reason = report.ok ? report.value.notReadyReason : report.failure.reason;
    return report.ok && report.value.ready;
  }).catch((cause: unknown) => {
    throw new Error(`the cell is not ready: ${reason}`, { cause });
  });
}
