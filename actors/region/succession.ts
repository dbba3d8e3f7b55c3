import { createHash } from "node:crypto";

import type { KeyStore } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Candidacy, Candidate, ShardOwner } from "../kernel/ports/ownership.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeLease, decodeOwnership, keys, type OwnershipRecord } from "./codec.ts";
import type { LeaseHolder } from "./contact.ts";
import { leaseTimes, silentAfter, SilenceWatch } from "./silence.ts";

/**
 * Who may claim a shard, and when (DESIGN §8.3): what a cell knows of the shards that its markets
 * follow and other cells own. It only says whose turn it is; that there is one owner, the
 * compare-and-set on own.<shard> and the fence in the journal see to.
 */

/** Between two takers of different rank: the second one's claim should find the first one's. */
export const turnNs = 500_000_000;
/** A cell that has stopped in good order comes back: other regions wait so much longer for it. */
export const returnNs = 15_000_000_000;
/** Of so many looks at leases one is at the records as well. */
const recordRounds = 3;
/** A shard that nobody asks about is not looked at any more. */
const askedWithin = 3_000_000_000;
const permissionLasts = 60_000_000_000;

/** What is known of a shard's owner. */
export interface Standing {
  /** Null: no record; `unreadable`: bytes that are none. */
  readonly record: OwnershipRecord | "unreadable" | null;
  /** For how long the record has stood as it is, of time in which it could be read. */
  readonly recordStandsNs: number;
  /** Of the owner's lease; null when the record names no cell. */
  readonly lease: {
    /** Fenced, or of a newer incarnation: the owner cannot act any more. */
    readonly over: boolean;
    /** It was given back by its cell, which has stopped in good order. */
    readonly released: boolean;
    readonly silentNs: number;
  } | null;
}

export interface Asker {
  readonly region: string;
  readonly cell: string;
  readonly home: string;
  /** Place among the regions that may take over; 0 takes first. */
  readonly rank: number;
  /** An operator has decided that this cell takes it: nobody is waited for. */
  readonly permitted: boolean;
  /** Markets of silent regions are taken without an operator. */
  readonly automatic: boolean;
  /** The journal names this cell as the last owner. */
  readonly wasLast: boolean;
}

/** Null: the shard may be claimed. Else why not, as a text for people. */
export function mayNotClaim(standing: Standing, asker: Asker): string | null {
  const { record, lease } = standing;
  const isHome = asker.home === asker.region;
  if (record === null || record === "unreadable") {
    // A record that is lost is made anew by its last owner, wherever that is.
    if (record === null && asker.wasLast) return null;
    return isHome ? null : `the shard has no owner on record; its home ${asker.home} comes first`;
  }
  const byHand = record.region !== asker.region && !asker.automatic && !asker.permitted;
  if (record.cell === "") {
    if (record.region === asker.region) return null;
    if (byHand) return `handed over to ${record.region}`;
    const needed = silentAfter + (asker.rank + 1) * turnNs;
    return standing.recordStandsNs >= needed ? null : `handed over to ${record.region}`;
  }
  if (record.region === asker.region && record.cell === asker.cell) return null;
  const owner = `${record.region}/${record.cell}#${record.incarnation}`;
  const waits = record.region === asker.region ? 0 : asker.rank * turnNs;
  if (lease === null) return `${owner} owns it`;
  if (byHand) return `${owner} owns it; only an operator has it taken here`;
  if (lease.over && record.region === asker.region) return null;
  const comesBack = lease.released && !asker.permitted ? returnNs : 0;
  if (lease.over && lease.silentNs >= waits + comesBack) return null;
  if (lease.over) return `${owner} has stopped; it is given time to come back`;
  if (lease.silentNs >= silentAfter + waits) return null;
  return lease.silentNs > silentAfter
    ? `${owner} is silent; another region takes first`
    : `${owner} owns it and is alive`;
}

/**
 * Place of a region among those of a group that may take a shard when its owner's region is silent:
 * by rendezvous hashing, so that the shards of a lost region spread over the others and each cell
 * comes to the same order by itself.
 */
export function rankOf(
  shard: string,
  region: string,
  group: readonly string[],
  owner: string,
): number {
  const weight = (name: string): string =>
    createHash("sha256").update(`${shard}|${name}`).digest("hex");
  const order = group
    .filter((name) => name !== owner)
    .map((name) => ({ name, weight: weight(name) }))
    .sort((a, b) => (a.weight < b.weight ? -1 : 1));
  const found = order.findIndex(({ name }) => name === region);
  return found < 0 ? order.length : found;
}

/** An ownership record and the revision under which it stands in the store. */
export interface RecordSeen {
  readonly record: OwnershipRecord;
  readonly revision: number;
}

interface Followed {
  record: Standing["record"];
  /** Revision of the record; null before the first read. */
  revision: number | null;
  stands: SilenceWatch;
  owner: string;
  askedAt: number;
  /** Markets of this cell that may not take the shard, and when they last said so. */
  readonly blocked: Map<string, { readonly reason: string; readonly at: number }>;
}

interface LeaseSeen {
  readonly watch: SilenceWatch;
  revision: number;
  fenced: boolean;
  released: boolean;
  incarnation: number;
  used: boolean;
}

