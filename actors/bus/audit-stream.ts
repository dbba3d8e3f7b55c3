import { jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";

import { type AuditKind, auditStream, auditSubject, patterns } from "../../schemas/subjects.ts";
import type { StoredMessage } from "../kernel/ports/bus.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { NatsBus } from "./nats.ts";

const API_TIMEOUT_MS = 3_000;
const NO_MESSAGE = 404;

/** The audit trail of a region in the stream of its replication group. */
export class AuditStream {
  readonly #bus: NatsBus;
  readonly #region: string;
  readonly #stream: string;
  readonly #ensure: () => Promise<Result<void>>;
  #manager: Promise<JetStreamManager> | null = null;

  /** `ensure`: as ensureAuditAssets, of this region and group. */
  constructor(bus: NatsBus, region: string, group: string, ensure: () => Promise<Result<void>>) {
    this.#bus = bus;
    this.#region = region;
    this.#stream = auditStream(group);
    this.#ensure = ensure;
  }

  async append(kind: AuditKind, payload: Uint8Array): Promise<Result<void>> {
    const kept = await this.#bus.append(auditSubject(this.#region, kind), payload);
    // No leader now, or the region's part has gone: servers know no update of a stream under a condition, so
    // another cell's, begun before this region had added its part, may have taken it out.
    if (!kept.ok && kept.failure.code === "no_responders") await this.#ensure();
    return kept;
  }

  async last(): Promise<Result<number>> {
    const read = await this.#read(async ({ direct }) => {
      const message = await direct.getMessage(this.#stream, { last_by_subj: this.#subject });
      return message?.seq ?? 0;
    }, 0);
    return read;
  }

  read(from: number, count: number): Promise<Result<readonly StoredMessage[]>> {
    return this.#read<readonly StoredMessage[]>(async ({ direct }) => {
      const found: StoredMessage[] = [];
      const batch = await direct.getBatch(this.#stream, {
        seq: from,
        batch: count,
        next_by_subj: this.#subject,
      });
      for await (const { seq, data } of batch) found.push({ streamSequence: seq, payload: data });
      return found;
    }, []);
  }

  get #subject(): string {
    return patterns.auditsOf(this.#region);
  }

  /** `none`: what it is when the stream has no such message. Failure code: unavailable. */
  async #read<T>(work: (manager: JetStreamManager) => Promise<T>, none: T): Promise<Result<T>> {
    try {
      this.#manager ??= jetstreamManager(this.#bus.connection, {
        timeout: API_TIMEOUT_MS,
        checkAPI: false,
      });
      return ok(await work(await this.#manager));
    } catch (error) {
      if ((error as { readonly status?: number }).status === NO_MESSAGE) return ok(none);
      if ((error as { readonly code?: number }).code === NO_MESSAGE) return ok(none);
      const reason = error instanceof Error ? error.message : String(error);
      return refuse("unavailable", reason, "try again in a moment");
    }
  }
}
