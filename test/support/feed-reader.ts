import { createSocket, type Socket } from "node:dgram";

import { decodeItch, type ItchMessage } from "../../schemas/nasdaq/codec.ts";
import { decodeMold, encodeMoldRequest } from "../../schemas/nasdaq/mold.ts";
import { connectTcp } from "../../schemas/nasdaq/ouch-client.ts";
import { encodeSoup, SoupReader } from "../../schemas/nasdaq/soup.ts";

/** A book out of ITCH messages, by price, as a market's levels are asked for over NATS. */
export class FeedBook {
  readonly #orders = new Map<bigint, { side: string; price: number; shares: number }>();
  trades = 0;

  take(message: ItchMessage): void {
    if (message.kind === "addOrder") {
      const { side, price, shares } = message;
      this.#orders.set(message.reference, { side, price, shares });
    } else if (message.kind === "orderExecuted" || message.kind === "orderExecutedAtPrice") {
      this.trades += 1;
      this.#cut(message.reference, message.shares);
    } else if (message.kind === "orderReduced") this.#cut(message.reference, message.shares);
    else if (message.kind === "orderDeleted") this.#orders.delete(message.reference);
    else if (message.kind === "orderReplaced") {
      const old = this.#orders.get(message.reference);
      if (old === undefined) throw new Error(`no order ${message.reference}`);
      this.#orders.delete(message.reference);
      const { price, shares } = message;
      this.#orders.set(message.newReference, { side: old.side, price, shares });
    }
  }

  /** Price in 10^-4 and shares of each level, best first. */
  levels(side: "B" | "S"): readonly (readonly [number, number])[] {
    const levels = new Map<number, number>();
    for (const order of this.#orders.values()) {
      if (order.side !== side) continue;
      levels.set(order.price, (levels.get(order.price) ?? 0) + order.shares);
    }
    return [...levels].sort(([a], [b]) => (side === "B" ? b - a : a - b));
  }

  #cut(reference: bigint, shares: number): void {
    const order = this.#orders.get(reference);
    if (order === undefined || order.shares < shares) throw new Error(`no such lots: ${reference}`);
    order.shares -= shares;
    if (order.shares === 0) this.#orders.delete(reference);
  }
}

/** A subscriber of packets that loses every third one and asks for what it lacks. */
export class PacketReader {
  readonly book = new FeedBook();
  readonly #socket: Socket;
  readonly #requests: { readonly host: string; readonly port: number };
  #next = 1n;
  #end = 0n;
  #heard = 0;
  #session = "";
  lost = 0;

  private constructor(socket: Socket, requests: { host: string; port: number }) {
    this.#socket = socket;
    this.#requests = requests;
    socket.on("message", (bytes) => this.#take(bytes));
  }

  static open(
    packets: { host: string; port: number },
    requests: { host: string; port: number },
  ): Promise<PacketReader> {
    return new Promise((resolve, reject) => {
      const socket = createSocket("udp4");
      socket.once("error", reject);
      socket.bind(packets.port, packets.host, () => resolve(new PacketReader(socket, requests)));
    });
  }

  get messages(): number {
    return Number(this.#next) - 1;
  }

  /** Asks for what is missing, if anything is known to be. */
  ask(): void {
    if (this.#next > this.#end || this.#session === "") return;
    const request = encodeMoldRequest({
      session: this.#session,
      sequence: this.#next,
      count: 500,
    });
    this.#socket.send(request, this.#requests.port, this.#requests.host);
  }

  close(): void {
    this.#socket.close();
  }

  #take(bytes: Uint8Array): void {
    const packet = decodeMold(bytes);
    if (!packet.ok) throw new Error(packet.failure.code);
    this.#session = packet.value.session;
    if (packet.value.kind !== "messages") {
      this.#end = packet.value.sequence - 1n;
      return;
    }
    const { sequence, messages } = packet.value;
    const last = sequence + BigInt(messages.length) - 1n;
    if (last > this.#end) this.#end = last;
    this.#heard += 1;
    if (this.#heard % 3 === 0) {
      this.lost += 1;
      return;
    }
    for (const [index, message] of messages.entries()) {
      if (sequence + BigInt(index) !== this.#next) continue;
      this.book.take(itch(message));
      this.#next += 1n;
    }
  }
}

function itch(bytes: Uint8Array): ItchMessage {
  const decoded = decodeItch(bytes);
  if (!decoded.ok) throw new Error(decoded.failure.code);
  return decoded.message;
}

/** All messages of a feed over SoupBinTCP from the first one on, until so many have come. */
export async function replayFeed(
  place: { readonly host: string; readonly port: number },
  login: { readonly username: string; readonly password: string },
  count: number,
): Promise<readonly Uint8Array[]> {
  const connected = await connectTcp(place.host, place.port);
  if (!connected.ok) throw new Error(connected.reason);
  const { stream } = connected;
  const reader = new SoupReader();
  const messages: Uint8Array[] = [];
  return await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${messages.length} messages came`)), 20_000);
    stream.onBytes((bytes) => {
      reader.push(bytes);
      for (let read = reader.next(); read.state !== "incomplete"; read = reader.next()) {
        if (read.state === "failed") return reject(new Error(read.failure.code));
        const { packet } = read;
        if (packet.kind === "loginRejected") return reject(new Error(packet.reason));
        if (packet.kind === "sequencedData") messages.push(packet.data.slice());
        if (messages.length >= count) {
          clearTimeout(timer);
          stream.end();
          return resolve(messages);
        }
      }
    });
    const request = { kind: "loginRequest", ...login, session: "", sequence: "1" } as const;
    stream.write(encodeSoup(request));
  });
}
