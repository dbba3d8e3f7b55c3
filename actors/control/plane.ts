import type { ActorSystem } from "../kernel/actor.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { Ownership } from "../kernel/ports/ownership.ts";
import { type Failure, ok, refuse, type Result } from "../kernel/result.ts";
import { type DurationNs, epoch as epochOf } from "../kernel/units.ts";
import { actorShardName, actorShards } from "./codec.ts";
import type { ActorDirectory, Listed } from "./directory.ts";
import type { Membership } from "./membership.ts";
import type { ActorRecord, ActorSays, ActorStatus, SpawnableType, SteerVerb } from "./messages.ts";
import { type CellView, ownerOf } from "./placement.ts";
import { Turns } from "./turns.ts";

/** What the plane needs of the right to own shards, beyond what markets need. */
export interface ShardRights extends Ownership {
  handOver(shard: string): Promise<Result<void>>;
}

/** What lives in shards besides spawned actors: it comes and goes with them. */
export interface ShardResidents {
  /** The shard is this cell's, under this epoch. */
  arrive(shard: number, epoch: number): void;
  /** Nothing of the shard acts any more when this returns. */
  leave(shard: number): Promise<void>;
}

export interface PlanePorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly system: () => ActorSystem;
  readonly rights: ShardRights;
  readonly membership: Membership;
  readonly directory: ActorDirectory;
  readonly types: ReadonlyMap<string, SpawnableType>;
  /** Forgets what is remembered of an event log that is another cell's now. */
  readonly forget: (log: string) => void;
  readonly residents: ShardResidents;
  /** The region whose cells are to run the actors; null: not known yet. */
  readonly seat: () => string | null;
  /** Reads it where it is not known yet: a cell that starts need not wait for the next look. */
  readonly learnSeat: () => Promise<void>;
  /** Tells another cell that these shards were given up for it. */
  readonly offer: (cell: string, shards: readonly number[]) => void;
}

export interface PlaneSettings {
  readonly region: string;
  /** The region that the cell itself is of. */
  readonly own: string;
  readonly cell: string;
  /** The cell is one of another region. */
  readonly guest: boolean;
  /** Path of the supervisor above those of the actors. */
  readonly base: string;
  /** Actors this cell hosts at most. */
  readonly capacity: number;
  /** An actor that is paused or done is put away after this long without a message. */
  readonly passivateAfter: DurationNs;
}

interface Hosted {
  record: ActorRecord;
  revision: number;
  says: ActorSays | null;
  /** False: put away until the next message. */
  active: boolean;
  touchedAt: number;
}

const lookEvery = 500_000_000 as DurationNs;
/** Looks after which records are read again that nobody told this cell of. */
const directoryEvery = 20;
const stopWithin = 8_000_000_000;
const stopPoll = 20_000_000 as DurationNs;
const actorShutdown = 2_000_000_000 as DurationNs;
const emptyReport = new Uint8Array();

/**
 * The actors of the shards that this cell owns. Shards are claimed when nobody has them, handed over when
 * another cell ought to have them, and left behind when the lease is not the one they were claimed under.
 * Everything here is done one thing at a time.
 */
export class ActorPlane {
  readonly #ports: PlanePorts;
  readonly #settings: PlaneSettings;
  readonly #turns = new Turns();
  /** Epochs of the shards of this cell. */
  readonly #shards = new Map<number, number>();
  /** Given up or asked for without an answer: perhaps on record as this cell's. */
  readonly #doubtful = new Set<number>();
  readonly #hosted = new Map<string, Hosted>();
  #holder = "";
  #draining = false;
  #ended = false;
  #looks = 0;
  #cancel: () => void = () => {};

