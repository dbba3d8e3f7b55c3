import {
  connect,
  headers,
  nkeyAuthenticator,
  type ConnectionOptions,
  type MsgHdrs,
  type NatsConnection,
} from "nats";

import type {
  AppendFate,
  Bus,
  BusRequest,
  BusState,
  JournalStream,
  KeyEntry,
  KeyStore,
  StoredMessage,
  Subscription,
} from "../kernel/ports/bus.ts";
import { ok, refuse, unreachable, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { inboxPrefix, userOfInbox } from "../../schemas/subjects.ts";
import { NatsLink, RequestCounts, type RequestFigures } from "./nats-link.ts";
import { fateOf, type PublishAck } from "./publish-ack.ts";

/** How a process reaches its servers. */
export interface NatsOptions {
  /** nats://host:port or tls://host:port, the region's own server first. */
  readonly servers: readonly string[];
  /**
   * Servers that keep journals and buckets, the one nearby first: they get a connection of their own. Absent
   * or empty: the others keep them as well.
   */
  readonly journalServers?: readonly string[];
  /**
   * Buckets get a connection of their own, so that the renewal of a lease never stands in a line with blocks,
   * replies and market data. Absent: they share that of the journals.
   */
  readonly keysApart?: boolean;
  /** Name of the user: its private inbox is `_INBOX_<user>`. */
  readonly user: string;
  /** Nkey seed of the user. A function is asked at every connect: keys change while a process runs. */
  readonly seed: Uint8Array | (() => Uint8Array);
  /** Certificate authorities of the servers, PEM; null for a cluster without TLS. A function: as `seed`. */
  readonly authority: string | (() => string) | null;
  /** What the user proves itself by before it logs in, asked at every connect; null or absent: nothing. */
  readonly certificate?: () => ClientCertificate | null;
}

/** A certificate and its key, PEM. */
export interface ClientCertificate {
  readonly certificate: string;
  readonly key: string;
}

const second = 1_000;
/** A publish whose ack does not come in this time is undecided. */
const APPEND_TIMEOUT_MS = 5 * second;
const READ_TIMEOUT_MS = 2 * second;
const CONNECT_TIMEOUT_MS = 5 * second;
/** The pause before a reconnect is this long plus a random part of up to the jitter. */
const RECONNECT_WAIT_MS = 250;
const RECONNECT_JITTER_MS = 500;
/** A silent connection is given up after two of these. */
const PING_INTERVAL_MS = 5 * second;
/** Keys of a list that are read at a time. */
const READS_AT_ONCE = 32;
/** Bytes published without an answer from the server at most; more is dropped and counted. */
const UNFLUSHED_LIMIT = 16 * 1024 * 1024;
const FLUSH_EVERY = 1024 * 1024;
const NO_MESSAGE_FOUND = 10_037;
const STREAM_NOT_FOUND = 10_059;

/** What the connection has done. */
export interface BusCounters extends RequestFigures {
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly dropped: number;
  readonly unflushedBytes: number;
  readonly requestsUnderWay: number;
}

/** The client library reads these at every handshake, and takes an empty text for none. */
function tlsOf(
  authority: string | (() => string),
  certificate: NonNullable<NatsOptions["certificate"]>,
): NonNullable<ConnectionOptions["tls"]> {
  return {
    get ca() {
      return typeof authority === "string" ? authority : authority();
    },
    get cert() {
      return certificate()?.certificate ?? "";
    },
    get key() {
      return certificate()?.key ?? "";
    },
  };
}

/** Options of the client library: reconnects for ever with jitter, resends nothing by itself. */
export function connectionOptions(options: NatsOptions): ConnectionOptions {
  const { authority, certificate = () => null } = options;
  return {
    servers: [...options.servers],
    name: `meridian ${options.user}`,
    authenticator: nkeyAuthenticator(options.seed),
    inboxPrefix: inboxPrefix(options.user),
    ...(authority === null ? {} : { tls: tlsOf(authority, certificate) }),
    timeout: CONNECT_TIMEOUT_MS,
    noRandomize: true,
    ignoreClusterUpdates: true,
    reconnect: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    reconnectJitter: RECONNECT_JITTER_MS,
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    // A server that restarts may refuse users for a moment.
    ignoreAuthErrorAbort: true,
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: 2,
    noAsyncTraces: true,
  };
}

/** Connects; rejects when no server answers in five seconds. Afterwards it reconnects for ever. */
export async function connectNats(options: NatsOptions): Promise<NatsBus> {
  const { servers, journalServers = [], keysApart = false } = options;
  const opened: NatsConnection[] = [];
  const open = async (to: readonly string[]): Promise<NatsConnection> => {
    const connection = await connect(connectionOptions({ ...options, servers: to }));
    opened.push(connection);
    return connection;
  };
  try {
    const main = await open(servers);
    const journals = journalServers.length === 0 ? main : await open(journalServers);
    const keepers = journalServers.length === 0 ? servers : journalServers;
    return new NatsBus(main, journals, keysApart ? await open(keepers) : journals);
  } catch (error) {
    for (const connection of opened) await connection.close();
    throw error;
  }
}

/** The bus port over NATS with JetStream. */
export class NatsBus implements Bus {
  readonly journal: JournalStream;
  readonly keys: KeyStore;
  readonly #callbacks: ((state: BusState) => void)[] = [];
  readonly #requests = new RequestCounts();
  readonly #main: NatsLink;
  /** To the servers that keep journals. */
  readonly #journals: NatsLink;
  /** Each once: the main one, that of the journals, that of the buckets. */
  readonly #links: readonly NatsLink[];
  #dropped = 0;
  #unflushed = 0;
  #sinceFlush = 0;

  /** `journals` and `keys`: to the servers that keep journals and buckets; the main one, or one more. */
  constructor(
    connection: NatsConnection,
    journals: NatsConnection = connection,
    keys: NatsConnection = journals,
  ) {
    this.#main = new NatsLink(connection, this.#requests, () => {
      if (!this.#main.connected) {
        // The library forgets what was on its way out.
        this.#unflushed = 0;
        this.#sinceFlush = 0;
      }
      this.#changed();
    });
    const links = [this.#main];
    const linkOf = (wanted: NatsConnection): NatsLink => {
      const known = links.find((link) => link.connection === wanted);
      if (known !== undefined) return known;
      const link = new NatsLink(wanted, this.#requests, () => this.#changed());
      links.push(link);
      return link;
    };
    this.#journals = linkOf(journals);
    this.journal = new NatsJournal(this.#journals);
    this.keys = new NatsKeys(linkOf(keys));
    this.#links = links;
  }

  /** For what the port does not offer: assets, services. */
  get connection(): NatsConnection {
    return this.#main.connection;
  }

  /**
   * To the servers that keep journals. An inbox that has just been made is known there before what is asked for
   * with it; behind a gateway it is not, and what is sent to it is lost.
   */
  get journals(): NatsLink {
    return this.#journals;
  }

  publish(subject: string, payload: Uint8Array): void {
    if (!this.#main.connected || this.#unflushed >= UNFLUSHED_LIMIT) {
      this.#dropped += 1;
      return;
    }
    this.connection.publish(subject, payload);
    this.#sinceFlush += payload.length;
    this.#unflushed += payload.length;
    if (this.#sinceFlush >= FLUSH_EVERY) void this.#flush();
  }

  async request(
    subject: string,
    payload: Uint8Array,
    timeout: DurationNs,
  ): Promise<Result<Uint8Array>> {
    const answer = await this.#main.ask(subject, payload, Math.max(1, Math.ceil(timeout / 1e6)));
    return answer.ok ? ok(answer.value.data) : answer;
  }

  /** As NatsLink.ask. */
  ask(
    subject: string,
    payload: Uint8Array | string,
    timeoutMs: number,
    requestHeaders?: MsgHdrs,
  ): Promise<Result<{ readonly data: Uint8Array }>> {
    return this.#main.ask(subject, payload, timeoutMs, requestHeaders);
  }

  serve(subject: string, handler: (request: BusRequest) => void): Subscription {
    const subscription = this.connection.subscribe(subject, {
      // One of several processes that serve the same subject gets a request.
      queue: "serve",
      callback: (error, message) => {
        if (error !== null) return;
        handler({
          subject: message.subject,
          payload: new Uint8Array(message.data),
          user: userOfInbox(message.reply ?? ""),
          ...(message.headers === undefined ? {} : traceOf(message.headers)),
          respond: (payload) => {
            if (this.#main.connected) message.respond(payload);
            else this.#dropped += 1;
          },
        });
      },
    });
    return { unsubscribe: () => subscription.unsubscribe() };
  }

  subscribe(
    subject: string,
    handler: (subject: string, payload: Uint8Array) => void,
  ): Subscription {
    const subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null) handler(message.subject, new Uint8Array(message.data));
      },
    });
    return { unsubscribe: () => subscription.unsubscribe() };
  }

  async append(subject: string, payload: Uint8Array): Promise<Result<void>> {
    const answer = await this.#main.ask(subject, payload, APPEND_TIMEOUT_MS);
    if (!answer.ok) return answer;
    const ack = parseAck(answer.value.data);
    if (ack.error === null && ack.sequence > 0) return ok(undefined);
    return refuse("rejected", ack.error?.text ?? "no stream took it", "check the stream's bounds");
  }

  state(): BusState {
    return {
      connected: this.#links.every((link) => link.connected),
      reconnects: this.#links.reduce((sum, link) => sum + link.reconnects, 0),
      server: this.#main.server,
      dropped: this.#dropped,
    };
  }

  counters(): BusCounters {
    const stats = this.#links.map(({ connection }) => connection.stats());
    const counted = (of: "inMsgs" | "outMsgs" | "inBytes" | "outBytes"): number =>
      stats.reduce((all, each) => all + each[of], 0);
    return {
      messagesIn: counted("inMsgs"),
      messagesOut: counted("outMsgs"),
      bytesIn: counted("inBytes"),
      bytesOut: counted("outBytes"),
      dropped: this.#dropped,
      unflushedBytes: this.#unflushed,
      requestsUnderWay: this.#links.reduce((sum, link) => sum + link.requestsUnderWay, 0),
      ...this.#requests.read(),
    };
  }

  onState(callback: (state: BusState) => void): void {
    this.#callbacks.push(callback);
  }

  async close(): Promise<void> {
    for (const { connection } of this.#links) await connection.close();
  }

  #changed(): void {
    for (const callback of this.#callbacks) callback(this.state());
  }

  async #flush(): Promise<void> {
    const sent = this.#sinceFlush;
    this.#sinceFlush = 0;
    try {
      await this.connection.flush();
    } catch {
      // Lost with the connection, which starts its count anew.
      return;
    }
    this.#unflushed = Math.max(0, this.#unflushed - sent);
  }
}

