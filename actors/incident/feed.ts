import type { Bus } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { DurationNs } from "../kernel/units.ts";
import { encodeClear, encodeRaise, incidentSubject, refusalOf } from "./codec.ts";
import { idOf, type Told } from "./findings.ts";

export interface FeedPorts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** `<region>/<cell>`. */
  readonly source: string;
  /** Never used before by this cell: the first part of its command ids. */
  readonly session: number;
}

export interface FeedCounts {
  readonly told: number;
  /** Findings that were told again before their incident had answered. */
  readonly superseded: number;
  readonly dropped: number;
}

interface Waiting {
  readonly region: string;
  readonly id: string;
  told: Told;
  commandId: string;
  /** Requests without an answer that counts, since what is told has changed. */
  tries: number;
  /** Ends the pause before the next one. */
  hurry: () => void;
}

/** Findings of one cell that no incident has taken yet; one more is dropped and counted. */
export const mostWaiting = 256;
const answerWithin = 3_000_000_000 as DurationNs;
/** The cell that keeps an incident may have just died: another one has it within seconds. */
const againAfter = 300_000_000;
const quickTries = 30;
/** In the end, and from the start for what is over: it is nobody's hurry, and often was no incident at all. */
const longestPause = 10_000_000_000;
/** What standing findings are told again after, so that one that was resolved too early comes back. */
const repeatAfter = 60_000_000_000;
/** Refusals that may be none a moment later. */
const passing: ReadonlySet<string> = new Set(["busy", "unavailable", "timeout", "internal"]);

/**
 * Tells incidents what a cell's detectors find until they have taken it: the cell that keeps an incident
 * may be the one that has just died. Of each finding only the present state waits.
 */
export class IncidentFeed {
  readonly #ports: FeedPorts;
  readonly #waiting = new Map<string, Waiting>();
  /** What was taken last, and when: the same within a minute is not told again. */
  readonly #taken = new Map<string, { readonly stands: boolean; readonly at: number }>();
  #counts = { told: 0, superseded: 0, dropped: 0 };
  #numbers = 0;
  #ended = false;

  constructor(ports: FeedPorts) {
    this.#ports = ports;
  }

  get counts(): FeedCounts {
    return this.#counts;
  }

  /** `region`: where the incident is kept. */
  tell(region: string, told: Told): void {
    const id = idOf(told.finding);
    const key = `${region} ${id}`;
    const taken = this.#taken.get(key);
    const now = this.#ports.clock.monotonic();
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      if (waiting.told.stands !== told.stands) {
        this.#counts.superseded += 1;
        waiting.commandId = this.#commandId(id);
        waiting.tries = 0;
      }
      waiting.told = told;
      if (waiting.tries === 0) waiting.hurry();
      return;
    }
    const same = taken?.stands === told.stands;
    if (same && (!told.stands || now - taken.at < repeatAfter)) return;
    if (this.#waiting.size >= mostWaiting) {
      this.#counts.dropped += 1;
      return;
    }
    const commandId = this.#commandId(id);
    const entry: Waiting = { region, id, told, commandId, tries: 0, hurry: () => {} };
    this.#waiting.set(key, entry);
    void this.#send(key, entry);
  }

  end(): void {
    this.#ended = true;
    for (const { hurry } of this.#waiting.values()) hurry();
    this.#waiting.clear();
  }

  #commandId(id: string): string {
    this.#numbers += 1;
    return `${this.#ports.session}/${this.#numbers}/${id}`.slice(0, 128);
  }

  async #send(key: string, entry: Waiting): Promise<void> {
    const { bus, log } = this.#ports;
    while (!this.#ended) {
      const { told, commandId } = entry;
      const { finding, stands } = told;
      const subject = incidentSubject(entry.region, entry.id, stands ? "raise" : "clear");
      const payload = stands
        ? encodeRaise(commandId, finding)
        : encodeClear(commandId, finding.source, finding.detail);
      const answer = await bus.request(subject, payload, answerWithin);
      const refusal = answer.ok ? refusalOf(answer.value) : answer;
      const failure = refusal.ok ? refusal.value : refusal.failure;
      const decided = answer.ok && (failure === null || !passing.has(failure.code));
      if (decided && entry.commandId === commandId) {
        this.#waiting.delete(key);
        // What is over without ever having been an incident needs none.
        const missed = failure !== null && failure.code !== "not_found";
        if (missed) {
          this.#counts.dropped += 1;
          log.error({ id: entry.id, failure }, "an incident did not take what was found");
        } else this.#counts.told += 1;
        this.#remember(key, stands);
        return;
      }
      if (decided) continue;
      await this.#pause(entry);
    }
  }

  #pause(entry: Waiting): Promise<void> {
    const slower = entry.told.stands ? Math.max(0, entry.tries - quickTries) : entry.tries;
    entry.tries += 1;
    const pause = Math.min(longestPause, againAfter * 2 ** Math.min(slower, 6));
    return new Promise((resolve) => {
      const cancel = this.#ports.clock.after(pause as DurationNs, resolve);
      entry.hurry = () => {
        cancel();
        resolve();
      };
    });
  }

  #remember(key: string, stands: boolean): void {
    this.#taken.delete(key);
    this.#taken.set(key, { stands, at: this.#ports.clock.monotonic() });
    if (this.#taken.size <= 4 * mostWaiting) return;
    for (const oldest of this.#taken.keys()) {
      this.#taken.delete(oldest);
      return;
    }
  }
}
