import { jetstream, type Consumer } from "@nats-io/jetstream";

import type { StoredMessage } from "../kernel/ports/bus.ts";
import type {
  JournalReplicas,
  ReplicaHolders,
  ReplicaReader,
} from "../kernel/ports/journal-replicas.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { NatsBus } from "./nats.ts";
import type { NatsLink } from "./nats-link.ts";

/**
 * JetStream serves a read by its leader, so nobody sees a damaged follower until it leads. A consumer
 * with one replica reads the store of the server that it was placed on; placement cannot be asked for,
 * so it is made until it is where it is wanted. A message that fails the server's checksum is left out
 * by it without a word.
 */

const API_TIMEOUT_MS = 3_000;
/** Of three servers a given one is missed so often with a chance of 1 : 17,000. */
const PLACEMENTS = 24;
/** A reader that is forgotten goes by itself. */
const INACTIVE_NS = 30_000_000_000;
/** A fetch waits this long for messages that do not come; a second is the least the library allows. */
const FETCH_MS = 1_000;
/** Fetches in a row that bring nothing although there is more: the server is that slow, or out of reach. */
const EMPTY_FETCHES = 5;

interface ApiReply {
  readonly error?: { readonly description?: string };
  readonly name?: string;
  readonly cluster?: {
    readonly leader?: string;
    readonly replicas?: readonly { readonly name: string; readonly offline?: boolean }[];
  };
}

export class NatsJournalReplicas implements JournalReplicas {
  readonly #link: NatsLink;

  constructor(bus: NatsBus) {
    this.#link = bus.journals;
  }

  async holders(stream: string): Promise<Result<ReplicaHolders>> {
    const info = await this.#api(`STREAM.INFO.${stream}`, {});
    if (!info.ok) return info;
    const { leader = "", replicas = [] } = info.value.cluster ?? {};
    const followers = replicas.filter(({ offline }) => offline !== true).map(({ name }) => name);
    return ok({
      leader,
      up: leader === "" ? followers : [leader, ...followers],
      down: replicas.filter(({ offline }) => offline === true).map(({ name }) => name),
    });
  }

  async open(stream: string, subject: string, server: string): Promise<Result<ReplicaReader>> {
    for (let attempt = 0; attempt < PLACEMENTS; attempt += 1) {
      const made = await this.#api(`CONSUMER.CREATE.${stream}`, {
        stream_name: stream,
        action: "create",
        config: {
          ack_policy: "none",
          deliver_policy: "all",
          filter_subject: subject,
          inactive_threshold: INACTIVE_NS,
          mem_storage: true,
          num_replicas: 1,
        },
      });
      if (!made.ok) return made;
      const name = made.value.name ?? "";
      if (made.value.cluster?.leader === server) {
        try {
          const consumer = await jetstream(this.#link.connection, {
            checkAPI: false,
            timeout: API_TIMEOUT_MS,
          }).consumers.get(stream, name);
          return ok(new NatsReplicaReader(consumer));
        } catch (error) {
          return unavailable(stream, String(error));
        }
      }
      await this.#api(`CONSUMER.DELETE.${stream}.${name}`, {});
    }
    return unavailable(stream, `no reader was placed on ${server} in ${PLACEMENTS} tries`);
  }

  async stepDown(stream: string, preferred: string | null): Promise<Result<void>> {
    const placement = preferred === null ? {} : { placement: { preferred } };
    const done = await this.#api(`STREAM.LEADER.STEPDOWN.${stream}`, placement);
    return done.ok ? ok(undefined) : done;
  }

  async #api(verb: string, request: object): Promise<Result<ApiReply>> {
    const answer = await this.#link.ask(`$JS.API.${verb}`, JSON.stringify(request), API_TIMEOUT_MS);
    if (!answer.ok) return unavailable(verb, answer.failure.reason);
    const reply = JSON.parse(Buffer.from(answer.value.data).toString()) as ApiReply;
    if (reply.error === undefined) return ok(reply);
    return unavailable(verb, reply.error.description ?? "an error without description");
  }
}

/**
 * Nothing is acknowledged to this consumer and nothing sent again: what a route or a connection loses on
 * the way is counted as delivered, and would look like a message that the replica does not have.
 */
class NatsReplicaReader implements ReplicaReader {
  readonly #consumer: Consumer;
  /** Messages that have arrived, by the consumer's own count. */
  #arrived = 0;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  async next(most: number): Promise<Result<readonly StoredMessage[]>> {
    let trouble = "nothing came although there is more";
    for (let empty = 0; empty < EMPTY_FETCHES; empty += 1) {
      const read: StoredMessage[] = [];
      try {
        const messages = await this.#consumer.fetch({ max_messages: most, expires: FETCH_MS });
        for await (const message of messages) {
          this.#arrived += 1;
          if (message.info.deliverySequence !== this.#arrived) return lostOnTheWay;
          read.push({ streamSequence: message.seq, payload: new Uint8Array(message.data) });
          // The rest of the fetch would only wait for what is not there yet.
          if (message.info.pending === 0) break;
        }
      } catch (error) {
        // Of a server that says nothing for a second: what has come is good, and it is asked for the rest.
        trouble = String(error);
      }
      if (read.length > 0) return ok(read);
      try {
        const { delivered, num_pending } = await this.#consumer.info();
        if (delivered.consumer_seq !== this.#arrived) return lostOnTheWay;
        if (num_pending === 0) return ok([]);
      } catch (error) {
        trouble = String(error);
      }
    }
    return unavailable("reader", trouble);
  }

  async close(): Promise<void> {
    try {
      await this.#consumer.delete();
    } catch {
      // It goes by itself when it is inactive.
    }
  }
}

const unavailable = (what: string, reason: string): Result<never> =>
  refuse("unavailable", `${what}: ${reason}`, "try again");
const lostOnTheWay = unavailable("reader", "messages were lost on their way here");
