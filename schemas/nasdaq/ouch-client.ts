import { connect } from "node:net";

import {
  type OuchInbound,
  type OuchOutbound,
  decodeOuchOutbound,
  encodeOuchInbound,
} from "./codec.ts";
import { type SoupPacket, SoupReader, encodeSoup } from "./soup.ts";

/** A client of OUCH 5.0 over SoupBinTCP: logs in, keeps the connection alive, and hands over messages with their sequence. */

/** The bytes of a connection, as the client needs them. */
export interface ByteStream {
  write(bytes: Uint8Array): void;
  /** Closes it. */
  end(): void;
  onBytes(receive: (bytes: Uint8Array) => void): void;
  onClosed(closed: (reason: string) => void): void;
}

export interface LoginOptions {
  /** At most 6 letters. */
  readonly username: string;
  /** At most 10 letters. */
  readonly password: string;
  /** Absent: whichever is open. */
  readonly session?: string;
  /** The next message wanted: 1 is the first of the session, 0 (default) only what is new. */
  readonly nextSequence?: bigint;
  readonly timeoutMs?: number;
  /** Without a sign of life from the other side for so long, the connection is given up; by default 15 s. */
  readonly silenceMs?: number;
}

export type LoginFailure =
  /** `A`: user or password; `S`: no such session, or no such message in it. */
  | { readonly code: "login_refused"; readonly reason: string; readonly letter: string }
  | { readonly code: "disconnected"; readonly reason: string }
  | { readonly code: "timeout"; readonly reason: string };

export type Received =
  | { readonly kind: "message"; readonly sequence: bigint; readonly message: OuchOutbound }
  /** The session is over: nothing more will come, also after a reconnect. */
  | { readonly kind: "end" }
  /** Log in anew with `nextSequence` to go on. */
  | { readonly kind: "closed"; readonly reason: string }
  | { readonly kind: "timeout" };

const HEARTBEAT_MS = 1_000;
const SILENCE_MS = 15_000;
const LOGIN_TIMEOUT_MS = 5_000;
/** Messages that may wait to be read; beyond it the connection is closed, for they can be had again. */
const MAXIMUM_WAITING = 65_536;

export class OuchClient {
  readonly session: string;
  readonly #stream: ByteStream;
  readonly #waiting: Received[] = [];
  #nextSequence: bigint;
  #listener: ((received: Received) => void) | null = null;
  #last: Received | null = null;
  #saidMs = performance.now();
  #heardMs = performance.now();
  readonly #silenceMs: number;
  readonly #timer: NodeJS.Timeout;

  private constructor(
    stream: ByteStream,
    session: string,
    nextSequence: bigint,
    silenceMs: number,
  ) {
    this.#stream = stream;
    this.session = session;
    this.#nextSequence = nextSequence;
    this.#silenceMs = silenceMs;
    this.#timer = setInterval(() => this.#lookAtClock(), HEARTBEAT_MS / 4);
    this.#timer.unref();
  }

  /** Logs in over a stream that is connected. */
  static logIn(
    stream: ByteStream,
    options: LoginOptions,
  ): Promise<
    | { readonly ok: true; readonly client: OuchClient }
    | { readonly ok: false; readonly failure: LoginFailure }
  > {
    return new Promise((resolve) => {
      const reader = new SoupReader();
      let client: OuchClient | null = null;
      let debug = "";
      const fail = (failure: LoginFailure): void => {
        clearTimeout(timer);
        stream.end();
        resolve({ ok: false, failure });
      };
      const timer = setTimeout(
        () => fail({ code: "timeout", reason: "no answer to the login" }),
        options.timeoutMs ?? LOGIN_TIMEOUT_MS,
      );
      const take = (packet: SoupPacket): void => {
        if (client !== null) client.#take(packet);
        else if (packet.kind === "loginAccepted") {
          clearTimeout(timer);
          const silenceMs = options.silenceMs ?? SILENCE_MS;
          client = new OuchClient(stream, packet.session, BigInt(packet.sequence), silenceMs);
          resolve({ ok: true, client });
        } else if (packet.kind === "loginRejected") {
          const reason =
            packet.reason === "A"
              ? "unknown user, or wrong password"
              : "no such session, or no such message in it";
          fail({ code: "login_refused", letter: packet.reason, reason });
        } else if (packet.kind === "debug") debug = Buffer.from(packet.data).toString("latin1");
      };
      stream.onBytes((bytes) => {
        reader.push(bytes);
        let read = reader.next();
        for (; read.state === "packet"; read = reader.next()) take(read.packet);
        if (read.state === "failed") {
          const reason = `the other side does not speak SoupBinTCP (${read.failure.code})`;
          if (client === null) fail({ code: "disconnected", reason });
          else client.#close({ kind: "closed", reason });
        }
      });
      stream.onClosed((why) => {
        const reason = debug === "" ? why : debug;
        if (client === null) fail({ code: "disconnected", reason });
        else client.#close({ kind: "closed", reason });
      });
      const { username, password, session = "", nextSequence = 0n } = options;
      stream.write(
        encodeSoup({
          kind: "loginRequest",
          username,
          password,
          session,
          sequence: String(nextSequence),
        }),
      );
    });
  }

