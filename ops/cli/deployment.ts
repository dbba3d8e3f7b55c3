import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { ok, type Result, refuse } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { type DeploymentVerb, deploymentSubject } from "../../schemas/subjects.ts";
import { type Cluster, withCluster } from "./cluster.ts";
import { during } from "./progress.ts";
import type { ClusterOptions } from "./terminal.ts";
import { decodeRefusal } from "../../schemas/sdk/codec.ts";

const { DeploymentRequest, DeploymentReply } = wire.region.v1;

/** A change of servers waits for elections and for replicas that catch up. */
const changedWithinMs = 300_000;

export type DeploymentAnswer = wire.region.v1.DeploymentReply;

/**
 * Asks the launcher of the cluster. Failure codes: those of the change; no_launcher when nothing serves
 * them, as in a cluster whose servers are started by other means.
 */
export async function askLauncher(
  cluster: Cluster,
  verb: DeploymentVerb,
  region = "",
  asked: { readonly commandId?: string; readonly site?: string; readonly port?: number } = {},
): Promise<Result<DeploymentAnswer>> {
  const what = [verb.replaceAll("-", " "), region, asked.site ?? ""].filter((word) => word !== "");
  const answer = await during(what.join(" "), () =>
    cluster.ask(
      deploymentSubject(verb),
      DeploymentRequest.encode({ region, ...asked }).finish(),
      (payload): Result<DeploymentAnswer> => {
        const reply = DeploymentReply.decode(payload);
        const failure = decodeRefusal(reply.refusal);
        return failure === null ? ok(reply) : { ok: false, failure };
      },
      changedWithinMs,
    ),
  );
  if (answer.ok || answer.failure.code !== "no_responders") return answer;
  return refuse(
    "no_launcher",
    "no launcher answers: the cluster was not started by meridian up",
    "npx meridian doctor",
  );
}

/** Seconds that a change may take whose servers are started again. */
const askedAgainWithinMs = 900_000;
const askAgainMs = 1_000;
const lostTouch: ReadonlySet<string> = new Set([
  "disconnected",
  "not_connected",
  "no_launcher",
  "timeout",
]);

/** Asks for a change during which servers restart, this command's own among them. Failure codes: as askLauncher. */
export async function askThroughRestarts(
  options: ClusterOptions,
  verb: DeploymentVerb,
): Promise<Result<DeploymentAnswer>> {
  const commandId = randomUUID();
  const until = performance.now() + askedAgainWithinMs;
  for (;;) {
    const done = await withCluster(options, (cluster) =>
      askLauncher(cluster, verb, "", { commandId }),
    );
    if (done.ok || !lostTouch.has(done.failure.code) || performance.now() > until) return done;
    await delay(askAgainMs);
  }
}

/** What was done, with the seconds it took. */
export const stepLines = ({ steps }: DeploymentAnswer): readonly string[] =>
  (steps ?? []).map(
    ({ what, tookMs }) => `${((tookMs ?? 0) / 1_000).toFixed(1).padStart(6)} s  ${what ?? ""}`,
  );