export interface SuccessionOf {
  readonly keys: KeyStore;
  readonly clock: Clock;
  readonly region: string;
  readonly cell: string;
  /** Regions that may hold the journals of a group. */
  readonly regionsOf: (group: string) => readonly string[];
  readonly automatic: boolean;
  /** Whether the holder of a lease answers for itself; absent: none is asked. */
  readonly answers?: (holder: LeaseHolder) => Promise<boolean>;
}

export class Succession {
  readonly #of: SuccessionOf;
  readonly #followed = new Map<string, Followed>();
  readonly #leases = new Map<string, LeaseSeen>();
  readonly #watchers = new Map<string, Set<() => void>>();
  /** Shards on their way to another region: nothing here claims them. */
  readonly #leaving = new Set<string>();
  readonly #permitted = new Map<string, { readonly until: number; readonly loss: boolean }>();
  #closed: string | null = null;
  #looking: Promise<void> | null = null;
  #rounds = 0;
  #cancel: (() => void) | null = null;

  constructor(of: SuccessionOf) {
    this.#of = of;
  }

  async candidacy(candidate: Candidate): Promise<Candidacy> {
    const { shard, market, home, blocked, lastHolder } = candidate;
    const now = this.#of.clock.monotonic();
    const followed = this.#followed.get(shard) ?? this.#follow(shard);
    followed.askedAt = now;
    if (blocked === null) followed.blocked.delete(market);
    else followed.blocked.set(market, { reason: blocked, at: now });
    if (followed.revision === null) await this.look();
    this.#schedule();
    const owner = ownerOf(followed.record);
    const wait = (reason: string): Candidacy => ({ may: "wait", owner, reason });
    if (followed.revision === null) return wait("the store of leases does not answer");
    if (this.#leaving.has(shard)) return wait("the shard is being handed over");
    const group = shard.slice(0, shard.lastIndexOf("-"));
    const { region, cell, regionsOf, automatic } = this.#of;
    const permission = this.#permitted.get(shard);
    const permitted = permission !== undefined && permission.until > now;
    const rank = permitted ? 0 : rankOf(shard, region, regionsOf(group), owner?.region ?? home);
    const wasLast = lastHolder?.startsWith(`${region}/${cell}#`) === true;
    const asker = { region, cell, home, rank, permitted, automatic, wasLast };
    const own = owner?.region === region && owner.cell === cell;
    if (this.#closed !== null && !own && !permitted) return wait(this.#closed);
    const reason = mayNotClaim(this.#standing(followed), asker);
    if (reason !== null) return wait(reason);
    const lossAccepted = permitted && permission.loss;
    const mine = owner?.region === region && owner.cell === cell;
    const sibling = lossAccepted || mine ? null : blockedSibling(followed, candidate, now);
    if (sibling !== null) return wait(sibling);
    return { may: "claim", lossAccepted };
  }

  /** Owner of a shard that is followed here; null when nobody, or not known. */
  owner(shard: string): ShardOwner | null {
    return ownerOf(this.#followed.get(shard)?.record ?? null);
  }

  /** The record by which a shard was handed over to this region, as it was seen last; null: it is none. */
  handedOver(shard: string): RecordSeen | null {
    const { record = null, revision = null } = this.#followed.get(shard) ?? {};
    if (record === null || record === "unreadable" || revision === null) return null;
    const isHanded = record.cell === "" && record.region === this.#of.region;
    return isHanded ? { record, revision } : null;
  }

  /** Calls the listener whenever another record of the shard is seen, until the returned function is called. */
  watch(shard: string, listener: () => void): () => void {
    const watchers = this.#watchers.get(shard) ?? new Set();
    this.#watchers.set(shard, watchers.add(listener));
    return () => watchers.delete(listener);
  }

  /** What is known of a shard that a market here follows; null when none does. */
  standing(shard: string): Standing | null {
    const followed = this.#followed.get(shard);
    return followed === undefined || followed.revision === null ? null : this.#standing(followed);
  }

  /** Revision at which the lease was silent for long enough to be fenced; null when it was not. */
  silentAt(key: string): number | null {
    const seen = this.#leases.get(key);
    return seen !== undefined && seen.watch.silentFor >= silentAfter ? seen.revision : null;
  }

  /** Why this cell takes nothing that is not its own already; null: it takes what it may. */
  close(reason: string | null): void {
    this.#closed = reason;
  }

  leaving(shard: string, isLeaving: boolean): void {
    if (isLeaving) this.#leaving.add(shard);
    else this.#leaving.delete(shard);
  }

  /** An operator has the shard taken here, for a minute; `loss`: what may be lost with it is accepted. */
  permit(shard: string, loss: boolean): void {
    this.#permitted.set(shard, { until: this.#of.clock.monotonic() + permissionLasts, loss });
  }

  /** The operator has changed their mind; a claim that has begun goes on. */
  forbid(shard: string): void {
    this.#permitted.delete(shard);
  }

  /** Reads records and leases now; resolves when what is known is as new as this call. */
  async look(): Promise<void> {
    while (this.#looking !== null) await this.#looking;
    this.#looking = this.#read(true).finally(() => {
      this.#looking = null;
    });
    await this.#looking;
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#followed.clear();
  }

  #follow(shard: string): Followed {
    const followed: Followed = {
      record: null,
      revision: null,
      stands: new SilenceWatch(),
      owner: "",
      askedAt: 0,
      blocked: new Map(),
    };
    this.#followed.set(shard, followed);
    return followed;
  }

  #schedule(): void {
    if (this.#cancel !== null || this.#followed.size === 0) return;
    this.#cancel = this.#of.clock.after(leaseTimes.renewEvery, () => {
      this.#cancel = null;
      const now = this.#of.clock.monotonic();
      for (const [shard, { askedAt }] of this.#followed) {
        if (now - askedAt > askedWithin) this.#followed.delete(shard);
      }
      this.#rounds += 1;
      // Records change when owners do; leases tell soon enough when that may be.
      const records = this.#rounds % recordRounds === 0 || this.#isAnySilent();
      this.#looking ??= this.#read(records).finally(() => {
        this.#looking = null;
      });
      void this.#looking.finally(() => this.#schedule());
    });
  }

  #isAnySilent(): boolean {
    return [...this.#leases.values()].some(({ fenced, watch }) => fenced || watch.isDoubtful);
  }

  async #read(records: boolean): Promise<void> {
    // One without an owner is about to get one: clients are told where the market is from then on.
    await Promise.all(
      [...this.#followed]
        .filter(([, { record }]) => records || record === null)
        .map(([shard, one]) => this.#readRecord(shard, one)),
    );
    for (const seen of this.#leases.values()) seen.used = false;
    const owners = new Set([...this.#followed.values()].map(({ owner }) => owner));
    owners.delete("");
    await Promise.all([...owners].map((key) => this.#readLease(key)));
    for (const [key, { used }] of this.#leases) if (!used) this.#leases.delete(key);
  }

  async #readRecord(shard: string, followed: Followed): Promise<void> {
    const { clock } = this.#of;
    const began = clock.monotonic();
    const entry = await this.#of.keys.get(keys.leaseBucket, keys.ownership(shard));
    if (!entry.ok) {
      followed.stands.failed();
      return;
    }
    const revision = entry.value?.revision ?? 0;
    const isAnother = followed.revision !== revision;
    followed.stands.read(revision, began, clock.monotonic());
    followed.revision = revision;
    followed.record =
      entry.value === null ? null : (decodeOwnership(entry.value.value) ?? "unreadable");
    const { record } = followed;
    const named = record !== null && record !== "unreadable" && record.cell !== "";
    followed.owner = named ? keys.lease(record.region, record.cell) : "";
    if (!isAnother) return;
    for (const listener of this.#watchers.get(shard) ?? []) listener();
  }

  async #readLease(key: string): Promise<void> {
    const { clock } = this.#of;
    const seen = this.#leases.get(key) ?? {
      watch: new SilenceWatch(),
      revision: 0,
      fenced: false,
      released: false,
      incarnation: 0,
      used: true,
    };
    this.#leases.set(key, seen);
    seen.used = true;
    const began = clock.monotonic();
    const entry = await this.#of.keys.get(keys.leaseBucket, key);
    if (!entry.ok) {
      seen.watch.failed();
      return;
    }
    const lease = entry.value === null ? null : decodeLease(entry.value.value);
    seen.revision = entry.value?.revision ?? 0;
    seen.fenced = lease?.fenced ?? false;
    seen.released = lease?.released ?? false;
    seen.incarnation = lease?.incarnation ?? 0;
    seen.watch.read(seen.revision, began, clock.monotonic());
    if (lease !== null && !seen.fenced && !seen.released) this.#contact(seen, lease);
  }

  #contact({ watch }: LeaseSeen, holder: LeaseHolder): void {
    const { clock, answers } = this.#of;
    if (answers === undefined || !watch.isDoubtful) return;
    void answers(holder).then((lives) => {
      if (lives) watch.answered(clock.monotonic());
    });
  }

  #standing({ record, stands, owner }: Followed): Standing {
    const seen = this.#leases.get(owner);
    const named = record !== null && record !== "unreadable" && record.cell !== "";
    const lease =
      seen === undefined || !named
        ? null
        : {
            over: seen.fenced || seen.incarnation > record.incarnation,
            // A cell that is back already is not waited for.
            released: seen.released && seen.incarnation <= record.incarnation,
            silentNs: seen.watch.silentFor,
          };
    return { record, recordStandsNs: stands.silentFor, lease };
  }
}

/** Markets of a shard have one owner: who cannot take them all takes none. */
function blockedSibling(followed: Followed, candidate: Candidate, now: DurationNs): string | null {
  for (const [market, { reason, at }] of followed.blocked) {
    if (market === candidate.market || now - at > askedWithin) continue;
    return `${market} of the same shard cannot be taken here: ${reason}`;
  }
  return null;
}

function ownerOf(record: Standing["record"]): ShardOwner | null {
  if (record === null || record === "unreadable") return null;
  return { region: record.region, cell: record.cell };
}
