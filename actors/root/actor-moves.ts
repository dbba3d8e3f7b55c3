import { directoryBucket, eventLogStream, eventLogSubject } from "../../schemas/subjects.ts";
import { actorShardName, keys, lastEventOf } from "../control/codec.ts";
import { ActorDirectory } from "../control/directory.ts";
import type { SpawnableType } from "../control/messages.ts";
import { mayRun } from "../control/seats.ts";
import type { SeatDirectory } from "../control/seats.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import { ok, type Result } from "../kernel/result.ts";
import type { ActorMoves, FoundActors } from "../region/actor.ts";
import type { FailoverActor } from "../region/messages.ts";
import { LimitDirectory } from "../risk-limit/directory.ts";
import { type ActorSeats, seatedCell } from "./actor-seats.ts";
import type { LeaseBoard } from "./lease-board.ts";
import { shardOfLimit } from "./limit-residents.ts";

export interface ActorMovesOf {
  readonly bus: Bus;
  readonly board: LeaseBoard;
  readonly seats: ActorSeats;
  readonly directory: SeatDirectory;
  readonly types: ReadonlyMap<string, SpawnableType>;
}

/** Actors that a plan lists; more are counted. */
const listedLimit = 500;
const readsAtOnce = 16;

type Named = Omit<FailoverActor, "epoch" | "sequence">;

/** Moves of whole regions' actors as the region actor asks for them. */
export function actorMoves(of: ActorMovesOf): ActorMoves {
  return {
    find: (from, to) => found(of, from, to),
    move: (region, to, by) => of.seats.move(region, to, by),
  };
}

async function found(of: ActorMovesOf, from: string, to: string): Promise<Result<FoundActors>> {
  const leases = await of.board.readAnew();
  if (!leases.ok) return leases;
  const cells = leases.value.leases.map(seatedCell);
  // Regions that host actors at all; of others there are none to be moved.
  const hosting = new Set(cells.filter(({ hosts }) => hosts).map(({ region }) => region));
  const regions: { region: string; mayGo: boolean }[] = [];
  const named: Named[] = [];
  for (const region of await seatedIn(of, from)) {
    if (!hosting.has(region)) continue;
    regions.push({ region, mayGo: mayRun(to, region, cells) });
    const names = await namesOf(of, region);
    if (!names.ok) return names;
    named.push(...names.value);
  }
  const listed = named.slice(0, listedLimit);
  const actors: FailoverActor[] = [];
  for (let at = 0; at < listed.length; at += readsAtOnce) {
    const some = listed.slice(at, at + readsAtOnce);
    actors.push(...(await Promise.all(some.map((one) => withLastEvent(of.bus, one)))));
  }
  return ok({ regions, actors, leftOut: named.length - listed.length });
}

/** Regions whose actors are seated in that one: itself, unless they were moved, and those moved to it. */
async function seatedIn(of: ActorMovesOf, from: string): Promise<readonly string[]> {
  const entries = await of.bus.keys.list(directoryBucket, keys.seatPrefix);
  const moved = entries.ok
    ? [...entries.value.keys()].map((key) => key.slice(keys.seatPrefix.length))
    : [];
  const seats = await Promise.all(
    [...new Set([from, ...moved])].map((one) => of.directory.read(one)),
  );
  return seats.flatMap((seat) => (seat.ok && seat.value.at === from ? [seat.value.region] : []));
}

async function namesOf(of: ActorMovesOf, region: string): Promise<Result<readonly Named[]>> {
  const spawned = await new ActorDirectory(of.bus.keys, region).list();
  if (!spawned.ok) return spawned;
  const limits = await new LimitDirectory(of.bus.keys, region).names();
  if (!limits.ok) return limits;
  return ok([
    ...spawned.value.flatMap(({ record: { id, type, shard, stopped } }): Named[] =>
      stopped
        ? []
        : [
            {
              region,
              id,
              type: of.types.get(type)?.actorType ?? type,
              shard: actorShardName(region, shard),
            },
          ],
    ),
    ...limits.value.map((id) => ({
      region,
      id,
      type: "risk-limit",
      shard: actorShardName(region, shardOfLimit(id)),
    })),
  ]);
}

async function withLastEvent(bus: Bus, named: Named): Promise<FailoverActor> {
  const { region, type, id } = named;
  const tail = await bus.journal.tail(
    eventLogStream(region),
    eventLogSubject(region, `${type}.${id}`),
  );
  const last = tail.ok && tail.value !== null ? lastEventOf(tail.value.payload) : null;
  return { ...named, epoch: last?.epoch ?? 0, sequence: last?.sequence ?? 0 };
}
