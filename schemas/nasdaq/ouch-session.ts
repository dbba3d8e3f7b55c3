import type { OuchInbound, OuchOutbound } from "./codec.ts";
import { OuchClient, connectTcp } from "./ouch-client.ts";

/**
 * A member's orders in one market, wherever the market is: connects again by itself, to whichever region
 * has the market, and sends what has no answer again under the same references. A market that had them
 * answers with their first outcome, one that had not takes them now.
 */

export interface OuchGatewayAddress {
  readonly host: string;
  readonly port: number;
}

/** What is kept until it is answered; its reference is the session's to give. */
export type OuchRequest = Extract<OuchInbound, { readonly kind: "enterOrder" | "replaceOrder" }>;

export interface OuchSessionOptions {
  /** Of all regions that may own the market; at least one. */
  readonly gateways: readonly OuchGatewayAddress[];
  readonly username: string;
  readonly password: string;
  /** For a connection, and for the answer to a login. */
  readonly timeoutMs?: number;
  /** Without a sign of life for so long the gateways are tried anew; they give one a second. */
  readonly silenceMs?: number;
  /** Before the gateways are tried again when none took it. */
  readonly pauseMs?: number;
  /** Requests without an answer at most. */
  readonly maximumUnanswered?: number;
}

export type OuchSessionEvent =
  | {
      readonly kind: "joined";
      readonly gateway: OuchGatewayAddress;
      readonly session: string;
      /** Requests that were sent again. */
      readonly resent: number;
    }
  | { readonly kind: "left"; readonly reason: string }
  | {
      readonly kind: "message";
      readonly session: string;
      readonly message: OuchOutbound;
      /** An answer to a request that was sent in an earlier session too. */
      readonly resent: boolean;
    };

interface Unanswered {
  readonly request: OuchRequest;
  /** It went out in a session of another name. */
  resent: boolean;
}

const defaults = { timeoutMs: 2_000, silenceMs: 3_000, pauseMs: 100, maximumUnanswered: 1_024 };
/** How long one wait for a message lasts: no longer than it takes to stop. */
const RECEIVE_MS = 200;

export class OuchSession {
  readonly #options: Required<OuchSessionOptions>;
  readonly #listener: (event: OuchSessionEvent) => void;
  readonly #unanswered = new Map<number, Unanswered>();
  #client: OuchClient | null = null;
  #session = "";
  #nextSequence = 0n;
  #nextRef = 0;
  #stopped = false;
  #reconnects = 0;
  #resends = 0;

  constructor(options: OuchSessionOptions, listener: (event: OuchSessionEvent) => void) {
    if (options.gateways.length === 0) throw new RangeError("no gateways");
    this.#options = { ...defaults, ...options };
    this.#listener = listener;
    void this.#run();
  }

  get unanswered(): number {
    return this.#unanswered.size;
  }
  get reconnects(): number {
    return this.#reconnects;
  }
  /** Requests that were sent again in a session of another name. */
  get resends(): number {
    return this.#resends;
  }
  /** References are known from the first login on. */
  get isReady(): boolean {
    return this.#nextRef !== 0;
  }

