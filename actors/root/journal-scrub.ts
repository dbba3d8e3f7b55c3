import { journalStream, journalSubject } from "../../schemas/subjects.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, type Result } from "../kernel/result.ts";
import { durationNs, type DurationNs } from "../kernel/units.ts";
import { ReplicaFold, type ReplicaFault } from "../market/scrub.ts";
import type { MarketReport } from "../region/messages.ts";
import type { JournalAlerts, JournalFinding } from "./journal-alerts.ts";

/** How a cell scrubs: one replica of one market at a time, at a bounded pace, again and again. */
export interface ScrubSettings {
  readonly bytesPerSecond: number;
  /** Between the end of a pass over all markets and the next. */
  readonly pause: DurationNs;
}

export const defaultScrub: ScrubSettings = {
  bytesPerSecond: 2 * 1024 * 1024,
  pause: durationNs(60_000_000_000),
};

/** What of a market's report a scrub goes by; `committed` is what the replicas must hold. */
export type ScrubbedMarket = Pick<MarketReport, "definition" | "committed" | "state">;

export interface ScrubPorts {
  readonly replicas: JournalReplicas;
  readonly clock: Clock;
  readonly log: Log;
  readonly alerts: JournalAlerts;
  /** The markets of this cell as they are now. */
  readonly markets: () => Promise<Result<readonly ScrubbedMarket[]>>;
}

/** What the scrub has done since the cell started. */
export interface ScrubCounters {
  /** Replicas that were read from their first message to their last. */
  readonly replicas: number;
  readonly messages: number;
  readonly faults: number;
  /** Replicas that could not be read: their server was down, or did not answer. */
  readonly unread: number;
}

const MESSAGES_AT_ONCE = 16;
/** Passes in a row without this replica; then it is told of. */
export const UNREAD_TOLD = 3;
const failed = durationNs(1_000_000_000);

interface Reading {
  readonly server: string;
  readonly fold: ReplicaFold;
}

/**
 * Reads the journals of this cell's markets end to end from every server that holds them and checks the
 * hash chain: JetStream neither looks at what it has stored, nor says what it leaves out. A fault is
 * told at the message where it is read. Leaders that are damaged are asked to step down for a sound
 * follower, so that takers and readers are shown what was written.
 */
export class JournalScrub {
  readonly #settings: ScrubSettings;
  readonly #ports: ScrubPorts;
  readonly #counters = { replicas: 0, messages: 0, faults: 0, unread: 0 };
  /** Passes in a row in which the replica could not be read, by market and server. */
  readonly #missed = new Map<string, number>();
  #stopped = false;
  #cancel: () => void = () => {};
  #end: () => void = () => {};

  constructor(settings: ScrubSettings, ports: ScrubPorts) {
    this.#settings = settings;
    this.#ports = ports;
  }