  constructor(ports: PlanePorts, settings: PlaneSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** What the lease tells of this cell. */
  get view(): CellView & { readonly groups: readonly string[] } {
    const groups = new Set<string>();
    let running = 0;
    for (const { record } of this.#hosted.values()) {
      if (record.stopped) continue;
      running += 1;
      if (record.antiAffinity !== "") groups.add(record.antiAffinity);
    }
    const { cell, capacity, guest } = this.#settings;
    const shards = [...this.#shards.keys()];
    const draining = this.#draining;
    return { cell, capacity, running, draining, shards, guest, groups: [...groups] };
  }

  /** All live cells that host actors, this one included while it holds its lease. */
  get cells(): readonly CellView[] {
    const seat = this.#ports.seat();
    const others = this.#ports.membership.others.flatMap(({ cell, holder, actors }) =>
      actors === null ? [] : [{ cell, ...actors, seated: holder.region === seat }],
    );
    const own = { ...this.view, seated: this.#settings.own === seat };
    return this.#leased ? [own, ...others] : others;
  }

  owns(shard: number): boolean {
    return this.#shards.has(shard);
  }

  /** The cell that owns the shard, as far as this one knows, and whether that is this one. */
  ownerOf(shard: number): { readonly cell: string; readonly here: boolean } | null {
    if (this.#shards.has(shard)) {
      // A cell that was out and is back under a new lease has not looked yet: these are others' by now.
      const held = this.#leased && this.#ports.rights.holder === this.#holder;
      return held ? { cell: this.#settings.cell, here: true } : null;
    }
    const owner = this.#ports.membership.others.find(
      ({ actors }) => actors?.shards.includes(shard) === true,
    );
    return owner === undefined ? null : { cell: owner.cell, here: false };
  }

  begin(): void {
    this.#cancel = this.#ports.clock.after(0 as DurationNs, () => this.#tick());
  }

  /** Hands every shard over to other cells, as far as there are any; then looks no more. */
  async drain(): Promise<void> {
    this.#draining = true;
    await this.#turns.force(() => this.#look());
    this.end();
    await this.#turns.force(async () => {
      await Promise.all([...this.#shards.keys()].map((shard) => this.#give(shard)));
    });
  }

  end(): void {
    this.#ended = true;
    this.#cancel();
  }

  /** Another cell has given these shards up for this one: they are claimed without another look at the leases. */
  offered(shards: readonly number[]): void {
    void this.#turns
      .force(async () => {
        if (this.#ended || !this.#leased || this.#ports.rights.holder !== this.#holder) return;
        const wanted = shards.filter(
          (shard) =>
            !this.#shards.has(shard) &&
            ownerOf(actorShardName(this.#settings.region, shard), this.cells) ===
              this.#settings.cell,
        );
        const claimed = await Promise.all(wanted.map((shard) => this.#claim(shard)));
        if (claimed.includes(true)) await this.#readDirectory();
      })
      .catch((error: unknown) => {
        this.#ports.log.error({ error: String(error) }, "offered shards were not taken");
      });
  }

  /** An actor of this cell said something of itself. */
  heard(id: string, says: ActorSays): void {
    const hosted = this.#hosted.get(id);
    if (hosted !== undefined) hosted.says = says;
  }

  /** The record of an actor of a shard of this cell has been written: it runs when this returns. */
  ensure(id: string): Promise<Result<ActorStatus>> {
    return this.#turns.take(async () => {
      const found = await this.#adopt(id);
      return found.ok ? ok(this.#status(found.value)) : found;
    });
  }

  async describe(id: string): Promise<Result<ActorStatus>> {
    const hosted = this.#hosted.get(id);
    // Of an actor that another cell had put away nothing is known but its log.
    if (hosted?.says === null && !hosted.active && !hosted.record.stopped) {
      return this.#turns.take(async () => {
        const started = await this.#start(hosted);
        return started.ok ? ok(this.#status(hosted)) : started;
      });
    }
    if (hosted !== undefined) return ok(this.#status(hosted));
    return this.ensure(id);
  }

  hosted(): readonly ActorStatus[] {
    return [...this.#hosted.values()].map((one) => this.#status(one));
  }

  /** Hands a message to the actor, which is activated for it. */
  send(id: string, commandId: string, verb: SteerVerb): Promise<Result<ActorStatus>> {
    return this.#turns.take(async () => {
      const found = await this.#adopt(id);
      if (!found.ok) return found;
      if (found.value.record.stopped) return stoppedAlready(id);
      const group = this.#ports.types.get(found.value.record.type)?.group;
      if (verb === "flatten" && group !== "strategies") {
        return refuse(
          "parameters_invalid",
          `${id} works a parent order: what it has done is wanted, and is not undone`,
          "stop it, and spawn one of the other side",
        );
      }
      const steered = await this.#steer(found.value, commandId, verb);
      return steered.ok ? ok(this.#status(found.value)) : steered;
    });
  }

  /** Has the actor cancel what rests, then ends it and writes so. */
  async stop(id: string): Promise<Result<ActorStatus>> {
    const begun = await this.#turns.take(async () => {
      const found = await this.#adopt(id);
      if (!found.ok) return found;
      if (found.value.record.stopped) return stoppedAlready(id);
      const steered = await this.#steer(found.value, `stop/${found.value.revision}`, "stop");
      // Done before it was asked to stop: nothing rests, only the record says otherwise.
      if (!steered.ok && steered.failure.code !== "actor_stopped") return steered;
      return found;
    });
    if (!begun.ok) return begun;
    const until = this.#ports.clock.monotonic() + stopWithin;
    while (!ended(begun.value) && this.#ports.clock.monotonic() < until) {
      await new Promise<void>((resolve) => {
        this.#ports.clock.after(stopPoll, resolve);
      });
    }
    return this.#turns.take(async () => {
      if (ended(begun.value)) {
        const written = await this.#finish(begun.value);
        if (!written.ok) return written;
      }
      return ok(this.#status(begun.value));
    });
  }

  restart(id: string): Promise<Result<ActorStatus>> {
    return this.#turns.take(async () => {
      const found = await this.#adopt(id);
      if (!found.ok) return found;
      const hosted = found.value;
      await this.#putAway(hosted);
      if (hosted.record.stopped) {
        const written = await this.#write(hosted, { stopped: false, stoppedBecause: "" });
        if (!written.ok) return written;
      }
      const steered = await this.#steer(hosted, `start/${hosted.revision}`, "start");
      return steered.ok ? ok(this.#status(hosted)) : steered;
    });
  }

  #tick(): void {
    void this.#turns
      .force(() => this.#look())
      .catch((error: unknown) => {
        this.#ports.log.error({ error: String(error) }, "a look at the shards failed");
      })
      .then(() => {
        if (this.#ended) return;
        this.#cancel = this.#ports.clock.after(lookEvery, () => this.#tick());
      });
  }

  get #leased(): boolean {
    return this.#ports.clock.monotonic() < this.#ports.rights.validUntil();
  }

  async #look(): Promise<void> {
    const looked = await this.#ports.membership.look();
    if (!this.#leased) return;
    const { holder } = this.#ports.rights;
    if (holder !== this.#holder) {
      // Another incarnation of this cell: what was claimed before may be anybody's by now.
      await Promise.all([...this.#shards.keys()].map((shard) => this.#leave(shard)));
      this.#holder = holder;
    }
    if (!looked.ok) return;
    if (this.#ports.seat() === null) await this.#ports.learnSeat();
    if (this.#ports.seat() === null || !this.#leased) return;
    this.#looks += 1;
    const cells = this.cells;
    const taken = new Set(
      this.#ports.membership.others.flatMap(({ actors }) => actors?.shards ?? []),
    );
    const free: number[] = [];
    const given = new Map<string, number[]>();
    for (let shard = 0; shard < actorShards; shard += 1) {
      const owner = ownerOf(actorShardName(this.#settings.region, shard), cells);
      const isHere = this.#shards.has(shard);
      if (owner === null) continue;
      if (owner === this.#settings.cell) {
        if (!isHere && !taken.has(shard)) free.push(shard);
      } else if (isHere || this.#doubtful.has(shard)) {
        given.set(owner, [...(given.get(owner) ?? []), shard]);
      }
    }
    await Promise.all([...given].map(([owner, shards]) => this.#giveTo(owner, shards)));
    const claimed = (await Promise.all(free.map((shard) => this.#claim(shard)))).includes(true);
    if (claimed || this.#looks % directoryEvery === 0) await this.#readDirectory();
    await this.#sweep();
  }

  async #claim(shard: number): Promise<boolean> {
    const name = actorShardName(this.#settings.region, shard);
    const claimed = await this.#ports.rights.claim(name, epochOf(0));
    this.#doubt(shard, claimed);
    if (claimed.ok) {
      this.#shards.set(shard, claimed.value);
      this.#ports.residents.arrive(shard, claimed.value);
    } else if (claimed.failure.code !== "unavailable") {
      this.#ports.log.info({ shard: name, failure: claimed.failure }, "a shard is not to be had");
    }
    return claimed.ok;
  }

  async #giveTo(owner: string, shards: readonly number[]): Promise<void> {
    await Promise.all(shards.map((shard) => this.#give(shard)));
    this.#ports.offer(owner, shards);
  }

  /** Ends the shard's actors, then lets another cell have it without waiting. */
  async #give(shard: number): Promise<void> {
    await this.#leave(shard);
    const given = await this.#ports.rights.handOver(actorShardName(this.#settings.region, shard));
    this.#doubt(shard, given);
    if (!given.ok) this.#ports.log.warn({ failure: given.failure }, "a shard was not handed over");
  }

  /** Nobody takes a shard from a living cell: what may be on record as this one's is looked after again. */
  #doubt(shard: number, outcome: Result<unknown>): void {
    if (!outcome.ok && outcome.failure.code === "unavailable") this.#doubtful.add(shard);
    else this.#doubtful.delete(shard);
  }

  async #leave(shard: number): Promise<void> {
    const gone = [...this.#hosted.values()].filter(({ record }) => record.shard === shard);
    await Promise.all([
      this.#ports.residents.leave(shard),
      ...gone.map((hosted) => this.#putAway(hosted)),
    ]);
    for (const { record } of gone) this.#hosted.delete(record.id);
    this.#shards.delete(shard);
  }

  async #readDirectory(): Promise<void> {
    const listed = await this.#ports.directory.list();
    if (!listed.ok) return;
    const mine = listed.value.filter(({ record }) => this.#shards.has(record.shard));
    await Promise.all(mine.map((one) => this.#host(one)));
  }

  /** Failure codes: not_found, unavailable, and those of a start. */
  async #adopt(id: string): Promise<Result<Hosted>> {
    const known = this.#hosted.get(id);
    if (known !== undefined && !known.record.stopped) return ok(known);
    const read = await this.#ports.directory.read(id);
    if (!read.ok) return read;
    if (read.value === null) return unknownActor(id);
    if (!this.#shards.has(read.value.record.shard)) return elsewhere(id);
    return this.#host(read.value);
  }

  async #host({ record, revision }: Listed): Promise<Result<Hosted>> {
    const known = this.#hosted.get(record.id);
    const now = this.#ports.clock.monotonic();
    const hosted =
      known ?? ({ record, revision, says: null, active: false, touchedAt: now } satisfies Hosted);
    if (known !== undefined && revision > known.revision)
      Object.assign(known, { record, revision });
    this.#hosted.set(record.id, hosted);
    if (record.stopped || hosted.active || known !== undefined) return ok(hosted);
    const started = await this.#start(hosted);
    return started.ok ? ok(hosted) : started;
  }

  async #start(hosted: Hosted): Promise<Result<void>> {
    if (hosted.active) return ok(undefined);
    const { record } = hosted;
    const type = this.#ports.types.get(record.type);
    const epoch = this.#shards.get(record.shard);
    if (type === undefined) return unknownType(record.type, this.#ports.types);
    if (epoch === undefined) return elsewhere(record.id);
    const { region, base } = this.#settings;
    const address = {
      actor: `${region}/${type.group}/${record.id}`,
      shard: actorShardName(region, record.shard),
      incarnation: epoch,
    };
    const start = await type.start(record, address);
    if (!start.ok) return start;
    const spec = {
      id: record.id,
      type: type.actorType,
      start: start.value,
      restart: "permanent",
      shutdown: actorShutdown,
    } as const;
    const started = await this.#ports.system().startChild(`${base}/${type.group}`, spec);
    if (!started.ok && started.failure.code !== "already_started") return started;
    hosted.active = true;
    hosted.says = null;
    hosted.touchedAt = this.#ports.clock.monotonic();
    return ok(undefined);
  }

  /** Ends the actor here; its log has all of it. */
  async #putAway(hosted: Hosted): Promise<void> {
    const type = this.#ports.types.get(hosted.record.type);
    if (type === undefined) return;
    const path = this.#path(hosted.record, type);
    const stopped = await this.#ports.system().terminateChild(path);
    if (stopped.ok) await this.#ports.system().deleteChild(path);
    hosted.active = false;
    this.#ports.forget(`${type.actorType}.${hosted.record.id}`);
  }

  async #steer(hosted: Hosted, commandId: string, verb: SteerVerb): Promise<Result<void>> {
    const started = await this.#start(hosted);
    if (!started.ok) return started;
    hosted.touchedAt = this.#ports.clock.monotonic();
    const type = this.#ports.types.get(hosted.record.type);
    if (type === undefined) return unknownType(hosted.record.type, this.#ports.types);
    const steered = await type.steer(this.#path(hosted.record, type), commandId, verb);
    // Its log knows a newer owner than this cell does.
    if (!steered.ok && steered.failure.code === "stale_epoch") return elsewhere(hosted.record.id);
    return steered;
  }

  async #finish(hosted: Hosted): Promise<Result<void>> {
    const stoppedBecause = (hosted.says?.detail ?? "").slice(0, longestReason);
    const written = await this.#write(hosted, { stopped: true, stoppedBecause });
    if (!written.ok) return written;
    await this.#putAway(hosted);
    return ok(undefined);
  }

  async #write(hosted: Hosted, change: Partial<ActorRecord>): Promise<Result<void>> {
    const epoch = this.#shards.get(hosted.record.shard);
    if (epoch === undefined || epoch < hosted.record.epoch) return elsewhere(hosted.record.id);
    const record = { ...hosted.record, ...change, epoch };
    const written = await this.#ports.directory.write(record, hosted.revision);
    if (!written.ok) return written;
    hosted.record = record;
    hosted.revision = written.value;
    return ok(undefined);
  }

  /** Writes down what has stopped, and puts away what is idle. */
  async #sweep(): Promise<void> {
    const now = this.#ports.clock.monotonic();
    for (const hosted of this.#hosted.values()) {
      if (hosted.record.stopped || !hosted.active) continue;
      if (hosted.says?.state === "stopped") await this.#finish(hosted);
      const idle = hosted.says?.state === "paused" || hosted.says?.state === "done";
      if (idle && now - hosted.touchedAt >= this.#settings.passivateAfter) {
        await this.#putAway(hosted);
      }
    }
  }

  #status({ record, says }: Hosted): ActorStatus {
    const state = record.stopped ? "stopped" : (says?.state ?? "starting");
    return {
      record,
      state,
      detail: says?.detail ?? record.stoppedBecause,
      cell: this.#settings.cell,
      incarnation: this.#shards.get(record.shard) ?? record.epoch,
      report: says?.report ?? emptyReport,
      group: this.#ports.types.get(record.type)?.group ?? "strategies",
    };
  }

  #path(record: ActorRecord, type: SpawnableType): string {
    return `${this.#settings.base}/${type.group}/${record.id}`;
  }
}

/** Characters of a reason that are kept in the record. */
const longestReason = 512;

const ended = ({ says }: Hosted): boolean => says?.state === "stopped" || says?.state === "done";

type Refusal = { readonly ok: false; readonly failure: Failure };

export const unknownActor = (id: string): Refusal =>
  refuse("not_found", `no actor ${id} in this region`, "`npx meridian strategy list` names them");

/** That this cell has just lost the shard, or does not have it yet, is nothing to the sender. */
const elsewhere = (id: string): Refusal =>
  refuse("unavailable", `the shard of ${id} is between two cells`, "ask again in a moment");

const stoppedAlready = (id: string): Refusal =>
  refuse("actor_stopped", `${id} is stopped`, "restart it, or spawn another one");

export const unknownType = (type: string, types: ReadonlyMap<string, SpawnableType>): Refusal =>
  refuse(
    "type_unknown",
    `no actor of type ${JSON.stringify(type.slice(0, 64))} can be spawned`,
    `one of ${[...types.keys()].join(", ")}`,
  );