function traceOf(sent: MsgHdrs): { readonly trace?: string } {
  const trace = sent.get("traceparent");
  return trace === "" ? {} : { trace };
}

class NatsJournal implements JournalStream {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  async append(
    stream: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
  ): Promise<AppendFate> {
    const expectations = headers();
    expectations.set("Nats-Expected-Stream", stream);
    expectations.set("Nats-Expected-Last-Subject-Sequence", String(expectedTail));
    const answer = await this.#link.ask(subject, payload, APPEND_TIMEOUT_MS, expectations);
    if (!answer.ok) return { fate: "undecided", reason: answer.failure.code };
    return fateOf(parseAck(answer.value.data));
  }

  tail(stream: string, subject: string): Promise<Result<StoredMessage | null>> {
    return readMessage(this.#link, stream, { last_by_subj: subject });
  }

  next(stream: string, subject: string, from: number): Promise<Result<StoredMessage | null>> {
    return readMessage(this.#link, stream, { seq: from, next_by_subj: subject });
  }
}

class NatsKeys implements KeyStore {
  readonly #link: NatsLink;

  constructor(link: NatsLink) {
    this.#link = link;
  }

  async get(bucket: string, key: string): Promise<Result<KeyEntry | null>> {
    const read = await this.#last(bucket, key);
    if (!read.ok) return read;
    return ok(read.value === null || read.value.deleted ? null : read.value);
  }

  async compareAndSet(
    bucket: string,
    key: string,
    value: Uint8Array,
    expected: number,
  ): Promise<Result<number>> {
    const fate = await this.#set(bucket, key, value, expected);
    if (fate.fate !== "wrong_tail" || expected !== 0) return casResult(fate, key, expected);
    // A key that somebody deleted does not exist, although its subject has a last message.
    const last = await this.#last(bucket, key);
    if (!last.ok || last.value === null || !last.value.deleted) {
      return casResult(fate, key, expected);
    }
    return casResult(await this.#set(bucket, key, value, last.value.revision), key, expected);
  }

  async list(bucket: string, prefix: string): Promise<Result<ReadonlyMap<string, KeyEntry>>> {
    const filter = prefix.endsWith(".") ? `${prefix}>` : ">";
    const answer = await this.#link.ask(
      `$JS.API.STREAM.INFO.KV_${bucket}`,
      JSON.stringify({ subjects_filter: `$KV.${bucket}.${filter}` }),
      READ_TIMEOUT_MS,
    );
    if (!answer.ok) return unavailable(answer.failure.reason);
    const info = parseJson(answer.value.data) as {
      readonly error?: { readonly description?: string };
      readonly state?: { readonly subjects?: Readonly<Record<string, number>> };
    };
    if (info.error !== undefined) return unavailable(info.error.description ?? "stream info");
    const keys = Object.keys(info.state?.subjects ?? {})
      .map((subject) => subject.slice(`$KV.${bucket}.`.length))
      .filter((key) => key.startsWith(prefix))
      .sort();
    const entries = new Map<string, KeyEntry>();
    for (let from = 0; from < keys.length; from += READS_AT_ONCE) {
      const some = keys.slice(from, from + READS_AT_ONCE);
      const found = await Promise.all(some.map((key) => this.get(bucket, key)));
      for (const [index, entry] of found.entries()) {
        if (!entry.ok) return entry;
        if (entry.value !== null) entries.set(some[index] ?? "", entry.value);
      }
    }
    return ok(entries);
  }

  async #last(
    bucket: string,
    key: string,
  ): Promise<Result<(KeyEntry & { readonly deleted: boolean }) | null>> {
    const read = await readMessage(this.#link, `KV_${bucket}`, {
      last_by_subj: `$KV.${bucket}.${key}`,
    });
    if (!read.ok) return unavailable(read.failure.reason);
    if (read.value === null) return ok(null);
    const { payload, streamSequence, headerText } = read.value;
    const deleted = /^KV-Operation: *(DEL|PURGE)\r?$/m.test(headerText);
    return ok({ value: payload, revision: streamSequence, deleted });
  }

