import { actorShards } from "./codec.ts";

/**
 * Where actors run, as pure functions: every cell computes the same from the same view, and what two views
 * disagree on is settled by the compare-and-set that claims a shard.
 */

/** A live cell of the region as its lease tells. */
export interface CellView {
  readonly cell: string;
  /** Actors at most; 0: it hosts none. */
  readonly capacity: number;
  readonly running: number;
  readonly draining: boolean;
  readonly shards: readonly number[];
  /** Of another region: it hosts while the region has no cell of its own. Absent: false. */
  readonly guest?: boolean;
  /** Of the region where the actors are to run now; absent: false. */
  readonly seated?: boolean;
}

/** Two hashes of 32 bits over the text (FNV-1a, then the finaliser of MurmurHash3), as one of 53. */
export function hashOf(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ (unit + at), 0x01000193);
  }
  return (mixed(high) & 0x1fffff) * 2 ** 32 + (mixed(low) >>> 0);
}

function mixed(hash: number): number {
  let bits = hash ^ (hash >>> 16);
  bits = Math.imul(bits, 0x85ebca6b);
  bits ^= bits >>> 13;
  bits = Math.imul(bits, 0xc2b2ae35);
  return bits ^ (bits >>> 16);
}

/**
 * Weighted rendezvous: of the candidates with a weight above 0 the one with the highest
 * weight / -ln(u), u uniform from the hash of key and name. Each wins in proportion to its weight, and
 * taking one away moves only its own keys. Null: no candidate.
 */
export function rendezvous<T extends { readonly name: string; readonly weight: number }>(
  key: string,
  candidates: readonly T[],
): T | null {
  let best: T | null = null;
  let highest = Number.NEGATIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.weight <= 0) continue;
    const uniform = (hashOf(`${key}|${candidate.name}`) + 1) / (2 ** 53 + 1);
    const score = candidate.weight / -Math.log(uniform);
    const wins = score > highest || (score === highest && candidate.name < (best?.name ?? ""));
    if (!wins) continue;
    best = candidate;
    highest = score;
  }
  return best;
}

/** Names by falling weight under the key: what `rendezvous` chooses first, second, … of equals. */
export const rendezvousOrder = (key: string, names: readonly string[]): readonly string[] =>
  names
    .map((name) => ({ name, hash: hashOf(`${key}|${name}`) }))
    .sort((one, other) => other.hash - one.hash || (one.name < other.name ? -1 : 1))
    .map(({ name }) => name);

/** The shard of what is found by its name alone. */
export const shardOfName = (type: string, name: string): number =>
  hashOf(`${type}|${name}`) % actorShards;

/**
 * The cell that ought to own a shard, by capacity, which does not change from one moment to the next: one of
 * the seat's; when that has none, one of the region's own; a guest at last.
 */
export function ownerOf(shard: string, cells: readonly CellView[]): string | null {
  const able = cells.filter(({ draining }) => !draining);
  const own = able.filter(({ guest }) => guest !== true);
  const seated = able.filter((view) => view.seated === true);
  const first = [seated, own, able].find((some) => some.length > 0) ?? [];
  const candidates = first.map(({ cell, capacity }) => ({
    name: cell,
    weight: capacity,
  }));
  return rendezvous(shard, candidates)?.name ?? null;
}

/**
 * The cell and shard of a new actor: by the room that is left, among cells that are not excluded, own a
 * shard and do not drain; then one of that cell's shards. Null: none has room.
 */
export function placeActor(
  id: string,
  cells: readonly CellView[],
  excluded: ReadonlySet<string>,
): { readonly cell: string; readonly shard: number } | null {
  const candidates = cells
    .filter(({ cell, draining, shards }) => !draining && shards.length > 0 && !excluded.has(cell))
    .map((view) => ({ name: view.cell, weight: view.capacity - view.running, view }));
  const chosen = rendezvous(id, candidates);
  if (chosen === null) return null;
  const shards = chosen.view.shards.map((shard) => ({ name: String(shard), weight: 1, shard }));
  const shard = rendezvous(id, shards);
  return shard === null ? null : { cell: chosen.name, shard: shard.shard };
}
