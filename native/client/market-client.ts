import type { EngineCommand, EngineEvent } from "../../actors/kernel/ports/matching-engine.ts";
import { ok, refuse } from "../../actors/kernel/result.ts";
import type { Result } from "../../actors/kernel/result.ts";
import type { Addon, ConnectedClient } from "../addon.ts";
import { loadAddon, regions } from "../addon.ts";
import { encodeCommand } from "../command-slots.ts";
import { EventReader, isForeign } from "../event-slots.ts";
import { SLOT_BYTES } from "../slots.ts";

/**
 * A market of another process of this machine over shared memory: the twin of market_client.hpp, whose
 * page is README.md. Positions are free-running 32-bit counts, kept as signed integers.
 */

export interface ConnectOptions {
  /** Path of the unix socket. */
  readonly socket: string;
  readonly market: string;
  /** 32 bytes, from whoever runs the market. */
  readonly token: Uint8Array;
  readonly account: number;
  /** The session to go on with; absent: a new one. */
  readonly session?: number;
  /** Every event of the market, accounts of others included. */
  readonly stream?: boolean;
  /** Every kind of command, of any account. */
  readonly administer?: boolean;
  /** Orders of any account and session, for order entry that has checked who sends them. */
  readonly speakForOthers?: boolean;
  /** Orders that are canceled when this client is gone: a group, or all of the account. */
  readonly cancelOnDisconnect?: number | "account";
  /** Powers of two, 16 … 2^20. Default 4,096 and 16,384. */
  readonly commandSlots?: number;
  readonly eventSlots?: number;
}

/** By number, as in client_region.hpp. */
export const connectRefusals = [
  "none",
  "version_unknown",
  "market_unknown",
  "credentials_refused",
  "session_in_use",
  "clients_full",
  "request_invalid",
  "out_of_memory",
  "unreachable",
] as const;
export type ConnectRefusal = Exclude<(typeof connectRefusals)[number], "none">;

export const endReasons = [
  null,
  "closed",
  "died",
  "cursor_invalid",
  "account_foreign",
  "session_foreign",
  "kind_not_permitted",
  "event_ring_full",
  "market_closed",
  "region_damaged",
] as const;
export type EndReason = Exclude<(typeof endReasons)[number], null>;

export type Submitted = "yes" | "ring_full" | "not_permitted" | "ended";

const STREAM = 1;
const ADMINISTER = 2;
const SPEAK_FOR_OTHERS = 4;
const WHOLE_ACCOUNT = 256;
const BLOCKED = 2;

const at = regions.client;
const COMMANDS_TAIL = at.commands_tail / 4;
const COMMANDS_HEAD = at.commands_head / 4;
const EVENTS_TAIL = at.events_tail / 4;
const EVENTS_HEAD = at.events_head / 4;
const ENDED = at.ended / 4;

const ordinary = new Set(["place", "cancel", "reduce", "replace", "mass_cancel"]);

export class MarketClient {
  /** Names the client over connections: connect with it again to have resends recognized. */
  readonly session: number;
  readonly account: number;
  readonly #addon: Addon;
  readonly #id: number;
  readonly #administers: boolean;
  readonly #words: Int32Array;
  readonly #view: DataView;
  readonly #parked: Int32Array;
  readonly #commandMask: number;
  readonly #eventMask: number;
  readonly #eventsOffset: number;
  readonly #reader = new EventReader();
  #commandTail = 0;
  #commandHead = 0;
  #eventHead = 0;
  #ringFull = 0;
  #waiting: Promise<void> | null = null;
  #closed = false;

  private constructor(addon: Addon, options: ConnectOptions, connected: ConnectedClient) {
    this.session = connected.session;
    this.account = options.account;
    this.#addon = addon;
    this.#id = connected.id;
    this.#administers = options.administer ?? false;
    this.#words = new Int32Array(connected.region);
    this.#view = new DataView(connected.region);
    this.#parked = new Int32Array(connected.reactor, connected.parkedOffset, 1);
    this.#commandMask = connected.commandSlots - 1;
    this.#eventMask = connected.eventSlots - 1;
    this.#eventsOffset = at.slots + connected.commandSlots * SLOT_BYTES;
  }

