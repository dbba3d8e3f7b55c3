import { wire } from "../../schemas/messages.ts";
import { alertSubject } from "../../schemas/subjects.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { ReplicaFault } from "../market/scrub.ts";

/** A server whose replica of a market's journal is not what was written. */
export interface JournalFinding {
  readonly market: string;
  readonly stream: string;
  readonly server: string;
  readonly fault: ReplicaFault;
}

interface Standing extends JournalFinding {
  readonly raisedUnixMs: number;
}

const repeatEvery = 10_000_000_000 as DurationNs;

const nextOf = ({ stream, server, fault }: JournalFinding): string =>
  fault.kind === "unread"
    ? `start nats-server ${server}; when it runs and does not come into step, stop it, remove its JetStream folder and start it again: it copies everything from its peers`
    : `stop nats-server ${server}, remove its folder of stream ${stream} and start it again: it copies the stream from its peers`;

/**
 * Faults of journals on NATS: told when they are found, every ten seconds while they stand, because core
 * NATS keeps nothing, and when a later reading finds the replica sound. One per server and market.
 */
export class JournalAlerts {
  readonly #cell: { readonly region: string; readonly cell: string };
  readonly #ports: { readonly bus: Bus; readonly clock: Clock; readonly log: Log };
  readonly #standing = new Map<string, Standing>();
  #cancel: (() => void) | null = null;

  constructor(
    cell: { readonly region: string; readonly cell: string },
    ports: { readonly bus: Bus; readonly clock: Clock; readonly log: Log },
  ) {
    this.#cell = cell;
    this.#ports = ports;
  }

  /** Faults that stand. */
  get standing(): readonly JournalFinding[] {
    return [...this.#standing.values()];
  }

  raise(finding: JournalFinding): void {
    const key = `${finding.market} ${finding.server}`;
    if (this.#standing.has(key)) return;
    const raisedUnixMs = Number(this.#ports.clock.now() / 1_000_000n);
    const standing = { ...finding, raisedUnixMs };
    this.#standing.set(key, standing);
    this.#ports.log.error(
      { ...finding, next: nextOf(finding) },
      "a server's replica of a journal is damaged",
    );
    this.#tell(standing, true, false);
    this.#cancel ??= this.#ports.clock.after(repeatEvery, () => this.#repeat());
  }

  /** After the replicas of a market on `servers` were read whole: what stands, and what is over. */
  settle(market: string, servers: readonly string[], found: readonly JournalFinding[]): void {
    for (const [key, standing] of this.#standing) {
      if (standing.market !== market || !servers.includes(standing.server)) continue;
      if (found.some(({ server }) => server === standing.server)) continue;
      this.#standing.delete(key);
      this.#ports.log.info({ market, server: standing.server }, "the replica is sound again");
      this.#tell(standing, false, false);
    }
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #repeat(): void {
    this.#cancel = null;
    for (const standing of this.#standing.values()) this.#tell(standing, true, true);
    if (this.#standing.size === 0) return;
    this.#cancel = this.#ports.clock.after(repeatEvery, () => this.#repeat());
  }

  #tell(finding: Standing, stands: boolean, repeated: boolean): void {
    const { market, stream, server, fault, raisedUnixMs } = finding;
    const { region, cell } = this.#cell;
    const message: wire.control.v1.IJournalAlert = {
      region,
      cell,
      market,
      stands,
      raisedUnixMs,
      stream,
      server,
      fault: fault.kind,
      streamSequence: fault.streamSequence,
      lastSequence: fault.lastSequence,
      next: stands ? nextOf(finding) : "",
      repeated,
    };
    this.#ports.bus.publish(
      alertSubject(region, "journal", market),
      wire.control.v1.JournalAlert.encode(message).finish(),
    );
  }
}
