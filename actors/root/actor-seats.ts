import { actorSeatsSubject } from "../../schemas/subjects.ts";
import { actorShards } from "../control/codec.ts";
import {
  type KeptSeat,
  mayRun,
  type SeatDirectory,
  type SeatedCell,
  waitToTake,
} from "../control/seats.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import type { ShardOwnership } from "../region/ownership.ts";
import { silentAfter } from "../region/silence.ts";
import { rankOf } from "../region/succession.ts";
import type { LeaseBoard, SeenLease } from "./lease-board.ts";

export interface ActorSeatsOf {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly board: LeaseBoard;
  readonly directory: SeatDirectory;
  readonly ownership: ShardOwnership;
  /** Hosts the actors of another region from now on; idempotent. */
  readonly host: (region: string) => Promise<Result<void>>;
  readonly leave: (region: string) => Promise<void>;
  /** Shards of a region that are this cell's. */
  readonly shardsHere: (region: string) => number;
}

export interface ActorSeatsSettings {
  readonly region: string;
  readonly cell: string;
  /** Other regions whose actors may run here. */
  readonly mayHost: readonly string[];
  /** Actors of a seat without a cell are taken without an operator. */
  readonly automatic: boolean;
  /** A shard of markets at home in a region; null: it has none. */
  readonly homeShard: (region: string) => string | null;
}

const lookEvery = 500_000_000 as DurationNs;
/** Seats change by a failover, of which cells are told: they are read this seldom besides. */
const seatRounds = 4;
const movePoll = 100_000_000 as DurationNs;
const moveWithin = 30_000_000_000;

/** A lease of a cell that hosts actors, as the rules of seats see it. */
export const seatedCell = ({ record, silentNs }: SeenLease): SeatedCell => ({
  region: record.region,
  over: record.fenced,
  released: record.released,
  silent: silentNs >= silentAfter,
  // A fenced lease says nothing of actors any more, and its cell may have hosted some.
  hosts: record.fenced || (record.actors?.capacity ?? 0) > 0,
  mayHost: record.mayHost ?? [],
  takesNone: record.takesNone ?? false,
});

/** Where the actors of each region are to run, as this cell knows it, and its part in bringing them there. */
export class ActorSeats {
  readonly #of: ActorSeatsOf;
  readonly #settings: ActorSeatsSettings;
  readonly #seats = new Map<string, KeptSeat>();
  /** Since when a region's seat has had no cell that could run its actors. */
  readonly #emptySince = new Map<string, number>();
  /** Regions that are hosted here because of their seat. */
  readonly #hosted = new Set<string>();
  #subscription: Subscription | null = null;
  #looking: Promise<void> | null = null;
  #rounds = 0;
  #ended = false;
  #cancel: () => void = () => {};

  constructor(of: ActorSeatsOf, settings: ActorSeatsSettings) {
    this.#of = of;
    this.#settings = settings;
  }

  /** Null: not known yet. */
  at(region: string): string | null {
    return this.#seats.get(region)?.at ?? null;
  }

  /** Seats of this region and of those whose actors may run here, as far as they were read. */
  get known(): readonly KeptSeat[] {
    return [...this.#seats.values()];
  }

  /** Reads the seat of a region that this cell looks at, unless it is known. */
  async learn(region: string): Promise<void> {
    const { region: own, mayHost } = this.#settings;
    const looksAt = region === own || mayHost.includes(region);
    if (looksAt && !this.#seats.has(region)) await this.#readSeat(region);
  }

  begin(): void {
    const { bus, clock } = this.#of;
    this.#subscription = bus.subscribe(actorSeatsSubject(this.#settings.region), () => {
      this.#rounds = 0;
      void this.#look();
    });
    this.#cancel = clock.after(0 as DurationNs, () => this.#tick());
  }

  end(): void {
    this.#ended = true;
    this.#cancel();
    this.#subscription?.unsubscribe();
  }

