import { connectRefusals, endReasons } from "../../../native/client/market-client.ts";
import type { ClientCounters, FeedReport, OrderEntryReport } from "../../../native/index.ts";
import type { ValueName } from "../../../schemas/metrics/families.ts";
import type { DoorsMeasured } from "../doors.ts";
import type { Samples } from "./samples.ts";

type OrderCount = Exclude<keyof OrderEntryReport, "closed" | "ended" | "failure" | "stampsLeftOut">;
type FeedCount = Exclude<keyof FeedReport, "ended" | "failure">;
type OuchFamily = Extract<
  Exclude<ValueName, "meridian_ouch_closed_total">,
  `meridian_ouch_${string}`
>;
type ItchFamily = Extract<ValueName, `meridian_itch_${string}`>;

/** Counts of order entry and of the feed by the family that shows them. */
const orderFamilies: Readonly<Record<OrderCount, OuchFamily>> = {
  orders: "meridian_ouch_commands_total",
  cancels: "meridian_ouch_cancels_total",
  packets: "meridian_ouch_packets_total",
  messages: "meridian_ouch_messages_total",
  connections: "meridian_ouch_open_connections",
  openOrders: "meridian_ouch_open_orders",
  turnedAway: "meridian_ouch_turned_away_total",
  ringFull: "meridian_ouch_ring_full_total",
  ordersFull: "meridian_ouch_orders_full_total",
  commandsFull: "meridian_ouch_commands_full_total",
  unknownOrders: "meridian_ouch_unknown_orders_total",
  repeatedReferences: "meridian_ouch_repeated_references_total",
};
const feedFamilies: Readonly<Record<FeedCount, ItchFamily>> = {
  sequence: "meridian_itch_sequence",
  messages: "meridian_itch_messages_total",
  packets: "meridian_itch_packets_total",
  packetsDropped: "meridian_itch_packets_dropped_total",
  requests: "meridian_itch_requests_total",
  replays: "meridian_itch_replays_total",
  snapshots: "meridian_itch_snapshots_total",
  snapshotsRefused: "meridian_itch_snapshots_refused_total",
  unpriceable: "meridian_itch_unpriceable_total",
};

/** The doors beside NATS. */
export function edgeSamples(into: Samples, doors: DoorsMeasured | null): void {
  if (doors === null) return;
  if (doors.clients !== null) clientSamples(into, doors.clients);
  for (const { market, orders, feed } of doors.edges) {
    if (orders !== null) {
      for (const [count, family] of Object.entries(orderFamilies) as [OrderCount, OuchFamily][]) {
        into.set(family, orders[count], { market });
      }
      for (const [reason, count] of Object.entries(orders.closed)) {
        into.set("meridian_ouch_closed_total", count, { market, reason });
      }
    }
    if (feed !== null) {
      for (const [count, family] of Object.entries(feedFamilies) as [FeedCount, ItchFamily][]) {
        into.set(family, feed[count], { market });
      }
    }
  }
}

function clientSamples(into: Samples, { accepted, refused, ended, wakes }: ClientCounters): void {
  into.set("meridian_clients_accepted_total", accepted, {});
  into.set("meridian_client_wakes_total", wakes, {});
  for (const [number, code] of connectRefusals.entries()) {
    if (number > 0) into.set("meridian_clients_refused_total", refused[number] ?? 0, { code });
  }
  for (const [number, reason] of endReasons.entries()) {
    if (reason !== null) into.set("meridian_clients_ended_total", ended[number] ?? 0, { reason });
  }
}