  /** Sequence of the message that comes next: what to ask for in the next login. */
  get nextSequence(): bigint {
    return this.#nextSequence;
  }

  send(...messages: readonly OuchInbound[]): void {
    this.#saidMs = performance.now();
    this.#stream.write(
      Buffer.concat(
        messages.map((message) =>
          encodeSoup({ kind: "unsequencedData", data: encodeOuchInbound(message) }),
        ),
      ),
    );
  }

  /** What comes next, in order; one caller at a time. */
  receive(timeoutMs: number): Promise<Received> {
    const waiting = this.#waiting.shift() ?? this.#last;
    if (waiting !== null) return Promise.resolve(waiting);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#listener = null;
        resolve({ kind: "timeout" });
      }, timeoutMs);
      this.#listener = (received) => {
        clearTimeout(timer);
        this.#listener = null;
        resolve(received);
      };
    });
  }

  /** Says goodbye. */
  logOut(): void {
    this.#stream.write(encodeSoup({ kind: "logoutRequest" }));
    this.#close({ kind: "closed", reason: "logged out" });
  }

  #take(packet: SoupPacket): void {
    this.#heardMs = performance.now();
    if (packet.kind === "endOfSession") this.#close({ kind: "end" });
    if (packet.kind === "debug") {
      const reason = Buffer.from(packet.data).toString("latin1");
      this.#close({ kind: "closed", reason });
    }
    if (packet.kind !== "sequencedData") return;
    const sequence = this.#nextSequence;
    this.#nextSequence += 1n;
    const decoded = decodeOuchOutbound(packet.data);
    if (!decoded.ok) {
      const reason = `message ${sequence} is none of OUCH 5.0 (${decoded.failure.code})`;
      this.#close({ kind: "closed", reason });
      return;
    }
    this.#put({ kind: "message", sequence, message: decoded.message });
  }

  #put(received: Received): void {
    if (this.#listener !== null) this.#listener(received);
    else if (this.#waiting.length < MAXIMUM_WAITING) this.#waiting.push(received);
    else this.#close({ kind: "closed", reason: `${MAXIMUM_WAITING} messages wait to be received` });
  }

  #close(last: Received): void {
    if (this.#last !== null) return;
    this.#last = last;
    clearInterval(this.#timer);
    this.#stream.end();
    this.#listener?.(last);
  }

  #lookAtClock(): void {
    const now = performance.now();
    if (now - this.#heardMs >= this.#silenceMs) {
      this.#close({ kind: "closed", reason: `nothing heard for ${this.#silenceMs / 1_000} s` });
    } else if (now - this.#saidMs >= HEARTBEAT_MS) {
      this.#saidMs = now;
      this.#stream.write(encodeSoup({ kind: "clientHeartbeat" }));
    }
  }
}

/** A TCP connection, or the reason why there is none. */
export function connectTcp(
  host: string,
  port: number,
  timeoutMs?: number,
): Promise<
  | { readonly ok: true; readonly stream: ByteStream }
  | { readonly ok: false; readonly reason: string }
> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    let closed: (reason: string) => void = () => {};
    let why = "the other side closed the connection";
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () => socket.destroy(new Error(`no connection in ${timeoutMs} ms`)),
            timeoutMs,
          );
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve({
        ok: true,
        stream: {
          write: (bytes) => void socket.write(bytes),
          end: () => void socket.end(),
          onBytes: (receive) => void socket.on("data", receive),
          onClosed: (told) => {
            closed = told;
          },
        },
      });
    });
    socket.on("error", (error) => {
      clearTimeout(timer);
      why = error.message;
      resolve({ ok: false, reason: error.message });
    });
    socket.on("close", () => closed(why));
  });
}
