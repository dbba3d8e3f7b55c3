import { type MsgHdrs, type NatsConnection, RequestError, TimeoutError } from "nats";

import { type CountedDurations, Durations } from "../kernel/durations.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";

/** Requests under way at most; one more is refused. */
const requestsUnderWay = 4_096;

/** What became of requests. */
export interface RequestFigures {
  readonly requests: number;
  /** By code of the failure. */
  readonly requestFailures: Readonly<Record<string, number>>;
  readonly requestDurations: CountedDurations;
}

export class RequestCounts {
  readonly #durations = new Durations();
  readonly #failures = new Map<string, number>();
  #requests = 0;

  /** `code`: of the failure; null for an answer. */
  count(code: string | null, tookMs: number): void {
    this.#requests += 1;
    if (code === null) this.#durations.record(tookMs * 1e6);
    else this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  read(): RequestFigures {
    return {
      requests: this.#requests,
      requestFailures: Object.fromEntries(this.#failures),
      requestDurations: this.#durations.read(),
    };
  }
}

/** One connection and the requests under way on it. */
export class NatsLink {
  readonly connection: NatsConnection;
  readonly #onChange: () => void;
  readonly #counts: RequestCounts;
  /** Requests under way; each is told when the connection is lost. */
  readonly #underWay = new Set<(error: Error) => void>();
  #connected = true;
  #reconnects = 0;
  #server: string;

  /** `onChange`: the connection was lost, or is there again. */
  constructor(connection: NatsConnection, counts: RequestCounts, onChange: () => void) {
    this.connection = connection;
    this.#counts = counts;
    this.#onChange = onChange;
    this.#server = connection.getServer();
    void this.#follow();
  }

  get connected(): boolean {
    return this.#connected;
  }
  get reconnects(): number {
    return this.#reconnects;
  }
  get server(): string {
    return this.#server;
  }
  get requestsUnderWay(): number {
    return this.#underWay.size;
  }

  /**
   * One request with optional headers. Failure codes: no_responders, disconnected (ambiguous unless
   * it was so from the start), timeout (ambiguous), busy.
   */
  async ask(
    subject: string,
    payload: Uint8Array | string,
    timeoutMs: number,
    requestHeaders?: MsgHdrs,
  ): Promise<Result<{ readonly data: Uint8Array }>> {
    const begun = performance.now();
    const answer = await this.#ask(subject, payload, timeoutMs, requestHeaders);
    this.#counts.count(answer.ok ? null : answer.failure.code, performance.now() - begun);
    return answer;
  }

  async #ask(
    subject: string,
    payload: Uint8Array | string,
    timeoutMs: number,
    requestHeaders?: MsgHdrs,
  ): Promise<Result<{ readonly data: Uint8Array }>> {
    if (!this.#connected) {
      return refuse("disconnected", "no connection to a server", "retry when connected");
    }
    if (this.#underWay.size >= requestsUnderWay) {
      return refuse("busy", `${requestsUnderWay} requests are under way`, "retry later");
    }
    let lost: (error: Error) => void = () => {};
    const disconnected = new Promise<never>((_, reject) => {
      lost = reject;
    });
    this.#underWay.add(lost);
    try {
      const message = await Promise.race([
        this.connection.request(subject, payload, {
          timeout: timeoutMs,
          ...(requestHeaders === undefined ? {} : { headers: requestHeaders }),
        }),
        disconnected,
      ]);
      // The client library's buffer is pooled: the answer must be its receiver's own.
      return ok({ data: new Uint8Array(message.data) });
    } catch (error) {
      return requestFailure(error, subject);
    } finally {
      this.#underWay.delete(lost);
    }
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === "disconnect") this.#changed(false);
      if (status.type === "reconnect") {
        this.#reconnects += 1;
        this.#server = this.connection.getServer();
        this.#changed(true);
      }
    }
    this.#changed(false);
  }

  #changed(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    // The library would let requests that went out before wait for their time-out.
    if (!connected) for (const lost of this.#underWay) lost(new Error("disconnected"));
    this.#onChange();
  }
}

function requestFailure(error: unknown, subject: string): Result<never> {
  if (error instanceof RequestError && error.isNoResponders()) {
    return refuse("no_responders", `nobody serves ${subject}`, "check the subject");
  }
  if (error instanceof TimeoutError) {
    return refuse("timeout", `no answer on ${subject}`, "the outcome is unknown: ask again");
  }
  const reason = error instanceof Error ? error.message : String(error);
  return refuse("disconnected", `${subject}: ${reason}`, "the outcome is unknown: ask again");
}
