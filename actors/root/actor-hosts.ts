import type { ActorDefinition, ActorSystem } from "../kernel/actor.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { HostedRegion } from "../region/codec.ts";
import { ActorHost, type ActorHostOf, type ActorHostSettings, guestName } from "./actor-host.ts";
import { guestTree } from "./tree.ts";

type Settings = Omit<ActorHostSettings, "guest" | "base">;

/**
 * The actors that a cell hosts: those of its region, and those of other regions while it is told so. The
 * shards of another region are claimed only when that has no cell of its own that hosts actors, and handed
 * over as soon as it has one again; logs and limits are where they were, for they are kept by all regions.
 */
export class ActorHosts {
  /** To be registered with the actor system; they are the same for every region. */
  readonly definitions: readonly ActorDefinition[];
  readonly own: ActorHost;
  readonly #of: ActorHostOf;
  readonly #settings: Settings;
  readonly #guests = new Map<string, ActorHost>();
  #system: ActorSystem | null = null;

  constructor(of: ActorHostOf, settings: Settings) {
    this.#of = of;
    this.#settings = settings;
    this.own = new ActorHost(of, { ...settings, guest: false, base: `/${settings.region}` });
    this.definitions = this.own.definitions.map((own) => ({
      ...own,
      create: (context, start) => {
        const { region } = start as { readonly region: string };
        const host = region === settings.region ? this.own : this.#guests.get(region);
        const found = host?.definitions.find(({ type }) => type === own.type);
        if (found === undefined) throw new Error(`no actors of ${region} are hosted here`);
        return found.create(context, start);
      },
    }));
  }

  /** What the lease tells of other regions' actors. */
  get guests(): readonly HostedRegion[] {
    return [...this.#guests].flatMap(([region, host]) => {
      const actors = host.view;
      return actors === null ? [] : [{ region, actors }];
    });
  }

  async begin(system: ActorSystem): Promise<void> {
    this.#system = system;
    await this.own.begin(system);
  }

  /**
   * Hosts the actors of another region from now on, while it has no cell for them. Idempotent. Failure codes:
   * not_permitted (this cell hosts no actors, or it is its own region), and those of a start.
   */
  async host(region: string): Promise<Result<void>> {
    const { region: own, cell, capacity } = this.#settings;
    const system = this.#system;
    if (region === own || capacity === 0 || system === null) {
      return refuse("not_permitted", `this cell of ${own} hosts no actors of ${region}`);
    }
    if (this.#guests.has(region)) return ok(undefined);
    const settings = { ...this.#settings, region, cell: guestName(own, cell) };
    const base = `/${own}/for-${region}`;
    const host = new ActorHost(this.#of, { ...settings, guest: true, base });
    this.#guests.set(region, host);
    const started = await system.startChild(`/${own}`, guestTree(region));
    if (!started.ok && started.failure.code !== "already_started") {
      this.#guests.delete(region);
      return started;
    }
    await host.begin(system);
    return ok(undefined);
  }

  /** Hosts them no more: what is here is handed over to whoever else hosts the region, else it waits. */
  async leave(region: string): Promise<void> {
    const host = this.#guests.get(region);
    if (host === undefined) return;
    await host.drain();
    this.#guests.delete(region);
    const base = `/${this.#settings.region}/for-${region}`;
    const ended = await this.#system?.terminateChild(base);
    if (ended?.ok === true) await this.#system?.deleteChild(base);
  }

  async drain(): Promise<void> {
    await Promise.all([...this.#guests.keys()].map((region) => this.leave(region)));
    await this.own.drain();
  }
}