  /** Null: not ready, or as many as may be are without an answer; else the reference it was given. */
  submit(request: Omit<OuchRequest, "userRef">): number | null {
    if (!this.isReady || this.#unanswered.size >= this.#options.maximumUnanswered) return null;
    const userRef = this.#nextRef;
    this.#nextRef += 1;
    const numbered = { ...request, userRef } as OuchRequest;
    this.#unanswered.set(userRef, { request: numbered, resent: false });
    this.#client?.send(numbered);
    return userRef;
  }

  /** What needs no keeping: cancels, modifies, queries. False: there is no connection now. */
  send(message: Exclude<OuchInbound, OuchRequest>): boolean {
    if (this.#client === null) return false;
    this.#client.send(message);
    return true;
  }

  stop(): void {
    this.#stopped = true;
    this.#client?.logOut();
    this.#client = null;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const joined = await this.#join();
      if (joined === null) {
        await new Promise((resolve) => setTimeout(resolve, this.#options.pauseMs));
        continue;
      }
      const reason = await this.#talk(joined.gateway, joined.client);
      this.#client = null;
      this.#nextSequence = joined.client.nextSequence;
      this.#reconnects += 1;
      this.#listener({ kind: "left", reason });
    }
  }

  /** Only the market's owner has a gateway; asked one after the other, a region that is cut off would cost a time-out. */
  #join(): Promise<{ readonly gateway: OuchGatewayAddress; readonly client: OuchClient } | null> {
    const { gateways } = this.#options;
    return new Promise((resolve) => {
      let isJoined = false;
      let waiting = gateways.length;
      for (const gateway of gateways) {
        void this.#connect(gateway).then((client) => {
          waiting -= 1;
          if (client !== null && (isJoined || this.#stopped)) client.logOut();
          else if (client !== null) {
            isJoined = true;
            resolve({ gateway, client });
          }
          if (waiting === 0 && !isJoined) resolve(null);
        });
      }
    });
  }

  /** In the session of before when it goes on, else from the first message of another. */
  async #connect(gateway: OuchGatewayAddress): Promise<OuchClient | null> {
    const same = this.#session === "" ? null : await this.#logIn(gateway, this.#session);
    if (same === "unreachable") return null;
    const client = same ?? (await this.#logIn(gateway, ""));
    return client === "unreachable" ? null : client;
  }

  /** Null: turned away. */
  async #logIn(
    { host, port }: OuchGatewayAddress,
    session: string,
  ): Promise<OuchClient | "unreachable" | null> {
    const { username, password, timeoutMs, silenceMs } = this.#options;
    const connected = await connectTcp(host, port, timeoutMs);
    if (!connected.ok) return "unreachable";
    // Before the first login it asked for nothing: an answer to a query of before would mislead it.
    const first = this.#session === "" ? 0n : 1n;
    const nextSequence = session === "" ? first : this.#nextSequence;
    const login = { username, password, session, nextSequence, timeoutMs, silenceMs };
    const answer = await OuchClient.logIn(connected.stream, login);
    if (answer.ok) return answer.client;
    return answer.failure.code === "login_refused" ? null : "unreachable";
  }

  /** Until the connection ends; the reason why it did. */
  async #talk(gateway: OuchGatewayAddress, client: OuchClient): Promise<string> {
    const isNew = client.session !== this.#session;
    this.#session = client.session;
    if (this.#nextRef === 0) client.send({ kind: "accountQuery" });
    this.#client = client;
    const resent = this.#resend(client, isNew);
    this.#listener({ kind: "joined", gateway, session: client.session, resent });
    for (;;) {
      const received = await client.receive(RECEIVE_MS);
      if (received.kind === "message") this.#take(received.message);
      else if (received.kind === "end") return "the session is over";
      else if (received.kind === "closed") return received.reason;
      if (this.#stopped) return "stopped";
    }
  }

  /** In the order of their references, before anything that is submitted later. */
  #resend(client: OuchClient, isNew: boolean): number {
    const waiting = [...this.#unanswered.values()];
    for (const each of waiting) each.resent ||= isNew;
    if (waiting.length > 0) client.send(...waiting.map(({ request }) => request));
    if (isNew) this.#resends += waiting.length;
    return waiting.length;
  }

  #take(message: OuchOutbound): void {
    const { kind } = message;
    let resent = false;
    if (kind === "accountQueryResponse" && !this.isReady) this.#nextRef = message.nextUserRef;
    if (kind === "orderAccepted" || kind === "orderReplaced" || kind === "orderRejected") {
      resent = this.#unanswered.get(message.userRef)?.resent ?? false;
      this.#unanswered.delete(message.userRef);
    }
    this.#listener({ kind: "message", session: this.#session, message, resent });
  }
}
