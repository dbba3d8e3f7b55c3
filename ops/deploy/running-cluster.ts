import { resolve } from "node:path";
import type { NatsConnection } from "nats";
import { type Result, ok, refuse } from "../../actors/kernel/result.ts";
import { siteUserName } from "../../schemas/subjects.ts";
import { type CellSettings, planCluster, prepareCells, prepareServers } from "./cluster.ts";
import { writeRecord } from "./cluster-record.ts";
import { checkChoice, checkRegions } from "./contradictions.ts";
import type { Fleet } from "./fleet.ts";
import { type EdgeSite, forgetSite, makeSite } from "./edge-sites.ts";
import {
  type AddedSite,
  type Deployment,
  type Residency,
  type Step,
  Steps,
  connectDeployer,
  serveDeployment,
} from "./launcher-service.ts";
import { DeploymentTrail } from "./deployment-trail.ts";
import { rotateEncryption } from "./encryption-rotation.ts";
import { checkRemoval, endLinks, forgetServers, reloadUsers } from "./membership.ts";
import { waitForCells, waitForServers } from "./readiness.ts";
import { type Region, readRegions } from "./regions.ts";
import { ResidencyWatch, readSites } from "./residency-watch.ts";
import { rotateAuthority, rotateCertificates } from "./rotation.ts";
import type { ClusterPlan, FirstPorts } from "./topology.ts";

const serversReadyWithinMs = 60_000;
const cellReadyWithinMs = 90_000;

export interface RunningClusterOf {
  readonly plan: ClusterPlan;
  readonly regions: readonly Region[];
  readonly declared: readonly Region[];
  readonly fleet: Fleet;
  readonly firstPorts: FirstPorts;
  readonly cells: CellSettings;
  readonly say: (line: string) => void;
  /** The plan has changed. */
  readonly changed: (plan: ClusterPlan) => void;
}

/** A cluster that is up: it takes regions in and lets them go, and renews its certificates. */
export class RunningCluster implements Deployment {
  readonly #of: RunningClusterOf;
  readonly #connection: NatsConnection;
  readonly #watch: ResidencyWatch;
  #plan: ClusterPlan;
  #regions: readonly Region[];
  #declared: readonly Region[];

