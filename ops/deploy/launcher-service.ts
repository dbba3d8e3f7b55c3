import { type NatsConnection, connect } from "nats";
import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectionOptions } from "../../actors/bus/nats.ts";
import { type Failure, ok, type Result } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { type DeploymentVerb, deploymentSubject, userOfInbox } from "../../schemas/subjects.ts";
import { credentialsOf } from "./cluster.ts";
import type { DeploymentTrail } from "./deployment-trail.ts";
import type { EdgeSite } from "./edge-sites.ts";
import type { ResidencyFault } from "./residency.ts";
import { deployerUser } from "./roles.ts";
import { type ClusterPlan, natsUrl } from "./topology.ts";

const { DeploymentRequest, DeploymentReply } = wire.region.v1;

/** Something that was done, and how long it took. */
export interface Step {
  readonly what: string;
  readonly tookMs: number;
}

/** What was looked at, and what is wrong. */
export interface Residency {
  readonly streams: number;
  readonly faults: readonly ResidencyFault[];
  readonly atUnixMs: number;
}

/** What the launcher does when it is asked; changes come one at a time. */
export interface Deployment {
  addRegion(region: string): Promise<Result<readonly Step[]>>;
  removeRegion(region: string): Promise<Result<readonly Step[]>>;
  rotateCertificates(): Promise<Result<readonly Step[]>>;
  rotateAuthority(): Promise<Result<readonly Step[]>>;
  rotateEncryption(): Promise<Result<readonly Step[]>>;
  /** Makes the folder of an edge site and lets its server in. */
  addSite(site: EdgeSite, port: number): Promise<Result<AddedSite>>;
  /** Takes it away again: its server is let in no more. */
  removeSite(site: string): Promise<Result<readonly Step[]>>;
  residency(): Promise<Result<Residency>>;
}

export interface AddedSite {
  readonly folder: string;
  readonly steps: readonly Step[];
}

/** Notes the steps of a change as they are done. */
export class Steps {
  readonly done: Step[] = [];
  readonly #say: (line: string) => void;
  #last = performance.now();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  note(what: string): void {
    const now = performance.now();
    this.done.push({ what, tookMs: Math.round(now - this.#last) });
    this.#last = now;
    this.#say(what);
  }
}

/** The launcher's connection to those that it serves; it reconnects for ever. */
export async function connectDeployer(plan: ClusterPlan): Promise<NatsConnection> {
  const { seedFile } = credentialsOf(plan, deployerUser.name);
  return connect(
    connectionOptions({
      servers: plan.servers.map(({ ports }) => natsUrl(ports)),
      user: deployerUser.name,
      ...loginFrom(seedFile, plan.certificates.authorityFile),
    }),
  );
}

const refusalOf = ({ code, reason, next }: Failure): Uint8Array =>
  DeploymentReply.encode({ refusal: { code, reason, next } }).finish();

const stepsReply = (steps: readonly Step[]): Uint8Array =>
  DeploymentReply.encode({ steps: [...steps] }).finish();

const siteReply = ({ folder, steps }: AddedSite): Uint8Array =>
  DeploymentReply.encode({ folder, steps: [...steps] }).finish();

const residencyReply = ({ streams, faults, atUnixMs }: Residency): Uint8Array =>
  DeploymentReply.encode({
    residency: {
      streams,
      atUnixMs,
      faults: faults.map((fault) => ({ ...fault, allowed: [...fault.allowed], stands: true })),
    },
  }).finish();

type Asked = Pick<wire.region.v1.DeploymentRequest, "region" | "site" | "port">;
type Change = (asked: Asked) => Promise<Result<Uint8Array>>;

/** What was asked for last: a change may outlive the connection of who asked for it. */
interface LastChange {
  readonly commandId: string;
  readonly outcome: Promise<Uint8Array>;
}

/** Serves ops.launcher.* on the connection; a change that comes during another one is refused as busy. */
export function serveDeployment(
  connection: NatsConnection,
  deployment: Deployment,
  trail: DeploymentTrail,
): void {
  let changing: DeploymentVerb | null = null;
  let last: LastChange | null = null;
  const inSteps =
    (make: (region: string) => Promise<Result<readonly Step[]>>): Change =>
    async ({ region }) => {
      const made = await make(region);
      return made.ok ? ok(stepsReply(made.value)) : made;
    };
  const changes: Readonly<Record<Exclude<DeploymentVerb, "residency">, Change>> = {
    "region-add": inSteps((region) => deployment.addRegion(region)),
    "region-remove": inSteps((region) => deployment.removeRegion(region)),
    "certificates-rotate": inSteps(() => deployment.rotateCertificates()),
    "authority-rotate": inSteps(() => deployment.rotateAuthority()),
    "encryption-rotate": inSteps(() => deployment.rotateEncryption()),
    async "edge-add"({ region, site, port }) {
      const made = await deployment.addSite({ name: site, region }, port);
      return made.ok ? ok(siteReply(made.value)) : made;
    },
    async "edge-remove"({ site }) {
      const removed = await deployment.removeSite(site);
      return removed.ok ? ok(stepsReply(removed.value)) : removed;
    },
  };
  const change = async (verb: DeploymentVerb, make: Change, asked: Asked): Promise<Uint8Array> => {
    if (changing !== null) {
      return refusalOf({
        code: "busy",
        reason: `${changing} is under way`,
        next: "wait for its end",
      });
    }
    changing = verb;
    try {
      const made = await make(asked);
      return made.ok ? made.value : refusalOf(made.failure);
    } catch (error) {
      return internal(error);
    } finally {
      changing = null;
    }
  };
  for (const [verb, make] of Object.entries(changes)) {
    connection.subscribe(deploymentSubject(verb as DeploymentVerb), {
      callback: (error, message) => {
        if (error !== null) return;
        const asked = requestOf(message.data);
        const { region, commandId } = asked;
        if (last === null || commandId === "" || last.commandId !== commandId) {
          const atUnixMs = Date.now();
          const outcome = change(verb as DeploymentVerb, make, asked);
          last = { commandId, outcome };
          void outcome.then((reply) => {
            trail.write({ verb, region, user: userOfInbox(message.reply ?? ""), atUnixMs, reply });
          });
        }
        void last.outcome.then((reply) => message.respond(reply));
      },
    });
  }
  connection.subscribe(deploymentSubject("residency"), {
    callback: (error, message) => {
      if (error !== null) return;
      void deployment
        .residency()
        .then(
          (looked) => (looked.ok ? residencyReply(looked.value) : refusalOf(looked.failure)),
          internal,
        )
        .then((reply) => message.respond(reply));
    },
  });
}

const internal = (error: unknown): Uint8Array =>
  refusalOf({
    code: "internal",
    reason: (error as Error).message,
    next: "look at the launcher's terminal",
  });

function requestOf(payload: Uint8Array): wire.region.v1.DeploymentRequest {
  try {
    return DeploymentRequest.decode(payload);
  } catch {
    // Without a region: whatever needs one refuses it.
    return DeploymentRequest.create();
  }
}
