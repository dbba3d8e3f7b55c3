import { randomBytes } from "node:crypto";

import { setup } from "xstate";

import { loginFrom } from "../../actors/bus/login-files.ts";
import { connectNats, type NatsBus } from "../../actors/bus/nats.ts";
import type { ActorDefinition, ActorSystem } from "../../actors/kernel/actor.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import { dynamicSupervisorSpec, supervisorSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { systemClock } from "../../actors/kernel/system-clock.ts";
import { durationNs } from "../../actors/kernel/units.ts";
import { CellLease } from "../../actors/region/lease.ts";
import { RefusalCounter } from "../../actors/root/refusal-counter.ts";
import { ViewHost } from "../../actors/root/view-host.ts";
import { AuditTrail, memoryAuditStore } from "../../actors/views/audit-trail.ts";
import { type ClusterPlan, natsUrl, serversOf } from "../../ops/deploy/topology.ts";
import { credentialsOf } from "../../ops/deploy/cluster.ts";
import { cellUser } from "../../ops/deploy/roles.ts";
import { silentLog } from "./ports.ts";

interface Start {
  /** Crashes again and again, as soon as it has been started. */
  readonly crashes: boolean;
  /** Tells that it has failed, and stays so. */
  readonly fails: boolean;
}

const machine = setup({ types: { events: {} as { readonly type: "fail" } } }).createMachine({
  initial: "open",
  states: { open: { on: { fail: "failed" } }, failed: {} },
});

/** Those that crash or fail do it so long after each start. */
const wellFor = durationNs(50e6);
const worker: ActorDefinition<Start, "nothing", never, typeof machine> = {
  type: "crowd-worker",
  mailbox: { capacity: 16, onRestart: "keep", parkAfter: 1 },
  create: (context, start) => {
    if (start.crashes) {
      context.after(wellFor, () => {
        throw new Error("the order book of step 7 is crossed");
      });
    }
    if (start.fails) context.after(wellFor, () => context.lifecycle.send({ type: "fail" }));
    return { machine, input: undefined, receive: () => {} };
  },
};

export interface Crowd {
  readonly region: string;
  /** Name of the cell: one more of the region. */
  readonly cell: string;
  readonly actors: number;
  /** Ids of those that crash in a loop, and of those that have failed. */
  readonly crashing: readonly string[];
  readonly failed: readonly string[];
}

/**
 * One more cell of a launched region, in this process: a dynamic supervisor of any number of actors under
 * the real kernel, its tree served over real NATS by what serves every cell's, its lease beside theirs.
 */
export class CrowdedCell {
  readonly crowd: Crowd;
  readonly #system: ActorSystem;
  readonly #views: ViewHost;
  readonly #lease: CellLease;
  readonly #trail: AuditTrail;
  readonly #bus: NatsBus;

  private constructor(parts: {
    readonly crowd: Crowd;
    readonly system: ActorSystem;
    readonly views: ViewHost;
    readonly lease: CellLease;
    readonly trail: AuditTrail;
    readonly bus: NatsBus;
  }) {
    this.crowd = parts.crowd;
    this.#system = parts.system;
    this.#views = parts.views;
    this.#lease = parts.lease;
    this.#trail = parts.trail;
    this.#bus = parts.bus;
  }

  static async start(plan: ClusterPlan, region: string, actors: number): Promise<CrowdedCell> {
    const clock = systemClock();
    const { name } = cellUser(region);
    const bus = await connectNats({
      servers: serversOf(plan, region).map(({ ports }) => natsUrl(ports)),
      user: name,
      ...loginFrom(credentialsOf(plan, name).seedFile, plan.certificates.authorityFile),
    });
    const cell = `${region}-crowd`;
    const { system, crashing, failed } = await crowdOf(region, actors);
    const nonce = (): Uint8Array => new Uint8Array(randomBytes(16));
    const lease = new CellLease(
      { keys: bus.keys, clock, log: silentLog, nonce, persistIncarnation: () => undefined },
      { region, cell, node: randomBytes(8).toString("hex") },
    );
    const acquired = await lease.acquire(0);
    if (!acquired.ok) throw new Error(acquired.failure.reason);
    lease.start((reason) => {
      throw new Error(`the crowd's lease was taken away: ${reason}`);
    });
    const trail = new AuditTrail(
      {
        store: memoryAuditStore(),
        clock,
        log: silentLog,
        randomBytes: (count) => new Uint8Array(randomBytes(count)),
      },
      { region, cell },
    );
    const views = new ViewHost(
      {
        bus,
        clock,
        log: silentLog,
        refusals: new RefusalCounter(),
        trail,
        definitions: () => [worker],
      },
      { region, cell },
    );
    views.begin(system);
    const crowd = { region, cell, actors, crashing, failed };
    return new CrowdedCell({ crowd, system, views, lease, trail, bus });
  }

  async stop(): Promise<void> {
    this.#views.end();
    this.#trail.end();
    await this.#lease.release();
    await this.#system.stop();
    await this.#bus.close();
  }
}

/** Of a hundred thousand actors: one that crashes all the time, and seven that have failed. */
const crashesAt = 0.617;
const failures = 7;

async function crowdOf(region: string, actors: number) {
  const clock = systemClock();
  const system = actorSystem({
    definitions: [worker],
    clock,
    log: silentLog,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const pool = dynamicSupervisorSpec(
    "crowd",
    { type: worker.type, restart: "permanent", shutdown: durationNs(1e9) },
    {
      maximumChildren: actors,
      intensity: { maximumRestarts: 1_000_000, within: durationNs(1) },
    },
  );
  await system.start(supervisorSpec(region, [pool]));
  const crashing: string[] = [];
  const failed: string[] = [];
  for (let index = 0; index < actors; index += 1) {
    const id = `w${index}`;
    const crashes = index === Math.floor(actors * crashesAt);
    const fails = !crashes && index % Math.ceil(actors / failures) === 3;
    if (crashes) crashing.push(id);
    if (fails) failed.push(id);
    const started = await system.startChild(`/${region}/crowd`, { id, start: { crashes, fails } });
    if (!started.ok) throw new Error(started.failure.reason);
  }
  return { system, crashing, failed };
}
