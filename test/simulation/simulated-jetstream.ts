import { fateOf, type PublishAck } from "../../actors/bus/publish-ack.ts";
import { StreamStore } from "../../actors/bus/stream-store.ts";
import type { AppendFate } from "../../actors/kernel/ports/bus.ts";
import { unreachable } from "../../actors/kernel/result.ts";
import type { SeededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { Life, type Scheduler, type Step } from "./scheduler.ts";
import type { SimulatedNetwork } from "./simulated-network.ts";

/**
 * Three servers that replicate streams, as clients see them (specs of real servers, measured): one
 * leader per stream, a majority for each write, four to nine seconds for an election, an isolated
 * leader that goes on answering reads for ten seconds, and whatever a test or a seed adds.
 */

/** What happens to one conditional append instead of the ordinary thing. */
export type AppendTrouble =
  | { readonly kind: "answered"; readonly ack: PublishAck; readonly stored: boolean }
  | { readonly kind: "silent"; readonly stored: boolean }
  /** Arrives at the leader this much later. */
  | { readonly kind: "late"; readonly by: number }
  /** Checked now, stored this much later without another check. */
  | { readonly kind: "unchecked"; readonly after: number };

interface Proposal {
  readonly subject: string;
  readonly payload: Uint8Array;
  readonly reply: (fate: AppendFate) => void;
  /** A follower may have it. */
  sent: boolean;
  commit: Step | null;
}

interface Stream {
  readonly name: string;
  readonly store: StreamStore;
  leader: number | null;
  pending: Proposal[];
  committedAt: number;
  election: Step | null;
  /** Sites whose server believes that it leads: how much of the stream it has seen. */
  readonly deluded: Map<number, number>;
}

const FSYNC_NS = 300_000;
const ELECTION_NS = [4e9, 9e9] as const;
const LOST_QUORUM_NS = 10e9;
const RETRY_ELECTION_NS = 1e9;
/** Revisions of one key that are kept, for stale reads. */
const KEY_HISTORY = 64;

export class SimulatedJetStream {
  readonly #scheduler: Scheduler;
  readonly #network: SimulatedNetwork;
  readonly #random: SeededRandomness;
  readonly #streams = new Map<string, Stream>();
  readonly #servers: Life[];
  readonly #crashListeners: ((site: number) => void)[] = [];
  /** Asked before each append and each write of a key; null lets it pass. */
  appendTrouble: (stream: string, subject: string, payload: Uint8Array) => AppendTrouble | null =
    () => null;
  /** Asked before each read: the first messages of the stream that the answer may show. */
  staleRead: (stream: string) => number | null = () => null;
  /** Of 100 healed partitions this many are followed by a gap without a leader. */
  gapAfterHeal = 0;

  constructor(scheduler: Scheduler, network: SimulatedNetwork, random: SeededRandomness) {
    this.#scheduler = scheduler;
    this.#network = network;
    this.#random = random;
    this.#servers = network.sites.map((site) => new Life(`server-${site}`));
    network.onChange(() => this.#look());
  }

  up(site: number): boolean {
    return this.#servers[site]?.alive === true;
  }

  server(site: number): Life {
    const life = this.#servers[site];
    if (life === undefined) throw new RangeError(`no server at ${site}`);
    return life;
  }

  onCrash(listener: (site: number) => void): void {
    this.#crashListeners.push(listener);
  }

  crashServer(site: number): void {
    if (!this.up(site)) return;
    this.server(site).alive = false;
    for (const stream of this.#streams.values()) {
      stream.deluded.delete(site);
      // Even if it is back sooner, it comes back as a follower.
      if (stream.leader === site) this.#loseLeader(stream, ...ELECTION_NS);
    }
    this.#look();
    for (const listener of this.#crashListeners) listener(site);
  }

  restartServer(site: number): void {
    if (this.up(site)) return;
    this.#servers[site] = new Life(`server-${site}`);
    this.#look();
  }

  /** Every stream, or the named one, has no leader until an election some seconds later. */
  loseLeaders(least: number, most: number, only?: string): void {
    for (const stream of this.#streams.values()) {
      if (only === undefined || stream.name === only) this.#loseLeader(stream, least, most);
    }
  }

  /** The stream forgets its last messages; their numbers are given again. */
  loseSuffix(name: string, count: number): void {
    this.#stream(name).store.loseSuffix(count);
  }

  store(name: string): StreamStore {
    return this.#stream(name).store;
  }

  streamNames(): readonly string[] {
    return [...this.#streams.keys()];
  }

  leaderOf(name: string): number | null {
    return this.#stream(name).leader;
  }

  /** The server a request for the stream goes to from a site; null when nobody would answer. */
  route(site: number, name: string): number | null {
    const { leader, deluded } = this.#stream(name);
    if (leader !== null && this.up(leader) && this.#network.joined(site, leader)) return leader;
    return deluded.has(site) ? site : null;
  }

  /** A server knows that the stream has no leader and says so at once (503). */
  knowsNoLeader(site: number, name: string): boolean {
    return this.#stream(name).leader === null && this.#majority(site);
  }

  /** A read that has arrived at a server. `answer` gets how much of the stream it shows. */
  read(site: number, name: string, answer: (store: StreamStore, asOf: number) => void): void {
    const stream = this.#stream(name);
    const stale = this.staleRead(name);
    if (stale !== null) answer(stream.store, stale);
    else if (stream.leader === site) answer(stream.store, Number.POSITIVE_INFINITY);
    else {
      const seen = stream.deluded.get(site);
      if (seen !== undefined) answer(stream.store, seen);
    }
  }

  /** An append that has arrived at a server. */
  append(
    site: number,
    name: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
    reply: (fate: AppendFate) => void,
  ): void {
    const trouble = this.appendTrouble(name, subject, payload);
    const go = (answer: (fate: AppendFate) => void): void =>
      this.#propose(site, name, subject, payload, expectedTail, answer);
    switch (trouble?.kind) {
      case undefined:
        go(reply);
        return;
      case "answered":
        if (trouble.stored) go(() => {});
        reply(fateOf(trouble.ack));
        return;
      case "silent":
        if (trouble.stored) go(() => {});
        return;
      case "late":
        this.#scheduler.in(trouble.by, this.server(site), "late append", () => go(reply));
        return;
      case "unchecked": {
        const { store } = this.#stream(name);
        if (store.tailSequence(subject) !== expectedTail) {
          reply({ fate: "wrong_tail" });
          return;
        }
        this.#scheduler.in(trouble.after, this.server(site), "unchecked append", () => {
          reply({ fate: "stored", streamSequence: store.store(subject, payload) });
        });
        return;
      }
      default:
        unreachable(trouble);
    }
  }

  #propose(
    site: number,
    name: string,
    subject: string,
    payload: Uint8Array,
    expectedTail: number,
    reply: (fate: AppendFate) => void,
  ): void {
    const stream = this.#stream(name);
    // An isolated leader takes the proposal, and nobody ever answers.
    if (stream.leader !== site) return;
    if (stream.pending.some((proposal) => proposal.subject === subject)) {
      reply(
        this.#random.below(2) === 0
          ? { fate: "wrong_tail" }
          : fateOf({
              sequence: 0,
              duplicate: false,
              error: { code: 10_164, text: "wrong last sequence" },
            }),
      );
      return;
    }
    if (stream.store.tailSequence(subject) !== expectedTail) {
      reply({ fate: "wrong_tail" });
      return;
    }
    const proposal = { subject, payload: payload.slice(), reply, sent: false, commit: null };
    stream.pending.push(proposal);
    this.#replicate(stream, site, proposal);
  }

  /** Sends a proposal to the followers, if a majority can be reached. */
  #replicate(stream: Stream, leader: number, proposal: Proposal): void {
    if (proposal.commit !== null || !this.#majority(leader)) return;
    proposal.sent = true;
    const trips = this.#network.sites
      .filter((site) => site !== leader && this.up(site) && this.#network.joined(leader, site))
      .map((site) => this.#network.roundTrip(leader, site));
    const delay = Math.min(...trips) + FSYNC_NS * (1 + this.#random.unit());
    const at = Math.max(this.#scheduler.now + delay, stream.committedAt + 1);
    stream.committedAt = at;
    proposal.commit = this.#scheduler.at(Math.floor(at), this.server(leader), "commit", () => {
      proposal.commit = null;
      if (!this.#majority(leader)) return;
      stream.pending = stream.pending.filter((other) => other !== proposal);
      this.#store(stream, proposal);
    });
  }

  #store(stream: Stream, proposal: Proposal): void {
    const streamSequence = stream.store.store(proposal.subject, proposal.payload);
    proposal.reply({ fate: "stored", streamSequence });
  }

  /** Looks at every stream after something in the network or at a server has changed. */
  #look(): void {
    for (const stream of this.#streams.values()) this.#lookAt(stream);
  }

  #lookAt(stream: Stream): void {
    const { leader } = stream;
    for (const site of stream.deluded.keys()) {
      // It hears of the higher term.
      if (leader !== null && this.#network.joined(site, leader)) stream.deluded.delete(site);
    }
    if (leader !== null && this.up(leader) && this.#majority(leader)) {
      for (const proposal of stream.pending) this.#replicate(stream, leader, proposal);
      if (stream.election === null) return;
      stream.election.cancelled = true;
      stream.election = null;
      if (this.#random.below(100) < this.gapAfterHeal) this.#loseLeader(stream, 3e9, 7e9);
      return;
    }
    if (stream.election === null) this.#callElection(stream, ...ELECTION_NS);
  }

  #loseLeader(stream: Stream, least: number, most: number): void {
    this.#endTerm(stream);
    stream.leader = null;
    if (stream.election !== null) stream.election.cancelled = true;
    this.#callElection(stream, least, most);
  }

  #callElection(stream: Stream, least: number, most: number): void {
    const delay = least + (most - least) * this.#random.unit();
    const life = this.#nobody;
    stream.election = this.#scheduler.in(delay, life, "election", () => this.#elect(stream));
  }

  #elect(stream: Stream): void {
    stream.election = null;
    const old = stream.leader;
    if (old !== null && this.up(old) && this.#majority(old)) return;
    const able = this.#network.sites.filter((site) => this.up(site) && this.#majority(site));
    const chosen = able[this.#random.below(Math.max(1, able.length))];
    if (chosen === undefined) {
      this.#callElection(stream, RETRY_ELECTION_NS, 2 * RETRY_ELECTION_NS);
      return;
    }
    if (old !== null && this.up(old)) this.#delude(stream, old);
    stream.leader = chosen;
    this.#endTerm(stream);
    this.#scheduler.trace.say(this.#scheduler.now, stream.name, `led by server ${chosen}`);
  }

  /** What the old leader had sent to a follower is stored or not, as the new one has it or not. */
  #endTerm(stream: Stream): void {
    const pending = stream.pending;
    stream.pending = [];
    let kept = true;
    for (const proposal of pending) {
      if (proposal.commit !== null) proposal.commit.cancelled = true;
      kept &&= proposal.sent && this.#random.below(2) === 0;
      if (kept) stream.store.store(proposal.subject, proposal.payload);
    }
  }

  #delude(stream: Stream, site: number): void {
    stream.deluded.set(site, stream.store.lastSequence);
    this.#scheduler.in(LOST_QUORUM_NS, this.server(site), "steps down", () => {
      stream.deluded.delete(site);
    });
  }

  /** The server reaches a majority, itself included. */
  #majority(site: number): boolean {
    if (!this.up(site)) return false;
    const reached = this.#network.sites.filter(
      (other) => other === site || (this.up(other) && this.#network.joined(site, other)),
    );
    return reached.length >= 2;
  }

  readonly #nobody = new Life("raft");

  #stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      const perSubject = name.startsWith("KV_") ? KEY_HISTORY : Number.POSITIVE_INFINITY;
      stream = {
        name,
        store: new StreamStore(perSubject),
        leader: this.#random.below(this.#network.sites.length),
        pending: [],
        committedAt: 0,
        election: null,
        deluded: new Map(),
      };
      this.#streams.set(name, stream);
      this.#lookAt(stream);
    }
    return stream;
  }
}
