import type { ChainMessage, ChainState } from "../kernel/accepted-chain.ts";
import type { StoredMessage } from "../kernel/ports/bus.ts";
import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log } from "../kernel/ports/log.ts";
import { isWhole, provesGap } from "./scrub.ts";

/** What a reader at the leader cannot believe at once. */
export type Doubt = "damaged" | "missing";

/** Servers that must show the same before it is believed: of three, one can be damaged. */
const WITNESSES = 2;

/**
 * A taker that folds the journal of a damaged leader would take its end for the end of what was
 * accepted, and everything behind would be lost for good under its fence. What cannot have been written
 * like that is therefore asked of another server, before it counts.
 */
export class LeaderDoubt {
  readonly #replicas: JournalReplicas;
  readonly #log: Log;
  readonly #stream: string;
  /** Leaders that showed it, by the message and the doubt. */
  readonly #witnesses = new Map<string, Set<string>>();
  /** The leader at the question before: a server is a witness when it led before and after a reading. */
  #leader = "";

  constructor(replicas: JournalReplicas, log: Log, stream: string) {
    this.#replicas = replicas;
    this.#log = log;
    this.#stream = stream;
  }

  /** Of a message that the chain does not accept; null when it is only stale or a second copy. */
  of(chain: ChainState, message: ChainMessage | null): Doubt | null {
    if (message === null || !isWhole(message)) return "damaged";
    return provesGap(chain, message) ? "missing" : null;
  }

  /**
   * `as_written`: two servers show the same. Else the leader was asked to leave its place, and the
   * message is to be read again; the reason is for people.
   */
  async ask(
    stored: StoredMessage,
    doubt: Doubt,
  ): Promise<"as_written" | { readonly reason: string }> {
    const { streamSequence, payload } = stored;
    const what = `message ${streamSequence} of ${this.#stream} is ${doubt === "damaged" ? "damaged" : "not the next one"}`;
    const holders = await this.#replicas.holders(this.#stream);
    if (!holders.ok || holders.value.leader === "") {
      return { reason: `${what}, and no leader can be asked` };
    }
    const { leader, up } = holders.value;
    const ledBefore = this.#leader === leader;
    this.#leader = leader;
    if (!ledBefore) return { reason: `${what} on ${leader}, reading it again` };
    const key = `${streamSequence} ${doubt} ${Buffer.from(payload).toString("base64")}`;
    const witnesses = this.#witnesses.get(key) ?? new Set<string>();
    witnesses.add(leader);
    // One message is doubted at a time.
    this.#witnesses.clear();
    this.#witnesses.set(key, witnesses);
    if (witnesses.size >= WITNESSES) {
      this.#log.error({ streamSequence, doubt, servers: [...witnesses] }, `${what} on two servers`);
      return "as_written";
    }
    const other = up.find((server) => !witnesses.has(server)) ?? null;
    this.#log.error({ streamSequence, doubt, leader, other }, what);
    if (other === null) return { reason: `${what} on ${leader}, and no other server is up` };
    await this.#replicas.stepDown(this.#stream, other);
    return { reason: `${what} on ${leader}, asking ${other}` };
  }
}
