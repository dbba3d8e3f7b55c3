import { type Failure, refuse, type Result } from "./result.ts";
import type { Epoch } from "./units.ts";

/** Who sends a message: an actor, the shard it belongs to, and the epoch of that shard it acts under. */
export interface SenderIdentity {
  readonly actor: string;
  readonly shard: string;
  readonly incarnation: number;
}

/** Shards whose epochs are remembered; beyond it the one asked for first is asked for again. */
const shardLimit = 4_096;

/**
 * Keeps out actors that were replaced: of each shard the highest epoch is known, and a message under a
 * lower one is refused. What is recorded decides, never what a sender claims: a higher incarnation than the
 * one known is looked up before it counts.
 */
export class IncarnationFence {
  readonly #recorded: (shard: string) => Promise<Result<Epoch | null>>;
  readonly #known = new Map<string, number>();
  readonly #lookups = new Map<string, Promise<Failure | null>>();

  constructor(recorded: (shard: string) => Promise<Result<Epoch | null>>) {
    this.#recorded = recorded;
  }

  /** `unknown`: ask `admit` instead. Failure code: stale_epoch. */
  check(sender: SenderIdentity): "passes" | "unknown" | Failure {
    const known = this.#known.get(sender.shard);
    if (known === undefined || sender.incarnation > known) return "unknown";
    return sender.incarnation === known ? "passes" : staleSender(sender, known);
  }

  /**
   * Null: the sender may go on. Failure codes: stale_epoch, not_owner (nobody owns the shard under that
   * epoch), unavailable (the record cannot be read).
   */
  async admit(sender: SenderIdentity): Promise<Failure | null> {
    const before = this.check(sender);
    if (before !== "unknown") return before === "passes" ? null : before;
    const failed = await this.#lookUp(sender.shard);
    if (failed !== null) return failed;
    const after = this.check(sender);
    if (after === "passes") return null;
    if (after !== "unknown") return after;
    return refuse(
      "not_owner",
      `no cell owns ${sender.shard} under epoch ${sender.incarnation}`,
      "send with the incarnation that the actor was started with",
    ).failure;
  }

  /** One question a shard at a time, however many senders wait for it. */
  #lookUp(shard: string): Promise<Failure | null> {
    const running = this.#lookups.get(shard);
    if (running !== undefined) return running;
    const lookup = this.#recorded(shard)
      .then((found) => {
        if (!found.ok) return found.failure;
        this.#remember(shard, found.value ?? 0);
        return null;
      })
      .finally(() => this.#lookups.delete(shard));
    this.#lookups.set(shard, lookup);
    return lookup;
  }

  #remember(shard: string, epoch: number): void {
    const oldest = this.#known.keys().next();
    if (!this.#known.has(shard) && this.#known.size >= shardLimit && !oldest.done) {
      this.#known.delete(oldest.value);
    }
    this.#known.set(shard, Math.max(epoch, this.#known.get(shard) ?? 0));
  }
}

function staleSender({ actor, shard, incarnation }: SenderIdentity, known: number): Failure {
  return refuse(
    "stale_epoch",
    `${actor} acts under epoch ${incarnation} of ${shard}, which is ${known} now`,
    "stop: the actor runs elsewhere",
  ).failure;
}