  counters(): ScrubCounters {
    return { ...this.#counters };
  }

  /** Scrubs until stopped. */
  async run(): Promise<void> {
    while (!this.#stopped) {
      const passed = await this.pass();
      await this.#sleep(passed ? this.#settings.pause : failed);
    }
  }

  /** Every replica of every market once; false when nobody could say which markets there are. */
  async pass(): Promise<boolean> {
    const reports = await this.#ports.markets();
    if (!reports.ok) return false;
    for (const report of reports.value.filter(isOpen)) {
      if (!this.#stopped) await this.#scrub(report);
    }
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#end();
  }

  async #scrub({ definition, committed }: ScrubbedMarket): Promise<void> {
    const { market, group, shard } = definition;
    const stream = journalStream(group, shard);
    const holders = await this.#ports.replicas.holders(stream);
    if (!holders.ok) {
      this.#counters.unread += 1;
      return;
    }
    for (const server of holders.value.down) this.#miss(market, stream, server);
    const whole: Reading[] = [];
    const findings: JournalFinding[] = [];
    for (const server of holders.value.up) {
      const tell = (fault: ReplicaFault): void => {
        this.#ports.alerts.raise({ market, stream, server, fault });
      };
      const reading = await this.#read(stream, market, server, committed, tell);
      if (this.#stopped) return;
      if (reading === null) {
        this.#miss(market, stream, server);
        continue;
      }
      this.#missed.delete(`${market} ${server}`);
      whole.push(reading);
      const { fault } = reading.fold;
      if (fault !== null) findings.push({ market, stream, server, fault });
    }
    const damaged = this.#confirmed(findings, whole, committed);
    const servers = whole.map(({ server }) => server);
    this.#ports.alerts.settle(market, servers, damaged);
    await this.#lead(stream, holders.value.leader, whole, damaged);
  }

  /** Null when the replica could not be read to its end. */
  async #read(
    stream: string,
    market: string,
    server: string,
    accepted: number,
    tell: (fault: ReplicaFault) => void,
  ): Promise<Reading | null> {
    const reader = await this.#ports.replicas.open(stream, journalSubject(market), server);
    if (!reader.ok) {
      this.#ports.log.info({ server, stream, reason: reader.failure.reason }, "replica not read");
      return null;
    }
    const fold = new ReplicaFold(market);
    try {
      while (!this.#stopped) {
        const read = await reader.value.next(MESSAGES_AT_ONCE);
        if (!read.ok) return null;
        if (read.value.length === 0) break;
        let bytes = 0;
        for (const message of read.value) {
          const known = fold.fault;
          fold.take(message);
          if (known === null && fold.fault !== null) tell(fold.fault);
          bytes += message.payload.length;
          this.#counters.messages += 1;
        }
        await this.#sleep(durationNs(Math.ceil((bytes / this.#settings.bytesPerSecond) * 1e9)));
        // A journal that is written to has no end: what comes now is the next pass's.
        const atEnd = read.value.length < MESSAGES_AT_ONCE && fold.lastSequence >= accepted;
        if (atEnd) break;
      }
      const known = fold.fault;
      fold.end(accepted);
      if (known === null && fold.fault !== null) tell(fold.fault);
      this.#counters.replicas += 1;
      return { server, fold };
    } finally {
      await reader.value.close();
    }
  }

  /**
   * What all servers show alike, with everything accepted in it, was stored like that: two writers whose
   * messages both passed. It is dropped by every reader and no fault of a server.
   */
  #confirmed(
    findings: readonly JournalFinding[],
    whole: readonly Reading[],
    accepted: number,
  ): readonly JournalFinding[] {
    const [first] = findings;
    const alike =
      first !== undefined &&
      whole.length > 1 &&
      findings.length === whole.length &&
      findings.every(
        ({ fault }) =>
          fault.kind === first.fault.kind && fault.streamSequence === first.fault.streamSequence,
      ) &&
      whole.every(({ fold }) => fold.lastSequence >= accepted);
    if (alike) return [];
    this.#counters.faults += findings.length;
    return findings;
  }

  #miss(market: string, stream: string, server: string): void {
    this.#counters.unread += 1;
    const times = (this.#missed.get(`${market} ${server}`) ?? 0) + 1;
    this.#missed.set(`${market} ${server}`, times);
    if (times < UNREAD_TOLD) return;
    const fault = { kind: "unread", streamSequence: 0, lastSequence: 0 } as const;
    this.#ports.alerts.raise({ market, stream, server, fault });
  }

  async #lead(
    stream: string,
    leader: string,
    whole: readonly Reading[],
    damaged: readonly JournalFinding[],
  ): Promise<void> {
    const isDamaged = (server: string): boolean => damaged.some((one) => one.server === server);
    const sound = whole.find(({ server }) => !isDamaged(server));
    if (!isDamaged(leader) || sound === undefined) return;
    const moved = await this.#ports.replicas.stepDown(stream, sound.server);
    this.#ports.log.warn(
      { stream, leader, to: sound.server, moved: moved.ok },
      "a damaged leader was asked to step down",
    );
  }

  #sleep(delay: DurationNs): Promise<void> {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#cancel = this.#ports.clock.after(delay, resolve);
    });
  }
}

const isOpen = ({ state }: ScrubbedMarket): boolean => state === "open" || state === "halted";

/** The markets of a report, for a scrub. */
export const marketsOf = (
  report: Result<{ readonly markets: readonly ScrubbedMarket[] }>,
): Result<readonly ScrubbedMarket[]> => (report.ok ? ok(report.value.markets) : report);
