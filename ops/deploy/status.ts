import type { NatsConnection } from "nats";
import { wire } from "../../schemas/messages.ts";
import { operationsSubject } from "../../schemas/subjects.ts";
import { credentialsOf } from "./cluster.ts";
import { connectAs } from "./connection.ts";
import { type ClusterPlan, natsUrl } from "./topology.ts";

export type RegionStatus = wire.control.v1.RegionStatus;

const answerWithinMs = 2_000;

/** Connects to any server of the cluster as the user who may only watch. Rejects when none answers. */
export const connectObserver = (plan: ClusterPlan): Promise<NatsConnection> =>
  connectAs({
    user: "observer",
    seedFile: credentialsOf(plan, "observer").seedFile,
    authorityFile: plan.certificates.authorityFile,
    servers: plan.servers.map((server) => natsUrl(server.ports)),
  });

/** What a region's cell says of itself; a text saying why when it says nothing. */
export async function askStatus(
  connection: NatsConnection,
  region: string,
): Promise<RegionStatus | string> {
  try {
    const reply = await connection.request(
      operationsSubject(region, "status"),
      wire.control.v1.StatusRequest.encode({}).finish(),
      { timeout: answerWithinMs },
    );
    const { status, refusal } = wire.control.v1.StatusReply.decode(reply.data);
    if (status === null || status === undefined) return refusal?.reason ?? "an empty answer";
    return wire.control.v1.RegionStatus.create(status);
  } catch (error) {
    return `the cell does not answer (${(error as Error).message})`;
  }
}