  async #set(
    bucket: string,
    key: string,
    value: Uint8Array,
    expected: number,
  ): Promise<AppendFate> {
    const expectations = headers();
    expectations.set("Nats-Expected-Last-Subject-Sequence", String(expected));
    const answer = await this.#link.ask(
      `$KV.${bucket}.${key}`,
      value,
      READ_TIMEOUT_MS,
      expectations,
    );
    if (!answer.ok) return { fate: "undecided", reason: answer.failure.code };
    return fateOf(parseAck(answer.value.data));
  }
}

function casResult(fate: AppendFate, key: string, expected: number): Result<number> {
  switch (fate.fate) {
    case "stored":
      return ok(fate.streamSequence);
    case "wrong_tail":
      return refuse("conflict", `${key} is not at revision ${expected}`, "read it again");
    case "undecided":
      return refuse("undecided", `${key}: ${fate.reason}`, "read the key, then decide");
    default:
      return unreachable(fate);
  }
}

function parseAck(data: Uint8Array): PublishAck {
  const ack = parseJson(data) as {
    readonly seq?: number;
    readonly duplicate?: boolean;
    readonly error?: {
      readonly err_code?: number;
      readonly code?: number;
      readonly description?: string;
    };
  };
  return {
    sequence: ack.seq ?? 0,
    duplicate: ack.duplicate ?? false,
    error:
      ack.error === undefined
        ? null
        : {
            code: ack.error.err_code ?? ack.error.code ?? 0,
            text: ack.error.description ?? "error without description",
          },
  };
}

