import { Counter, Gauge, type Registry } from "prom-client";

import { connectRefusals, endReasons } from "../../native/client/market-client.ts";
import type { ClientCounters, FeedReport, OrderEntryReport } from "../../native/index.ts";
import type { DoorsMeasured } from "./doors.ts";

type OrderCount = Exclude<keyof OrderEntryReport, "closed" | "ended" | "failure">;
type FeedCount = Exclude<keyof FeedReport, "ended" | "failure">;

/** Counts of order entry by what they are called in a scrape. */
const orderCounts: Readonly<Record<OrderCount, string>> = {
  orders: "commands",
  cancels: "cancels",
  packets: "packets",
  messages: "messages",
  connections: "open_connections",
  openOrders: "open_orders",
  turnedAway: "turned_away",
  ringFull: "ring_full",
  ordersFull: "orders_full",
  commandsFull: "commands_full",
  unknownOrders: "unknown_orders",
  repeatedReferences: "repeated_references",
};
const feedCounts: Readonly<Record<FeedCount, string>> = {
  sequence: "sequence",
  messages: "messages",
  packets: "packets",
  packetsDropped: "packets_dropped",
  requests: "requests",
  replays: "replays",
  snapshots: "snapshots",
  snapshotsRefused: "snapshots_refused",
  unpriceable: "unpriceable",
};

/** The doors beside NATS in Prometheus text; the numbers are read at the scrape. */
export class DoorMetrics {
  readonly #accepted: Counter;
  readonly #wakes: Counter;
  readonly #refused: Counter<"code">;
  readonly #ended: Counter<"reason">;
  readonly #orders: Gauge<"market" | "count">;
  readonly #closed: Counter<"market" | "reason">;
  readonly #feed: Gauge<"market" | "count">;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#accepted = new Counter({
      name: "meridian_clients_accepted_total",
      help: "Connections over shared memory",
      registers,
    });
    this.#wakes = new Counter({
      name: "meridian_client_wakes_total",
      help: "Times a client woke a reactor that slept",
      registers,
    });
    this.#refused = new Counter({
      name: "meridian_clients_refused_total",
      help: "Refused connections over shared memory",
      labelNames: ["code"],
      registers,
    });
    this.#ended = new Counter({
      name: "meridian_clients_ended_total",
      help: "Ended connections over shared memory",
      labelNames: ["reason"],
      registers,
    });
    this.#orders = new Gauge({
      name: "meridian_ouch",
      help: "Counts of OUCH order entry since it was opened",
      labelNames: ["market", "count"],
      registers,
    });
    this.#closed = new Counter({
      name: "meridian_ouch_closed_total",
      help: "Ended connections of OUCH",
      labelNames: ["market", "reason"],
      registers,
    });
    this.#feed = new Gauge({
      name: "meridian_itch",
      help: "Counts of the ITCH feed since it was opened",
      labelNames: ["market", "count"],
      registers,
    });
  }

  show(doors: DoorsMeasured | null): void {
    if (doors === null) return;
    if (doors.clients !== null) this.#clients(doors.clients);
    for (const { market, orders, feed } of doors.edges) {
      for (const [key, count] of Object.entries(orders === null ? {} : orderCounts)) {
        this.#orders.set({ market, count }, orders?.[key as OrderCount] ?? 0);
      }
      for (const [reason, count] of Object.entries(orders?.closed ?? {})) {
        this.#closed.inc({ market, reason }, count);
      }
      for (const [key, count] of Object.entries(feed === null ? {} : feedCounts)) {
        this.#feed.set({ market, count }, feed?.[key as FeedCount] ?? 0);
      }
    }
  }

  #clients({ accepted, refused, ended, wakes }: ClientCounters): void {
    this.#accepted.inc(accepted);
    this.#wakes.inc(wakes);
    for (const [number, code] of connectRefusals.entries()) {
      if (number > 0) this.#refused.inc({ code }, refused[number] ?? 0);
    }
    for (const [number, reason] of endReasons.entries()) {
      if (reason !== null) this.#ended.inc({ reason }, ended[number] ?? 0);
    }
  }
}