  private constructor(of: RunningClusterOf, connection: NatsConnection) {
    this.#of = of;
    this.#plan = of.plan;
    this.#regions = of.regions;
    this.#declared = of.declared;
    this.#connection = connection;
    this.#watch = new ResidencyWatch({
      connection,
      regions: () => this.#declared,
      regionOf: (server) => this.#regionOf(server),
      say: of.say,
    });
  }

  /** Connects as the launcher's user and serves ops.launcher.*; rejects when no server takes it. */
  static async open(of: RunningClusterOf): Promise<RunningCluster> {
    const running = new RunningCluster(of, await connectDeployer(of.plan));
    const trail = new DeploymentTrail(
      running.#connection,
      () => running.#plan.regions[0]?.name ?? "",
      of.say,
    );
    serveDeployment(running.#connection, running, trail);
    return running;
  }

  async close(): Promise<void> {
    this.#watch.stop();
    await this.#connection.close();
  }

  #regionOf(server: string): string | null {
    return this.#plan.servers.find(({ name }) => name === server)?.region ?? null;
  }

  residency(): Promise<Result<Residency>> {
    return this.#watch.look();
  }

  rotateCertificates(): Promise<Result<readonly Step[]>> {
    return this.#rotate(rotateCertificates);
  }

  rotateAuthority(): Promise<Result<readonly Step[]>> {
    return this.#rotate(rotateAuthority);
  }

  async rotateEncryption(): Promise<Result<readonly Step[]>> {
    const steps = new Steps(this.#of.say);
    const rotated = await rotateEncryption(this.#plan, {
      fleet: this.#of.fleet,
      connection: this.#connection,
      steps,
      adopt: (plan) => this.#adopt(plan, this.#regions),
    });
    return rotated.ok ? ok(steps.done) : rotated;
  }

  async #rotate(
    rotate: (plan: ClusterPlan, fleet: Fleet, steps: Steps) => Promise<Result<void>>,
  ): Promise<Result<readonly Step[]>> {
    const steps = new Steps(this.#of.say);
    const rotated = await rotate(this.#plan, this.#of.fleet, steps);
    return rotated.ok ? ok(steps.done) : rotated;
  }

  async addRegion(name: string): Promise<Result<readonly Step[]>> {
    const steps = new Steps(this.#of.say);
    if (this.#regions.some((region) => region.name === name)) {
      return refuse("region_member", `${name} is part of this cluster`, "npx meridian status");
    }
    const chosen = this.#choose(name);
    if (!chosen.ok) return chosen;
    const { declared, regions } = chosen.value;
    const planned = await planCluster(this.#plan.dataDirectory, {
      topology: this.#plan.topology,
      profile: this.#plan.profile,
      regions,
      declared,
      firstPorts: this.#of.firstPorts,
      running: this.#plan,
    });
    if (!planned.ok) return planned;
    const { plan } = planned.value;
    const before = this.#plan.servers;
    prepareServers(plan);
    const known = await reloadUsers(this.#of.fleet, plan, before, name);
    if (!known.ok) return known;
    steps.note(`the servers know the users of ${name}`);
    this.#declared = declared;
    this.#adopt(plan, regions);
    const added = plan.servers.filter((server) => server.region === name);
    this.#of.fleet.startServers(added);
    const servers = await waitForServers(plan, serversReadyWithinMs, () => null);
    if (!servers.ok) return servers;
    steps.note(`${added.map((server) => server.name).join(", ")} joined`);
    prepareCells(plan, regions, this.#of.cells);
    this.#of.fleet.startCells([name]);
    if (this.#of.fleet.cells.length > 0) {
      const cells = await waitForCells(plan, cellReadyWithinMs, () => null);
      if (!cells.ok) return cells;
      for (const other of regions) {
        if (other.name !== name) this.#of.fleet.cell(other.name)?.signal("SIGHUP");
      }
      steps.note(`the cell of ${name} is ready; the others have been told of its markets`);
    }
    this.#record();
    return ok(steps.done);
  }

  async addSite(site: EdgeSite, port: number): Promise<Result<AddedSite>> {
    const steps = new Steps(this.#of.say);
    const made = await makeSite(this.#plan, site, port);
    if (!made.ok) return made;
    const { folder, credentials } = made.value;
    steps.note(`the folder of ${site.name} is made`);
    const plan = { ...this.#plan, users: [...this.#plan.users, credentials] };
    prepareServers(plan);
    // The site's server tries once a second until the one that it connects to has read this.
    for (const server of plan.servers) this.#of.fleet.server(server.name)?.signal("SIGHUP");
    this.#adopt(plan, this.#regions);
    steps.note(`the servers of ${site.region} let it in, for reading only`);
    return ok({ folder, steps: steps.done });
  }

  async removeSite(name: string): Promise<Result<readonly Step[]>> {
    const steps = new Steps(this.#of.say);
    const forgotten = forgetSite(this.#plan.dataDirectory, name);
    if (!forgotten.ok) return forgotten;
    steps.note(`the folder and the keys of ${name} are gone`);
    const gone = siteUserName(name);
    const users = this.#plan.users.filter(({ user }) => user.name !== gone);
    const plan = { ...this.#plan, users };
    prepareServers(plan);
    for (const server of plan.servers) this.#of.fleet.server(server.name)?.signal("SIGHUP");
    this.#adopt(plan, this.#regions);
    const ended = await endLinks(plan, name);
    if (!ended.ok) return ended;
    steps.note(`the servers of ${forgotten.value.region} let it in no more`);
    return ok(steps.done);
  }

  /** The declarations as they are now, and the regions of the cluster with one more. */
  #choose(
    name: string,
  ): Result<{ readonly declared: readonly Region[]; readonly regions: readonly Region[] }> {
    const declared = readRegions(resolve(this.#of.cells.regionsDirectory));
    if (!declared.ok) return declared;
    const sound = checkRegions(declared.value);
    if (!sound.ok) return sound;
    const names = [...this.#regions.map((region) => region.name), name];
    const regions = checkChoice(declared.value, names);
    if (!regions.ok) return regions;
    return ok({ declared: declared.value, regions: regions.value });
  }

  async removeRegion(name: string): Promise<Result<readonly Step[]>> {
    const steps = new Steps(this.#of.say);
    const region = this.#regions.find((each) => each.name === name);
    if (region === undefined) {
      return refuse("region_unknown", `${name} is not part of this cluster`, "npx meridian status");
    }
    const sites = (): ReturnType<typeof readSites> => readSites(this.#connection);
    const free = checkRemoval(region, this.#regions, await sites(), (server) =>
      this.#regionOf(server),
    );
    if (!free.ok) return free;
    const gone = this.#plan.servers.filter((server) => server.region === name);
    await this.#of.fleet.stop([name]);
    steps.note(`the cell and the servers of ${name} have stopped`);
    const forgotten = await forgetServers(this.#plan, gone, sites);
    if (!forgotten.ok) return forgotten;
    steps.note("what they kept is kept by others");
    const regions = this.#regions.filter((each) => each !== region);
    const plan = {
      ...this.#plan,
      regions: this.#plan.regions.filter((each) => each.name !== name),
      servers: this.#plan.servers.filter((server) => server.region !== name),
      users: this.#plan.users.filter(({ user }) => user.region !== name),
    };
    prepareServers(plan);
    prepareCells(plan, regions, this.#of.cells);
    for (const server of plan.servers) this.#of.fleet.server(server.name)?.signal("SIGHUP");
    this.#adopt(plan, regions);
    this.#record();
    steps.note(`the users of ${name} are gone; its data folder is kept`);
    return ok(steps.done);
  }

  #adopt(plan: ClusterPlan, regions: readonly Region[]): void {
    this.#plan = plan;
    this.#regions = regions;
    this.#of.changed(plan);
  }

  #record(): void {
    const { topology, dataDirectory, profile } = this.#plan;
    const regions = this.#regions.map((region) => region.name);
    writeRecord(dataDirectory, { topology, regions, profile });
    this.#of.changed(this.#plan);
  }
}