  /** Seats the actors elsewhere and waits until cells there own them all. Failure codes: as ActorMoves.move. */
  async move(region: string, to: string, by: string): Promise<Result<void>> {
    const { board, directory, clock } = this.#of;
    // A cell that has just come may be the one that is meant.
    const leases = await board.readAnew();
    if (!leases.ok) return leases;
    if (!mayRun(to, region, leases.value.leases.map(seatedCell))) {
      return refuse(
        "not_permitted",
        `no cell of ${to} may run the actors of ${region}`,
        `actors.hosts in the configuration of a cell of ${to}, as far as residency allows`,
      );
    }
    const seat = await directory.read(region);
    if (!seat.ok) return seat;
    const from = seat.value.at;
    if (from !== to) {
      const fenced = await this.#fenceSilent(from, leases.value.leases);
      if (!fenced.ok) return fenced;
      const moved = await this.#write(seat.value, to, by);
      if (!moved.ok) return moved;
    }
    for (const one of new Set([region, to, from, this.#settings.region])) {
      this.#of.bus.publish(actorSeatsSubject(one), new Uint8Array());
    }
    const until = clock.monotonic() + moveWithin;
    for (;;) {
      const held = await this.#heldIn(region, to);
      if (held === actorShards) return ok(undefined);
      if (clock.monotonic() >= until) {
        return refuse(
          "timeout",
          `${to} owns ${held} of ${actorShards} shards of the actors of ${region} by now`,
          "ask again: they go on moving",
        );
      }
      await new Promise<void>((resolve) => {
        clock.after(movePoll, resolve);
      });
    }
  }

  /** Shards of a region's actors that cells of `at` say are theirs, and nobody else says so. */
  async #heldIn(region: string, at: string): Promise<number> {
    const read = await this.#of.board.read();
    if (!read.ok) return 0;
    const there = new Set<number>();
    const elsewhere = new Set<number>();
    for (const { record, silentNs } of read.value.leases) {
      if (record.fenced || silentNs >= silentAfter) continue;
      const said =
        record.region === region
          ? record.actors
          : record.hosts?.find((one) => one.region === region)?.actors;
      const into = record.region === at ? there : elsewhere;
      for (const shard of said?.shards ?? []) into.add(shard);
    }
    return [...there].filter((shard) => !elsewhere.has(shard)).length;
  }

  async #write(seat: KeptSeat, at: string, by: string): Promise<Result<KeptSeat>> {
    const sinceUnixMs = Number(this.#of.clock.now() / 1_000_000n);
    const next = { region: seat.region, at, by, sinceUnixMs };
    const written = await this.#of.directory.write(next, seat.revision);
    if (written.ok && this.#seats.has(seat.region)) this.#seats.set(seat.region, written.value);
    return written;
  }

  #tick(): void {
    void this.#look().then(() => {
      if (!this.#ended) this.#cancel = this.#of.clock.after(lookEvery, () => this.#tick());
    });
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce()
      .catch((error: unknown) => {
        this.#of.log.error({ error: String(error) }, "a look at the seats of actors failed");
      })
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { region, mayHost } = this.#settings;
    const leases = await this.#of.board.read();
    if (this.#rounds === 0 || this.#emptySince.size > 0) await this.#readSeats();
    this.#rounds = (this.#rounds + 1) % seatRounds;
    if (!leases.ok) {
      // Nobody could be seen: that is nobody's absence.
      this.#emptySince.clear();
      return;
    }
    const cells = leases.value.leases.map(seatedCell);
    for (const one of [region, ...mayHost]) {
      const seat = this.#seats.get(one);
      if (seat !== undefined && !this.#ended) await this.#follow(seat, cells, leases.value.leases);
    }
  }

  async #readSeats(): Promise<void> {
    const { region, mayHost } = this.#settings;
    await Promise.all([region, ...mayHost].map((one) => this.#readSeat(one)));
  }

  async #readSeat(region: string): Promise<void> {
    const seat = await this.#of.directory.read(region);
    if (seat.ok) this.#seats.set(region, seat.value);
    else if (seat.failure.code === "internal") {
      this.#of.log.error({ failure: seat.failure }, "nobody knows where actors are to run");
    }
  }

  async #follow(
    seat: KeptSeat,
    cells: readonly SeatedCell[],
    leases: readonly SeenLease[],
  ): Promise<void> {
    const own = this.#settings.region;
    const { region, at } = seat;
    if (mayRun(at, region, cells)) {
      this.#emptySince.delete(region);
      if (region === own) return;
      if (at === own) await this.#host(region);
      else if (this.#hosted.has(region) && this.#of.shardsHere(region) === 0) {
        this.#hosted.delete(region);
        await this.#of.leave(region);
      }
      return;
    }
    const { clock, ownership } = this.#of;
    const now = clock.monotonic();
    const since = this.#emptySince.get(region) ?? now;
    this.#emptySince.set(region, since);
    const wait = waitToTake(seat, own, cells, (regions) => this.#order(seat, regions));
    const may = this.#settings.automatic && now < ownership.validUntil();
    if (!may || wait === null || now - since < wait) return;
    await this.#take(seat, leases);
  }

  /** That of those who take its markets: actors trade at most where they are at home. */
  #order({ region, at }: KeptSeat, regions: readonly string[]): readonly string[] {
    const shard = this.#settings.homeShard(region) ?? `seat-${region}`;
    return [...regions].sort(
      (one, other) => rankOf(shard, one, regions, at) - rankOf(shard, other, regions, at),
    );
  }

  /** The seat has no cell left: what it had is fenced, and this region is the seat. */
  async #take(seat: KeptSeat, leases: readonly SeenLease[]): Promise<void> {
    const { log, bus } = this.#of;
    const { region: own, cell } = this.#settings;
    const fenced = await this.#fenceSilent(seat.at, leases);
    if (!fenced.ok) return;
    const taken = await this.#write(seat, own, `${own}/${cell}`);
    if (!taken.ok) return;
    this.#emptySince.delete(seat.region);
    log.warn({ region: seat.region, from: seat.at }, "actors without a cell are taken");
    bus.publish(actorSeatsSubject(seat.region), new Uint8Array());
    if (seat.region !== own) await this.#host(seat.region);
  }

  /** Whoever takes their shards need not watch these cells again. Failure code: unavailable. */
  async #fenceSilent(region: string, leases: readonly SeenLease[]): Promise<Result<void>> {
    for (const { record, revision, silentNs } of leases) {
      if (record.region !== region || record.fenced || silentNs < silentAfter) continue;
      const fenced = await this.#of.ownership.fence(record, revision);
      if (!fenced.ok && !(await this.#isFenced(record))) return fenced;
    }
    return ok(undefined);
  }

  /** Whoever took its markets at the same moment has fenced it. */
  async #isFenced({ region, cell }: SeenLease["record"]): Promise<boolean> {
    const read = await this.#of.board.readAnew();
    const found = read.ok
      ? read.value.leases.find(({ record }) => record.region === region && record.cell === cell)
      : undefined;
    return found?.record.fenced === true;
  }

  async #host(region: string): Promise<void> {
    if (this.#hosted.has(region)) return;
    const hosted = await this.#of.host(region);
    if (hosted.ok) this.#hosted.add(region);
    else this.#of.log.warn({ region, failure: hosted.failure }, "its actors are not hosted");
  }
}
