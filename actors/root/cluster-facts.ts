import type { ClusterFacts } from "../region/messages.ts";
import type { ActorHosts } from "./actor-hosts.ts";
import { silentAfter } from "../region/silence.ts";
import type { SeenLease } from "./lease-board.ts";

/** What a cell tells of the cluster in its status. */
export function clusterFacts(hosts: ActorHosts, streams: ClusterFacts["streams"]): ClusterFacts {
  const seats = new Map(hosts.seats.map(({ region, at }) => [region, at]));
  return {
    streams,
    leases: (hosts.board.last?.leases ?? []).map(({ record, silentNs }) => ({
      holder: `${record.region}/${record.cell}`,
      incarnation: record.incarnation,
      state: stateOf({ record, silentNs }),
      remainingNs: record.fenced ? 0 : Math.max(0, silentAfter - silentNs),
    })),
    actors: hosts.hosted.map(({ region, actors }) => ({
      region,
      at: seats.get(region) ?? "",
      shards: actors.shards.length,
      running: actors.running,
    })),
  };
}

function stateOf({
  record,
  silentNs,
}: Pick<SeenLease, "record" | "silentNs">): ClusterFacts["leases"][number]["state"] {
  if (record.fenced) return record.released ? "released" : "fenced";
  return silentNs >= silentAfter ? "silent" : "held";
}
