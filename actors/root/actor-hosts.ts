import type { ActorDefinition, ActorSystem } from "../kernel/actor.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { ActorStatus } from "../control/messages.ts";
import { type KeptSeat, SeatDirectory } from "../control/seats.ts";
import type { ActorMoves } from "../region/actor.ts";
import { type HostedRegion, shardOf } from "../region/codec.ts";
import { RiskUtilisation } from "../risk-limit/utilisation.ts";
import { ActorHost, type ActorHostOf, type ActorHostSettings, guestName } from "./actor-host.ts";
import { actorMoves } from "./actor-moves.ts";
import { ActorSeats } from "./actor-seats.ts";
import { LeaseBoard } from "./lease-board.ts";
import { guestTree } from "./tree.ts";

type Settings = Omit<ActorHostSettings, "guest" | "base" | "own"> & {
  /** Other regions whose actors may run here. */
  readonly mayHost: readonly string[];
  /** Actors whose region has no cell left are taken without an operator. */
  readonly automatic: boolean;
};

/**
 * The actors that a cell hosts: those of its region, and those of other regions while their seat is here, or
 * while it is told so and they have no cell of their own. Logs and limits are where they were, for they are
 * kept by all regions.
 */
export class ActorHosts {
  /** To be registered with the actor system; they are the same for every region. */
  readonly definitions: readonly ActorDefinition[];
  readonly own: ActorHost;
  /** Moves of whole regions' actors. */
  readonly moves: ActorMoves;
  /** Leases of all cells, as they were read last. */
  readonly board: LeaseBoard;
  readonly utilisation = new RiskUtilisation();
  readonly #of: ActorHostOf;
  readonly #settings: Settings;
  readonly #seats: ActorSeats;
  readonly #guests = new Map<string, ActorHost>();
  #system: ActorSystem | null = null;

  constructor(
    given: Omit<ActorHostOf, "board" | "seat" | "learnSeat" | "utilisation">,
    settings: Settings,
  ) {
    const { bus, clock, log, ownership } = given;
    const { region } = settings;
    const board = new LeaseBoard(bus.keys, clock, given.answers);
    const directory = new SeatDirectory(bus.keys);
    const seats = new ActorSeats(
      {
        bus,
        clock,
        log,
        board,
        directory,
        ownership,
        host: (other) => this.host(other),
        leave: (other) => this.leave(other),
        shardsHere: (other) => this.#guests.get(other)?.view?.shards.length ?? 0,
      },
      {
        ...settings,
        homeShard(of) {
          const found = given.markets.filter(({ home }) => home === of).map(shardOf);
          return found.sort((one, other) => (one < other ? -1 : 1))[0] ?? null;
        },
      },
    );
    const of = {
      ...given,
      board,
      utilisation: this.utilisation,
      seat: (one: string) => seats.at(one) ?? this.#asked(one),
      learnSeat: (one: string) => seats.learn(one),
    };
    this.board = board;
    this.#seats = seats;
    this.#of = of;
    this.#settings = settings;
    this.own = new ActorHost(of, { ...settings, own: region, guest: false, base: `/${region}` });
    this.moves = actorMoves({ bus, board, seats, directory, types: this.own.types });
    this.definitions = this.own.definitions.map((own) => ({
      ...own,
      create: (context, start) => {
        const { region: home } = start as { readonly region: string };
        const host = home === region ? this.own : this.#guests.get(home);
        const found = host?.definitions.find(({ type }) => type === own.type);
        if (found === undefined) throw new Error(`no actors of ${home} are hosted here`);
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
    this.#seats.begin();
  }

  /** Of a region that this cell hosts because it was told to, its own seat is where its actors are at home. */
  #asked(region: string): string | null {
    return this.#guests.has(region) && !this.#settings.mayHost.includes(region) ? region : null;
  }

  /** Where the actors of regions are to run, as far as this cell looks at them. */
  get seats(): readonly KeptSeat[] {
    return this.#seats.known;
  }

  /** Spawned actors that this cell hosts, of whatever region, with what each said last. */
  spawned(): readonly ActorStatus[] {
    return [this.own, ...this.#guests.values()].flatMap((host) => host.hosted());
  }

  /** Of the actors hosted here, by region. */
  get hosted(): readonly HostedRegion[] {
    const own = this.own.view;
    const { region } = this.#settings;
    return [...(own === null ? [] : [{ region, actors: own }]), ...this.guests];
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
    const settings = { ...this.#settings, region, own, cell: guestName(own, cell) };
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
    this.#seats.end();
    await Promise.all([...this.#guests.keys()].map((region) => this.leave(region)));
    await this.own.drain();
  }
}
