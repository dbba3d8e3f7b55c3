import type { StoredMessage } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { SerialQueue } from "../kernel/serial-queue.ts";
import type { DurationNs } from "../kernel/units.ts";
import {
  type AuditEntry,
  type AuditKind,
  type AuditQuery,
  type AuditWindow,
  commandOf,
  decodeAuditRequest,
  decodeEntry,
  encodeAuditRefusal,
  encodeAuditWindow,
  encodeEntry,
  outcomeOf,
  type PlacedEntry,
  withAuditId,
} from "./audit-codec.ts";
import type { ViewReply } from "./tree-services.ts";

/** Where the trail of a region is kept. */
export interface AuditStore {
  /** Failure codes: those of Bus.append; after any of them it may have been kept. */
  append(kind: AuditKind, payload: Uint8Array): Promise<Result<void>>;
  /** Sequence of the region's last entry, 0 without one. Failure code: unavailable. */
  last(): Promise<Result<number>>;
  /** At most `count` of the region's entries from that sequence on, oldest first. Failure code: unavailable. */
  read(from: number, count: number): Promise<Result<readonly StoredMessage[]>>;
}

/** A trail in the memory of this process: of cells whose bus has no streams. */
export function memoryAuditStore(capacity = 10_000): AuditStore {
  const kept: StoredMessage[] = [];
  let last = 0;
  return {
    append(_kind, payload) {
      last += 1;
      kept.push({ streamSequence: last, payload });
      if (kept.length > capacity) kept.shift();
      return Promise.resolve(ok(undefined));
    },
    last: () => Promise.resolve(ok(last)),
    read: (from, count) =>
      Promise.resolve(
        ok(kept.filter(({ streamSequence }) => streamSequence >= from).slice(0, count)),
      ),
  };
}

export interface AuditPorts {
  readonly store: AuditStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly randomBytes: (count: number) => Uint8Array;
}

/** Entries that wait for the store at most; one more is in the cell's log only, and counted. */
const waitingLimit = 1_024;
const retryAfter = 1_000_000_000 as DurationNs;
/** Entries that can be searched: about 10 MB. */
const searchedLimit = 20_000;
const entriesPerRead = 500;
const windowLimit = 200;
/** Commands with an id of their own that are known again when they are sent again. */
const rememberedLimit = 1_024;

/** A command under way. */
export interface Audited {
  readonly id: string;
  /** Writes down what came of it; the value is the reply with the entry's id. */
  finish(reply: Uint8Array): Uint8Array;
}

/**
 * Writes down what people tell the exchange to do, and answers who asks for it. A command waits for its
 * entry at no time: what the store does not take is tried again, and is in the cell's log at once.
 */
export class AuditTrail {
  readonly #ports: AuditPorts;
  readonly #region: string;
  readonly #cell: string;
  readonly #waiting: { readonly kind: AuditKind; readonly payload: Uint8Array }[] = [];
  readonly #remembered = new Map<string, string>();
  readonly #search: AuditSearch;
  #sending = false;
  #ended = false;
  #dropped = 0;

  constructor(ports: AuditPorts, settings: { readonly region: string; readonly cell: string }) {
    this.#ports = ports;
    this.#region = settings.region;
    this.#cell = settings.cell;
    this.#search = new AuditSearch(ports.store);
  }

