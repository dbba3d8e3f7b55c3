import type { Clock } from "../kernel/ports/clock.ts";
import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Log } from "../kernel/ports/log.ts";
import type { Candidacy, Candidate, Ownership } from "../kernel/ports/ownership.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { type DurationNs, epoch, type Epoch } from "../kernel/units.ts";
import {
  decodeLease,
  decodeOwnership,
  encodeLease,
  encodeOwnership,
  encodeShardRecord,
  keys,
  type LeaseRecord,
  type OwnershipRecord,
} from "./codec.ts";
import type { CellIdentity, CellLease } from "./lease.ts";
import { observeSilence } from "./silence.ts";
import { type RecordSeen, Succession, type SuccessionOf } from "./succession.ts";

export interface OwnershipPorts {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly nonce: () => Uint8Array;
  /** Regions that may hold the journals of a group; absent: this one alone. */
  readonly regionsOf?: (group: string) => readonly string[];
  /** Markets of silent regions are taken without an operator; absent: true. */
  readonly automatic?: boolean;
  /** As SuccessionOf.answers. */
  readonly answers?: SuccessionOf["answers"];
}

const claimTries = 6;

/**
 * The right of this cell to own shards. It outlives restarts of the region actor, which hands in the
 * lease that is current; without one nothing is valid and every claim waits.
 */
export class ShardOwnership implements Ownership {
  readonly #ports: OwnershipPorts;
  readonly #identity: CellIdentity;
  #lease: CellLease | null = null;
  #unwatchLease: () => void = () => {};
  readonly #listeners = new Set<(validUntil: DurationNs) => void>();
  /** One claim of a shard at a time: its markets would only make each other's compare-and-set fail. */
  readonly #queues = new Map<string, Promise<unknown>>();
  /** Shards known to be marked in the directory. */
  readonly #marked = new Set<string>();
  /** What this cell wrote last of the shards that it owns. */
  readonly #claimed = new Map<string, RecordSeen>();
  /** Whose turn it is to claim a shard of markets. */
  readonly succession: Succession;

  constructor(ports: OwnershipPorts, identity: CellIdentity) {
    this.#ports = ports;
    this.#identity = identity;
    this.succession = new Succession({
      keys: ports.keys,
      clock: ports.clock,
      region: identity.region,
      cell: identity.cell,
      regionsOf: ports.regionsOf ?? (() => [identity.region]),
      automatic: ports.automatic ?? true,
      ...(ports.answers === undefined ? {} : { answers: ports.answers }),
    });
  }

  candidacy(candidate: Candidate): Promise<Candidacy> {
    return this.succession.candidacy(candidate);
  }

  watchSuccession(shard: string, listener: () => void): () => void {
    return this.succession.watch(shard, listener);
  }

  /** The lease under which claims are made from now on; null ends the validity at once. */
  use(lease: CellLease | null): void {
    this.#unwatchLease();
    this.#lease = lease;
    this.#unwatchLease = lease?.watch(() => this.#tell()) ?? (() => {});
    this.#tell();
  }

  get holder(): string {
    const { region, cell } = this.#identity;
    return `${region}/${cell}#${this.#lease?.incarnation ?? 0}`;
  }

  validUntil(): DurationNs {
    return this.#lease?.validUntil() ?? (0 as DurationNs);
  }

  async recordedEpoch(shard: string): Promise<Result<Epoch | null>> {
    const entry = await this.#ports.keys.get(keys.leaseBucket, keys.ownership(shard));
    if (!entry.ok) return entry;
    const found = entry.value === null ? null : decodeOwnership(entry.value.value);
    return ok(found === null ? null : epoch(found.epoch));
  }

  /** The shard has never had an owner. Failure code: unavailable. */
  async isNew(shard: string): Promise<Result<boolean>> {
    const { keys: store } = this.#ports;
    const mark = await store.get(keys.directoryBucket, keys.shard(shard));
    if (!mark.ok) return mark;
    if (mark.value !== null) return ok(false);
    const recorded = await this.recordedEpoch(shard);
    return recorded.ok ? ok(recorded.value === null) : recorded;
  }

  async heldSince(shard: string): Promise<Result<Epoch | null>> {
    const entry = await this.#ports.keys.get(keys.leaseBucket, keys.ownership(shard));
    if (!entry.ok) return entry;
    const found = entry.value === null ? null : decodeOwnership(entry.value.value);
    if (found === null || !this.#isMine(found)) return ok(null);
    return ok(epoch(found.since === 0 ? found.epoch : found.since));
  }

  #isMine({ region, cell }: OwnershipRecord): boolean {
    return region === this.#identity.region && cell === this.#identity.cell;
  }

