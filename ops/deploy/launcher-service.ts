import { type NatsConnection, connect } from "nats";
import { readFileSync } from "node:fs";
import { connectionOptions } from "../../actors/bus/nats.ts";
import { type Failure, type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { type DeploymentVerb, deploymentSubject } from "../../schemas/subjects.ts";
import { credentialsOf } from "./cluster.ts";
import type { EdgeSite } from "./edge-sites.ts";
import type { ResidencyFault } from "./residency.ts";
import { deployerUser } from "./roles.ts";
import { type ClusterPlan, natsUrl } from "./topology.ts";

const { DeploymentRequest, DeploymentReply } = wire.region.v1;

type Asked = Pick<wire.region.v1.DeploymentRequest, "region" | "site" | "port">;

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
  residency(): Promise<Result<Residency>>;
  /** Makes the folder of an edge site and lets its server in. */
  addSite(site: EdgeSite, port: number): Promise<Result<AddedSite>>;
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
export function connectDeployer(plan: ClusterPlan): Promise<NatsConnection> {
  const { seedFile } = credentialsOf(plan, deployerUser.name);
  return connect(
    connectionOptions({
      servers: plan.servers.map(({ ports }) => natsUrl(ports)),
      user: deployerUser.name,
      seed: () => Buffer.from(readFileSync(seedFile, "utf8").trim()),
      authority: () => readFileSync(plan.certificates.authorityFile, "utf8"),
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

/** Serves ops.launcher.* on the connection; a change that comes during another one is refused as busy. */
export function serveDeployment(connection: NatsConnection, deployment: Deployment): void {
  let changing: DeploymentVerb | null = null;
  const alone =
    (verb: DeploymentVerb, make: (asked: Asked) => Promise<Result<Uint8Array>>) =>
    async (asked: Asked): Promise<Result<Uint8Array>> => {
      if (changing !== null) return refuse("busy", `${changing} is under way`, "wait for its end");
      changing = verb;
      try {
        return await make(asked);
      } finally {
        changing = null;
      }
    };
  const change = (
    verb: DeploymentVerb,
    make: (region: string) => Promise<Result<readonly Step[]>>,
  ): ((asked: Asked) => Promise<Result<Uint8Array>>) =>
    alone(verb, async ({ region }) => {
      const made = await make(region);
      return made.ok ? ok(stepsReply(made.value)) : made;
    });
  const verbs: Readonly<Record<DeploymentVerb, (asked: Asked) => Promise<Result<Uint8Array>>>> = {
    "edge-add": alone("edge-add", async ({ region, site, port }) => {
      const made = await deployment.addSite({ name: site, region }, port);
      return made.ok ? ok(siteReply(made.value)) : made;
    }),
    "region-add": change("region-add", (region) => deployment.addRegion(region)),
    "region-remove": change("region-remove", (region) => deployment.removeRegion(region)),
    "certificates-rotate": change("certificates-rotate", () => deployment.rotateCertificates()),
    "authority-rotate": change("authority-rotate", () => deployment.rotateAuthority()),
    async residency() {
      const looked = await deployment.residency();
      return looked.ok ? ok(residencyReply(looked.value)) : looked;
    },
  };
  for (const [verb, run] of Object.entries(verbs)) {
    connection.subscribe(deploymentSubject(verb as DeploymentVerb), {
      callback: (error, message) => {
        if (error !== null) return;
        void answer(message.data, run).then((reply) => message.respond(reply));
      },
    });
  }
}

async function answer(
  payload: Uint8Array,
  run: (asked: Asked) => Promise<Result<Uint8Array>>,
): Promise<Uint8Array> {
  try {
    const reply = await run(DeploymentRequest.decode(payload));
    return reply.ok ? reply.value : refusalOf(reply.failure);
  } catch (error) {
    return refusalOf({
      code: "internal",
      reason: (error as Error).message,
      next: "look at the launcher's terminal",
    });
  }
}
