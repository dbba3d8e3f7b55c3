import type { Browser, CDPSession, Page } from "playwright-core";

import { type OpenPage, openPage } from "./browser.ts";

/** A message that a page received from its server. */
export interface Received {
  readonly subject: string;
  /** Seconds of the browser's monotonic clock. */
  readonly at: number;
  readonly bytes: number;
}

/** What a page holds in the browser and at its server. */
export interface Held {
  readonly sockets: number;
  readonly subscriptions: number;
  readonly listeners: number;
  readonly nodes: number;
  readonly heapBytes: number;
}

interface Frame {
  readonly requestId: string;
  readonly timestamp: number;
  readonly response: { readonly opcode: number; readonly payloadData: string };
}

const binary = 2;
const bytesOf = ({ response }: Frame): Buffer =>
  Buffer.from(response.payloadData, response.opcode === binary ? "base64" : "utf8");

/** The NATS protocol of one direction of one socket, whose frames may end anywhere. */
class Lines {
  #rest: Buffer = Buffer.alloc(0);

  /** Calls back with each line, and with the size of the payload behind it. */
  read(chunk: Buffer, line: (words: readonly string[], payloadBytes: number) => void): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const end = this.#rest.indexOf("\r\n");
      if (end < 0) return;
      const words = this.#rest.toString("latin1", 0, end).split(" ");
      const carries = /^(MSG|HMSG|PUB|HPUB)$/.test(words[0] ?? "");
      const payloadBytes = carries ? Number(words.at(-1)) : 0;
      const whole = end + 2 + (carries ? payloadBytes + 2 : 0);
      if (this.#rest.length < whole) return;
      line(words, payloadBytes);
      this.#rest = this.#rest.subarray(whole);
    }
  }
}

/** One websocket of the page, as its server sees it. */
class Socket {
  readonly sent = new Lines();
  readonly received = new Lines();
  readonly subscriptions = new Set<string>();
}

/** Follows a page by what goes over its websockets and by what the browser counts. */
export class WatchedPage {
  readonly page: Page;
  readonly complaints: readonly string[];
  readonly close: () => Promise<void>;
  readonly #session: CDPSession;
  readonly #sockets = new Map<string, Socket>();
  /** Subjects of live views that the page has listened on so far. */
  readonly views = new Set<string>();
  #received: Received[] = [];

  private constructor(open: OpenPage, session: CDPSession) {
    this.page = open.page;
    this.complaints = open.complaints;
    this.close = open.close;
    this.#session = session;
    session.on("Network.webSocketFrameSent", (frame) => this.#sent(frame));
    session.on("Network.webSocketFrameReceived", (frame) => this.#heard(frame));
    session.on("Network.webSocketClosed", ({ requestId }) => this.#sockets.delete(requestId));
  }

  /** Opens the address in a page that is followed from its first byte on. */
  static async open(browser: Browser, url: string): Promise<WatchedPage> {
    const open = await openPage(browser, "about:blank");
    const session = await open.page.context().newCDPSession(open.page);
    await session.send("Network.enable");
    await session.send("Performance.enable");
    const watched = new WatchedPage(open, session);
    await open.page.goto(url);
    return watched;
  }

  /** Messages since the page was opened or `forget` was called. */
  get received(): readonly Received[] {
    return this.#received;
  }

  forget(): void {
    this.#received = [];
  }

  /** Collects garbage first: what is counted is held by somebody. */
  async held(): Promise<Held> {
    await this.#session.send("HeapProfiler.collectGarbage");
    const { jsEventListeners, nodes } = await this.#session.send("Memory.getDOMCounters");
    const { metrics } = await this.#session.send("Performance.getMetrics");
    const heapBytes = metrics.find(({ name }) => name === "JSHeapUsedSize")?.value ?? Number.NaN;
    const subscriptions = [...this.#sockets.values()].map((socket) => socket.subscriptions.size);
    return {
      sockets: this.#sockets.size,
      subscriptions: subscriptions.reduce((sum, size) => sum + size, 0),
      listeners: jsEventListeners,
      nodes,
      heapBytes,
    };
  }

  #socket(id: string): Socket {
    const known = this.#sockets.get(id);
    if (known !== undefined) return known;
    const made = new Socket();
    this.#sockets.set(id, made);
    return made;
  }

  #sent(frame: Frame): void {
    const socket = this.#socket(frame.requestId);
    socket.sent.read(bytesOf(frame), (words) => {
      if (words[0] === "SUB") {
        socket.subscriptions.add(words.at(-1) ?? "");
        if (words[1]?.includes(".views.") === true) this.views.add(words[1]);
      }
      if (words[0] === "UNSUB") socket.subscriptions.delete(words[1] ?? "");
    });
  }

  #heard(frame: Frame): void {
    this.#socket(frame.requestId).received.read(bytesOf(frame), (words, bytes) => {
      if (words[0] === "MSG" || words[0] === "HMSG") {
        this.#received.push({ subject: words[1] ?? "", at: frame.timestamp, bytes });
      }
    });
  }
}
