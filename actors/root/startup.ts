import type { CellConfiguration } from "../../schemas/configuration.ts";
import {
  actorSnapshotBucket,
  directoryBucket,
  eventLogStream,
  eventStream,
  journalStream,
  leaseBucket,
} from "../../schemas/subjects.ts";
import { ensureAssets, ensureMarketAssets } from "../bus/assets.ts";
import { loginFrom } from "../bus/login-files.ts";
import { connectNats, type NatsBus, type NatsOptions } from "../bus/nats.ts";
import { anywhere, asConfigured, type Placement } from "../bus/placement.ts";
import { type StrongestMode, syncAlwaysReport } from "../bus/sync-report.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { SerialQueue } from "../kernel/serial-queue.ts";
import { type DurationNs, durationNs } from "../kernel/units.ts";
import type { MarketDefinition } from "../region/messages.ts";

/** The parts of a cell's start that need NATS. */
export interface StartupPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the process is asked to stop. */
  readonly signal: AbortSignal;
}

const retryEvery = 500_000_000 as DurationNs;
const recheckEvery = 60_000_000_000 as DurationNs;
const recheckAfterFault = 5_000_000_000 as DurationNs;
/** Checks that may fail in a row: a server that is just restarting does not report for a while. */
const faultLimit = 12;
/** The report about a new journal is asked for this long: two elections and the restart of a server. */
const journalWait = durationNs(15_000_000_000);
const maximumReplicas = 3;

/** Failure code: configuration_invalid (a seed, a certificate or the authority cannot be read). */
export function natsOptions(
  configuration: CellConfiguration,
): Result<{ readonly cell: NatsOptions; readonly reporter: NatsOptions }> {
  const { region, nats } = configuration;
  try {
    const options = (user: string, seedFile: string): NatsOptions => ({
      servers: nats.servers,
      journalServers: nats.journalServers,
      user,
      ...loginFrom(seedFile, nats.caFile),
    });
    return ok({
      cell: { ...options(`cell-${region}`, nats.seedFile), keysApart: true },
      reporter: options(`reporter-${region}`, nats.systemSeedFile),
    });
  } catch (error) {
    return refuse(
      "configuration_invalid",
      error instanceof Error ? error.message : "a file of the nats section cannot be read",
      "correct the nats section of the configuration",
    );
  }
}

/** Streams that the servers' promise of durability does not rest on. */
export const sharedStreams = (region: string): readonly string[] => [
  `KV_${directoryBucket}`,
  `KV_${actorSnapshotBucket(region)}`,
  eventStream(region),
];

/** Connects; waits for as long as no server answers. Null when asked to stop meanwhile. */
export async function connectPatiently(
  options: NatsOptions,
  ports: StartupPorts,
): Promise<NatsBus | null> {
  let said = "";
  while (!ports.signal.aborted) {
    try {
      return await connectNats(options);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== said) ports.log.warn({ servers: options.servers, reason }, "waiting for NATS");
      said = reason;
    }
    await pause(ports, retryEvery);
  }
  return null;
}

/** Where the streams of the cell are made; unless it is told, one replica per region, three at most. */
export const placementOf = ({ region, regions, placement }: CellConfiguration): Placement =>
  placement === null
    ? anywhere(Math.min(maximumReplicas, regions.length))
    : asConfigured(region, placement);

/** Streams and buckets every cell needs; waits while JetStream has no leader. */
export async function ensureCellAssets(
  bus: NatsBus,
  configuration: CellConfiguration,
  ports: StartupPorts,
): Promise<Result<void>> {
  const { region } = configuration;
  for (;;) {
    const made = await ensureAssets({ bus, ...ports }, region, placementOf(configuration));
    if (made.ok || made.failure.code !== "unavailable" || ports.signal.aborted) return made;
    ports.log.warn({ failure: made.failure }, "waiting for JetStream");
  }
}

/**
 * Watches that every server which holds a lease or a journal syncs each write before it acknowledges
 * it, and is new enough for the mode that the cell has promised. What an acknowledgement says rests on
 * it, so the cell does not start, and does not go on, without.
 */