  /** Refuses with a ConnectRefusal, or `addon_missing` or `layout_differs`. */
  static async connect(options: ConnectOptions): Promise<Result<MarketClient>> {
    const loaded = loadAddon();
    if (!loaded.ok) return loaded;
    const scope = options.cancelOnDisconnect ?? 0;
    try {
      const connected = await loaded.value.connectClient({
        socket: options.socket,
        market: options.market,
        token: options.token,
        account: options.account,
        session: options.session ?? 0,
        permissions:
          (options.stream ? STREAM : 0) +
          (options.administer ? ADMINISTER : 0) +
          (options.speakForOthers ? SPEAK_FOR_OTHERS : 0),
        cancelScope: scope === "account" ? WHOLE_ACCOUNT : scope,
        commandSlots: options.commandSlots ?? 4_096,
        eventSlots: options.eventSlots ?? 16_384,
      });
      return ok(new MarketClient(loaded.value, options, connected));
    } catch (cause) {
      const [, code, text] = /^(\d+): (.*)$/s.exec((cause as Error).message) ?? [];
      if (code === undefined || text === undefined) throw cause;
      const [reason = text, next = "see native/client/README.md"] = text.split("; ");
      return refuse(connectRefusals[Number(code)] ?? "unreachable", reason, next);
    }
  }

  /** Puts a command into the ring; the reactor sees it after `flush`. Account and session of the connection hold. */
  submit(command: EngineCommand): Submitted {
    if (this.ended !== null) return "ended";
    if (!this.#administers && !ordinary.has(command.kind)) return "not_permitted";
    if (((this.#commandTail - this.#commandHead) | 0) > this.#commandMask) {
      this.#commandHead = Atomics.load(this.#words, COMMANDS_HEAD);
      if (((this.#commandTail - this.#commandHead) | 0) > this.#commandMask) {
        this.#ringFull += 1;
        return "ring_full";
      }
    }
    const slot = this.#commandTail & this.#commandMask;
    encodeCommand(this.#view, at.slots + slot * SLOT_BYTES, command);
    this.#commandTail = (this.#commandTail + 1) | 0;
    return "yes";
  }

  /** Makes submitted commands visible. A system call only when the reactor sleeps. */
  flush(): void {
    if (this.#closed) return;
    Atomics.store(this.#words, COMMANDS_TAIL, this.#commandTail);
    if (Atomics.load(this.#parked, 0) !== 0) this.#addon.wakeForClient(this.#id);
  }

  /** Gives at most `limit` events that are there. The object is valid during the call only. */
  poll(sink: (event: EngineEvent, foreign: boolean) => void, limit = 2 ** 20): number {
    if (this.#closed) return 0;
    const tail = Atomics.load(this.#words, EVENTS_TAIL);
    let count = 0;
    while (count < limit && this.#eventHead !== tail) {
      const offset = this.#eventsOffset + (this.#eventHead & this.#eventMask) * SLOT_BYTES;
      this.#eventHead = (this.#eventHead + 1) | 0;
      count += 1;
      sink(this.#reader.read(this.#view, offset), isForeign(this.#view, offset));
    }
    if (count === 0) return 0;
    Atomics.store(this.#words, EVENTS_HEAD, this.#eventHead);
    if (Atomics.load(this.#parked, 0) === BLOCKED) this.#addon.wakeForClient(this.#id);
    return count;
  }

  /** Resolves when there are events, the connection has ended, or the time is over. Takes a thread of Node's pool. */
  wait(timeoutMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#waiting ??= this.#addon
      .waitForClient(this.#id, this.#eventHead >>> 0, timeoutMs)
      .finally(() => {
        this.#waiting = null;
      });
    return this.#waiting;
  }

  /** Why the reactor serves this connection no longer; null while it does. */
  get ended(): EndReason | null {
    if (this.#closed) return "closed";
    return endReasons[Atomics.load(this.#words, ENDED)] ?? null;
  }

  /** The reactor's process has closed the connection or is dead. A system call. */
  isPeerGone(): boolean {
    return this.#closed || this.#addon.isPeerGone(this.#id);
  }

  /** Times `submit` found the ring full. */
  get ringFullCount(): number {
    return this.#ringFull;
  }

  /** Commands that the reactor has not taken yet. */
  get waitingCommands(): number {
    return this.#closed ? 0 : (this.#commandTail - Atomics.load(this.#words, COMMANDS_HEAD)) | 0;
  }

  /** Says goodbye. What has not been taken never is; orders are canceled as `cancelOnDisconnect` says. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#waiting;
    this.#closed = true;
    this.#addon.closeClient(this.#id);
  }
}