interface ReadMessage extends StoredMessage {
  readonly headerText: string;
}

/** A read at the stream's leader: streams of ours allow no direct reads. */
async function readMessage(
  link: NatsLink,
  stream: string,
  query: object,
): Promise<Result<ReadMessage | null>> {
  const answer = await link.ask(
    `$JS.API.STREAM.MSG.GET.${stream}`,
    JSON.stringify(query),
    READ_TIMEOUT_MS,
  );
  if (!answer.ok) return unavailable(`${stream}: ${answer.failure.reason}`);
  const { message, error } = parseJson(answer.value.data) as {
    readonly message?: { readonly seq: number; readonly data?: string; readonly hdrs?: string };
    readonly error?: { readonly err_code?: number; readonly description?: string };
  };
  if (error?.err_code === NO_MESSAGE_FOUND) return ok(null);
  if (error?.err_code === STREAM_NOT_FOUND) {
    return refuse("not_found", `there is no stream ${stream}`, "make it again");
  }
  if (message === undefined) return unavailable(`${stream}: ${error?.description ?? "no answer"}`);
  return ok({
    streamSequence: message.seq,
    payload: Buffer.from(message.data ?? "", "base64"),
    headerText: Buffer.from(message.hdrs ?? "", "base64").toString("latin1"),
  });
}

const unavailable = (reason: string): Result<never> => refuse("unavailable", reason, "try again");

/** A JSON object; anything else is an empty one. */
function parseJson(data: Uint8Array): object {
  try {
    const parsed: unknown = JSON.parse(
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString(),
    );
    return typeof parsed === "object" && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