export class SyncGuard {
  readonly #bus: NatsBus;
  readonly #reporter: NatsOptions;
  readonly #ports: StartupPorts;
  readonly #streams: Set<string>;
  readonly #making = new SerialQueue();
  #promised: StrongestMode = "durable";

  constructor(bus: NatsBus, reporter: NatsOptions, ports: StartupPorts, region: string) {
    this.#bus = bus;
    this.#reporter = reporter;
    this.#ports = ports;
    this.#streams = new Set([`KV_${leaseBucket}`, eventLogStream(region)]);
  }

  /** Streams this cell rests on. */
  get streams(): readonly string[] {
    return [...this.#streams];
  }

  /** Checks now. Failure codes: not_durable, unavailable. */
  async check(): Promise<Result<StrongestMode>> {
    const report = await syncAlwaysReport(this.#bus, this.#reporter, [...this.#streams]);
    if (!report.ok) return report;
    const { strongest } = report.value;
    if (this.#promised === "replicated" && strongest === "durable") {
      return refuse(
        "not_durable",
        "a server of an older release has come, with which markets are durable at most",
        "install a current nats-server; a restarted cell goes on in the weaker mode",
      );
    }
    return ok(strongest);
  }

  /**
   * Checks until it is well; the value is the strongest mode a market may have, and later checks hold
   * the servers to it. Failure code: not_durable, when it stays so.
   */
  async pass(): Promise<Result<StrongestMode>> {
    for (let faults = 1; ; ) {
      const checked = await this.check();
      if (checked.ok) this.#promised = checked.value;
      if (checked.ok || this.#ports.signal.aborted) return checked;
      if (checked.failure.code === "not_durable") faults += 1;
      if (faults > faultLimit) return checked;
      this.#ports.log.warn({ failure: checked.failure }, "waiting for the report of the servers");
      await pause(this.#ports, retryEvery);
    }
  }

  /**
   * Makes the streams of a market and takes its journal into the watch. Failure codes: as
   * ensureMarketAssets; not_durable and unavailable when the servers' report stays so.
   */
  async ensureJournal(
    definition: MarketDefinition,
    placement: Placement,
    isNew: boolean,
  ): Promise<Result<void>> {
    const ports = { bus: this.#bus, ...this.#ports };
    // One after another: of two updates of a shard's stream at once, one would undo the other.
    const made = await new Promise<Result<void>>((resolve, reject) => {
      this.#making.enqueue(() =>
        ensureMarketAssets(ports, definition, placement, isNew).then(resolve, reject),
      );
    });
    if (!made.ok) return made;
    this.#streams.add(journalStream(definition.group, definition.shard));
    // One of the streams may be without a leader, or a server on its way back: that says nothing yet.
    const until = this.#ports.clock.monotonic() + journalWait;
    for (;;) {
      const checked = await this.check();
      if (checked.ok) return ok(undefined);
      if (this.#ports.signal.aborted || this.#ports.clock.monotonic() > until) return checked;
      await pause(this.#ports, retryEvery);
    }
  }

  /** Checks once a minute and after each reconnect; calls `onFault` when a fault stays. */
  watch(onFault: (reason: string) => void): void {
    let faults = 0;
    let cancel = (): void => {};
    const { clock, signal, log } = this.#ports;
    const look = async (): Promise<void> => {
      const checked = await this.check();
      if (signal.aborted) return;
      if (checked.ok || checked.failure.code !== "not_durable") faults = 0;
      else {
        faults += 1;
        log.warn({ failure: checked.failure, faults }, "the servers do not promise durability");
        if (faults >= faultLimit) onFault(checked.failure.reason);
      }
      schedule(faults === 0 ? recheckEvery : recheckAfterFault);
    };
    const schedule = (delay: DurationNs): void => {
      cancel();
      cancel = clock.after(delay, () => void look());
    };
    schedule(recheckEvery);
    this.#bus.onState(({ connected }) => {
      if (connected) schedule(recheckAfterFault);
    });
    signal.addEventListener("abort", () => cancel());
  }
}

function pause(ports: StartupPorts, delay: DurationNs): Promise<void> {
  return new Promise((resolve) => {
    const cancel = ports.clock.after(delay, resolve);
    ports.signal.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });
}