  /** Null: nothing that is written down. */
  begin(subject: string, payload: Uint8Array, user: string): Audited | null {
    const command = commandOf(subject, payload);
    if (command === null) return null;
    const { clock } = this.#ports;
    const { identity, ...facts } = command;
    const before = identity === null ? undefined : this.#remembered.get(identity);
    if (before !== undefined) {
      return { id: before, finish: (reply) => withAuditId(reply, before) };
    }
    const id = Buffer.from(this.#ports.randomBytes(9)).toString("base64url");
    if (identity !== null) this.#remember(identity, id);
    const began = clock.monotonic();
    const atUnixMs = Number(clock.now() / 1_000_000n);
    return {
      id,
      finish: (reply) => {
        this.#write({
          ...facts,
          // A client that does not say for whom it asks, asks for its own user.
          requestedBy: facts.requestedBy || user,
          ...outcomeOf(reply),
          id,
          region: this.#region,
          cell: this.#cell,
          user,
          atUnixMs,
          tookUs: Math.round((clock.monotonic() - began) / 1_000),
        });
        return withAuditId(reply, id);
      },
    };
  }

  /** A request to ops.<region>.audit. */
  async answer(payload: Uint8Array): Promise<ViewReply> {
    const query = decodeAuditRequest(payload);
    if (!query.ok) {
      return { payload: encodeAuditRefusal(query.failure), refusal: query.failure.code };
    }
    const window = await this.#search.window(query.value);
    if (!window.ok) {
      return { payload: encodeAuditRefusal(window.failure), refusal: window.failure.code };
    }
    const found = { ...window.value, dropped: this.#dropped };
    return { payload: encodeAuditWindow(found), refusal: null };
  }

  end(): void {
    this.#ended = true;
  }

  #remember(identity: string, id: string): void {
    this.#remembered.set(identity, id);
    if (this.#remembered.size <= rememberedLimit) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }

  #write(entry: AuditEntry & { readonly kind: AuditKind }): void {
    this.#ports.log.info({ audit: entry }, "command");
    if (this.#waiting.length >= waitingLimit) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push({ kind: entry.kind, payload: encodeEntry(entry) });
    if (!this.#sending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    const { store, clock, log } = this.#ports;
    let said = "";
    for (let [next] = this.#waiting; next !== undefined; [next] = this.#waiting) {
      const kept = await store.append(next.kind, next.payload);
      // An entry of which nobody knows is sent again: readers tell it by its id.
      if (kept.ok) {
        this.#waiting.shift();
        continue;
      }
      if (this.#ended) break;
      if (said !== kept.failure.reason) {
        said = kept.failure.reason;
        log.warn({ failure: kept.failure }, "the audit trail does not take an entry");
      }
      await new Promise<void>((resolve) => clock.after(retryAfter, resolve));
    }
    this.#sending = false;
  }
}

/** The newest entries of the trail, read from the store when somebody asks. */
class AuditSearch {
  readonly #store: AuditStore;
  readonly #reads = new SerialQueue();
  readonly #ids = new Set<string>();
  #entries: PlacedEntry[] = [];
  /** Sequence from which the next read begins; null: nothing has been read. */
  #from: number | null = null;

  constructor(store: AuditStore) {
    this.#store = store;
  }

  /** Failure code: unavailable. */
  async window(query: AuditQuery): Promise<Result<Omit<AuditWindow, "dropped">>> {
    const read = await this.#catchUp();
    if (!read.ok) return read;
    const limit = Math.min(query.limit === 0 ? windowLimit : query.limit, windowLimit);
    const before = query.before === 0 ? Number.POSITIVE_INFINITY : query.before;
    const entries: PlacedEntry[] = [];
    let next = 0;
    for (const entry of this.#entries.toReversed()) {
      if (entry.sequence >= before || !matches(entry, query)) continue;
      if (entries.length === limit) {
        next = entries.at(-1)?.sequence ?? 0;
        break;
      }
      entries.push(entry);
    }
    return ok({ entries, next, keptFrom: this.#entries[0]?.sequence ?? 0 });
  }

  /** One after another: two readers at once would take the same entries twice. */
  #catchUp(): Promise<Result<void>> {
    return new Promise((resolve, reject) => {
      this.#reads.enqueue(() => this.#read().then(resolve, reject));
    });
  }

  async #read(): Promise<Result<void>> {
    if (this.#from === null) {
      const last = await this.#store.last();
      if (!last.ok) return unread(last.failure.reason);
      this.#from = Math.max(1, last.value - searchedLimit);
    }
    for (;;) {
      const found = await this.#store.read(this.#from, entriesPerRead);
      if (!found.ok) return unread(found.failure.reason);
      for (const { payload, streamSequence } of found.value) {
        this.#from = streamSequence + 1;
        const entry = decodeEntry(payload, streamSequence);
        if (entry === null || this.#ids.has(entry.id)) continue;
        this.#ids.add(entry.id);
        this.#entries.push(entry);
      }
      if (this.#entries.length > searchedLimit) {
        const gone = this.#entries.splice(0, this.#entries.length - searchedLimit);
        for (const { id } of gone) this.#ids.delete(id);
      }
      if (found.value.length < entriesPerRead) return ok(undefined);
    }
  }
}

const unread = (reason: string): Result<never> =>
  refuse("unavailable", `the audit trail cannot be read: ${reason}`, "ask again in a moment");

function matches(entry: PlacedEntry, query: AuditQuery): boolean {
  const { user, target, kind, action, id } = query;
  return (
    (user === "" || entry.user === user || entry.requestedBy === user) &&
    (target === "" || entry.target.includes(target)) &&
    (kind === "" || entry.kind === kind) &&
    (action === "" || entry.action === action) &&
    (id === "" || entry.id === id || names(entry.parameters, id))
  );
}

/** By the id that its sender gave it, or that it is about: what a person has in hand. */
const names = (parameters: string, id: string): boolean =>
  parameters.includes(`":${JSON.stringify(id)}`);