  watch(listener: (validUntil: DurationNs) => void): () => void {
    this.#listeners.add(listener);
    listener(this.validUntil());
    return () => this.#listeners.delete(listener);
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.validUntil());
  }

  claim(shard: string, floor: Epoch, lastHolder: string | null = null): Promise<Result<Epoch>> {
    return this.#inTurn(shard, () => this.#claim(shard, floor, lastHolder));
  }

  #inTurn<T>(shard: string, work: () => Promise<T>): Promise<T> {
    const result = (this.#queues.get(shard) ?? Promise.resolve()).then(work);
    const settled = result.then(
      () => {},
      () => {},
    );
    this.#queues.set(shard, settled);
    void settled.then(() => {
      if (this.#queues.get(shard) === settled) this.#queues.delete(shard);
    });
    return result;
  }

  async #claim(shard: string, floor: Epoch, lastHolder: string | null): Promise<Result<Epoch>> {
    const key = keys.ownership(shard);
    for (let attempt = 0; attempt < claimTries; attempt += 1) {
      const lease = this.#lease;
      if (lease === null || this.#ports.clock.monotonic() >= lease.validUntil()) {
        return refuse("unavailable", "the lease of this cell is not valid", "it is tried again");
      }
      // Handed over to this region, as its look has just told: read again only if that was not the last word.
      const handed = attempt === 0 ? this.succession.handedOver(shard) : null;
      const entry = handed === null ? await this.#read(key) : ok(handed);
      if (!entry.ok) return entry;
      const { record: found, revision } = entry.value;
      const allowed =
        revision === 0
          ? await this.#firstOwner(shard, floor, lastHolder)
          : await this.#mayReplace(shard, found, lease);
      if (!allowed.ok) return allowed;
      const epochNow = Math.max(found?.epoch ?? 0, floor) + 1;
      // Above a floor that is not on record there may have been an owner that the record has lost.
      const goesOn = found !== null && this.#isMine(found) && epochNow === found.epoch + 1;
      const next = {
        shard,
        epoch: epochNow,
        since: goesOn ? found.since || found.epoch : epochNow,
        region: this.#identity.region,
        cell: this.#identity.cell,
        incarnation: lease.incarnation,
      };
      const bytes = encodeOwnership(next);
      const stored = await this.#ports.keys.compareAndSet(keys.leaseBucket, key, bytes, revision);
      this.#claimed.delete(shard);
      if (stored.ok) this.#claimed.set(shard, { record: next, revision: stored.value });
      else if (stored.failure.code !== "undecided" || !(await this.#isStored(key, bytes))) continue;
      const marked = this.#mark(shard);
      // A record that was there before had its mark before it.
      if (revision === 0) await marked;
      return ok(epoch(next.epoch));
    }
    return refuse(
      "unavailable",
      `${key} changed at each of ${claimTries} tries`,
      "it is tried again",
    );
  }

  /**
   * A shard without an owner on record is new, or its record is lost. In the second case an epoch
   * could be given twice if the journal has lost its tail as well, so it waits for an operator, unless
   * the journal shows that this very cell was the last owner: its own log holds its highest epoch.
   */
  async #firstOwner(shard: string, floor: Epoch, lastHolder: string | null): Promise<Result<void>> {
    const { region, cell } = this.#identity;
    if (lastHolder?.startsWith(`${region}/${cell}#`)) return ok(undefined);
    const mark = await this.#ports.keys.get(keys.directoryBucket, keys.shard(shard));
    if (!mark.ok) return mark;
    if (mark.value === null && floor === 0) return ok(undefined);
    return refuse(
      "not_owner",
      `${keys.ownership(shard)} is missing although the shard has had an owner (journal epoch ${floor}` +
        `${lastHolder === null ? "" : `, holder ${lastHolder}`})`,
      `an operator restores the key in bucket ${keys.leaseBucket} with an epoch of at least ${floor}`,
    );
  }

  /** Remembers, apart from the lease bucket, that the shard has an owner. Tried again at each claim. */
  async #mark(shard: string): Promise<void> {
    if (this.#marked.has(shard)) return;
    const stored = await this.#ports.keys.compareAndSet(
      keys.directoryBucket,
      keys.shard(shard),
      encodeShardRecord({ shard, home: this.#identity.region }),
      0,
    );
    if (stored.ok || stored.failure.code === "conflict") this.#marked.add(shard);
  }

  async #mayReplace(
    shard: string,
    found: OwnershipRecord | null,
    lease: CellLease,
  ): Promise<Result<void>> {
    if (found === null) {
      return refuse(
        "not_owner",
        `${keys.ownership(shard)} holds bytes that are no ownership record`,
        "an operator restores the key",
      );
    }
    const { region, cell } = this.#identity;
    // Handed over: its owner has ended what acted under it, and wrote so.
    if (found.cell === "") return ok(undefined);
    if (found.region === region && found.cell === cell) {
      if (found.incarnation <= lease.incarnation) return ok(undefined);
      return refuse(
        "not_owner",
        `incarnation ${found.incarnation} of this cell owns ${shard}; this is ${lease.incarnation}`,
        "this process has been replaced; stop it",
      );
    }
    return this.#fenceSilent(shard, found);
  }

  /** Fences the lease of a cell that is silent; its shards may be taken then (DESIGN §8.3). */
  async #fenceSilent(shard: string, owner: OwnershipRecord): Promise<Result<void>> {
    const key = keys.lease(owner.region, owner.cell);
    const entry = await this.#ports.keys.get(keys.leaseBucket, key);
    if (!entry.ok) return entry;
    const held = entry.value === null ? null : decodeLease(entry.value.value);
    if (held !== null && (held.fenced || held.incarnation > owner.incarnation))
      return ok(undefined);
    const watched = this.succession.silentAt(key);
    if (watched !== null && watched === (entry.value?.revision ?? 0)) {
      return this.fence({ ...owner, node: held?.node ?? "" }, watched);
    }
    const silence = await observeSilence(this.#ports, key);
    if (!silence.ok) return silence;
    if (!silence.value.silent) {
      return refuse(
        "not_owner",
        `${owner.region}/${owner.cell}#${owner.incarnation} owns ${shard} and is alive`,
        "give the market a shard whose home is this region",
      );
    }
    return this.fence({ ...owner, node: held?.node ?? "" }, silence.value.revision);
  }

  /**
   * Fences the lease of a cell that was silent for long enough at this revision of its key: its shards
   * may be claimed then without another observation. Failure code: unavailable.
   */
  async fence(
    owner: CellIdentity & { readonly incarnation: number },
    revision: number,
  ): Promise<Result<void>> {
    const key = keys.lease(owner.region, owner.cell);
    const fence: LeaseRecord = {
      region: owner.region,
      cell: owner.cell,
      node: owner.node,
      incarnation: owner.incarnation,
      renewal: 0,
      nonce: this.#ports.nonce(),
      fenced: true,
      released: false,
      actors: null,
    };
    const bytes = encodeLease(fence);
    const fenced = await this.#ports.keys.compareAndSet(keys.leaseBucket, key, bytes, revision);
    if (fenced.ok || (fenced.failure.code === "undecided" && (await this.#isStored(key, bytes)))) {
      const { region, cell, incarnation } = owner;
      this.#ports.log.warn({ region, cell, incarnation }, "fenced a silent cell");
      return ok(undefined);
    }
    return refuse("unavailable", `${key} changed while it was being fenced`, "it is tried again");
  }

  /**
   * Gives a shard of this cell up: whoever claims it next need not wait for this cell's silence. To be
   * called when nothing acts under it any more. `to`: the region whose cells come first; absent: this
   * one. Failure codes: not_owner, unavailable.
   */
  handOver(shard: string, to: string = this.#identity.region): Promise<Result<void>> {
    return this.#inTurn(shard, () => this.#handOver(shard, to));
  }

  async #handOver(shard: string, to: string): Promise<Result<void>> {
    // Nobody else writes it while this cell lives: clients that wait are spared the read.
    const claimed = this.#claimed.get(shard);
    this.#claimed.delete(shard);
    if (claimed !== undefined && (await this.#giveTo(to, claimed))) return ok(undefined);
    const key = keys.ownership(shard);
    const entry = await this.#read(key);
    if (!entry.ok) return entry;
    const { record, revision } = entry.value;
    if (record === null || !this.#isMine(record)) {
      const { region, cell } = this.#identity;
      return refuse("not_owner", `${shard} is not owned by ${region}/${cell}`, "claim it first");
    }
    if (await this.#giveTo(to, { record, revision })) return ok(undefined);
    return refuse("unavailable", `${key} was not written`, "it is tried again");
  }

  async #giveTo(to: string, { record, revision }: RecordSeen): Promise<boolean> {
    const key = keys.ownership(record.shard);
    const bytes = encodeOwnership({ ...record, region: to, cell: "", incarnation: 0 });
    const stored = await this.#ports.keys.compareAndSet(keys.leaseBucket, key, bytes, revision);
    return stored.ok || (await this.#isStored(key, bytes));
  }

  /** Revision 0: there is no record; null with another one: bytes that are none. */
  async #read(key: string): Promise<Result<RecordSeen | { record: null; revision: number }>> {
    const entry = await this.#ports.keys.get(keys.leaseBucket, key);
    if (!entry.ok) return entry;
    if (entry.value === null) return ok({ record: null, revision: 0 });
    const { value, revision } = entry.value;
    return ok({ record: decodeOwnership(value), revision });
  }

  async #isStored(key: string, bytes: Uint8Array): Promise<boolean> {
    const entry = await this.#ports.keys.get(keys.leaseBucket, key);
    return entry.ok && entry.value !== null && Buffer.compare(entry.value.value, bytes) === 0;
  }
}
