import { hostIncidentSubject, isToken, patterns } from "../../schemas/subjects.ts";
import {
  decodeList,
  decodeListRequest,
  decodeRequest,
  encodeList,
  encodeRefusal,
  encodeReply,
  type IncidentList,
  isAction,
  listed,
  withUser,
} from "../incident/codec.ts";
import type { IncidentView } from "../incident/messages.ts";
import type { Bus, BusRequest, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { type Failure, refuse } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { type IncidentResidents, shardOfIncident } from "./incident-residents.ts";
import type { RefusalCounter } from "./refusal-counter.ts";

const askTimeout = 5_000_000_000 as DurationNs;
const hostTimeout = 5_000_000_000 as DurationNs;
/** A cell that lists nothing in this time is in the answer as silent. */
const listTimeout = 1_500_000_000 as DurationNs;
/** Incidents of one answer. */
const longestList = 256;
/** A region's shards are claimed one after the other when its cells start; who asks before that asks again. */
const claimsWithin = 30_000_000_000;
/** The id at which all are asked. */
const all = "all";

export interface IncidentHostOf {
  readonly region: string;
  readonly cell: string;
  readonly bus: Bus;
  readonly clock: Pick<Clock, "monotonic">;
  readonly log: Log;
  readonly residents: Pick<IncidentResidents, "find" | "running">;
  readonly ownerOf: (shard: number) => { readonly cell: string; readonly here: boolean } | null;
  /** Other cells that host the region's actors. */
  readonly others: () => readonly string[];
  readonly refusals: RefusalCounter;
}

/** What other cells ask is served at once, what everybody asks when `serveRegion` is called. */
export interface ServedIncidents extends Subscription {
  serveRegion(): Subscription;
}

/** Serves act.<region>.incident.<id>.<verb>: an id that lives in another cell is asked there. */
export function serveIncidents(of: IncidentHostOf): ServedIncidents {
  const host = new IncidentHost(of);
  const serve = (subject: string, answer: (request: BusRequest) => Promise<Uint8Array>) =>
    of.bus.serve(subject, (request) => {
      answer(request).then(
        (payload) => request.respond(payload),
        (error: unknown) => of.log.error({ error: String(error) }, "an incident request failed"),
      );
    });
  const here = serve(patterns.hostIncidentsOf(of.region, of.cell), ({ subject, payload }) => {
    const [, , , , , id = "", verb = ""] = subject.split(".");
    return host.answerHere(id, verb, payload);
  });
  return {
    serveRegion: () =>
      serve(patterns.incidentsOf(of.region), ({ subject, payload, user }) => {
        const [, , , id = "", verb = ""] = subject.split(".");
        return host.answer(id, verb, withUser(verb, payload, user));
      }),
    unsubscribe: () => here.unsubscribe(),
  };
}

class IncidentHost {
  readonly #of: IncidentHostOf;
  readonly #begun: number;
  /** Shards that have had an owner since this host began. */
  readonly #owned = new Set<number>();

  constructor(of: IncidentHostOf) {
    this.#of = of;
    this.#begun = of.clock.monotonic();
  }

  async answer(id: string, verb: string, payload: Uint8Array): Promise<Uint8Array> {
    const { region, bus, ownerOf } = this.#of;
    if (id === all) return verb === "list" ? this.#list(payload) : this.#unknown(verb);
    if (!isToken(id)) return this.#refusal(refuse("not_found", "that is no id").failure);
    const shard = shardOfIncident(id);
    const owner = ownerOf(shard);
    if (owner === null) return this.#ownerless(id, shard);
    this.#owned.add(shard);
    if (owner.here || !isToken(verb)) return this.answerHere(id, verb, payload);
    const there = hostIncidentSubject(region, owner.cell, id, verb);
    const reply = await bus.request(there, payload, hostTimeout);
    return reply.ok ? reply.value : this.#refusal(noOwner(id));
  }

  /** The same for an id of this cell. */
  async answerHere(id: string, verb: string, payload: Uint8Array): Promise<Uint8Array> {
    if (id === all) return this.#listHere(payload);
    const message = decodeRequest(verb, payload);
    if (!message.ok) return this.#refusal(message.failure);
    const { type } = message.value;
    const actor = await this.#of.residents.find(id, type === "raise");
    if (!actor.ok) {
      const failure = passed(actor.failure);
      // Each cell tells at its start that all is well: nobody is refused anything by that.
      if (type === "clear" && failure.code === "not_found") return encodeRefusal(failure);
      return this.#refusal(failure);
    }
    // Who acknowledges must not wait behind what is told again and again.
    const lane = isAction(type) ? "system" : "ordinary";
    const reply = await actor.value.ask(message.value, askTimeout, lane);
    if (!reply.ok) return this.#refusal(passed(reply.failure));
    if (reply.value.type === "refused") {
      const { failure } = reply.value;
      // The log has another writer: the present owner answers the same command id.
      if (failure.code === "stale_epoch") return this.#refusal(noOwner(id));
      this.#of.refusals.count(failure.code);
    }
    return encodeReply(reply.value);
  }

  async #list(payload: Uint8Array): Promise<Uint8Array> {
    if (decodeListRequest(payload) === null) return this.#malformedList();
    const { region, bus, others } = this.#of;
    const own = decodeList(await this.#listHere(payload));
    const answers = await Promise.all(
      others().map(async (cell) => {
        const subject = hostIncidentSubject(region, cell, all, "list");
        const answer = await bus.request(subject, payload, listTimeout);
        return { cell, list: answer.ok ? decodeList(answer.value) : null };
      }),
    );
    const lists = [own, ...answers.map(({ list }) => list)].filter((list) => list !== null);
    const silent = answers.flatMap(({ cell, list }) => (list === null ? [cell] : []));
    return encodeList({ ...newest(lists), silent });
  }

  async #listHere(payload: Uint8Array): Promise<Uint8Array> {
    const asked = decodeListRequest(payload);
    if (asked === null) return this.#malformedList();
    const views = await Promise.all(this.#of.residents.running.map((id) => this.#view(id)));
    const shown = views.filter(
      (view): view is IncidentView =>
        view !== null &&
        view.status !== "quiet" &&
        (asked.closed || (view.status !== "resolved" && view.status !== "reviewed")),
    );
    const incidents = shown.map((view) => listed({ ...view, timeline: [], former: [] }));
    return encodeList(newest([{ incidents, silent: [], truncated: false }]));
  }

  async #view(id: string): Promise<IncidentView | null> {
    const actor = await this.#of.residents.find(id, false);
    if (!actor.ok) return null;
    const reply = await actor.value.ask({ type: "describe" }, listTimeout);
    return reply.ok ? reply.value.incident : null;
  }

  #ownerless(id: string, shard: number): Uint8Array {
    const isEarly = this.#of.clock.monotonic() - this.#begun < claimsWithin;
    if (isEarly && !this.#owned.has(shard)) return encodeRefusal(noOwner(id));
    return this.#refusal(noOwner(id));
  }

  #malformedList(): Uint8Array {
    return this.#refusal(refuse("malformed", "no list request").failure);
  }

  #unknown(verb: string): Uint8Array {
    const reason = `no request ${JSON.stringify(verb.slice(0, 64))} to all incidents`;
    return this.#refusal(refuse("verb_unknown", reason, "use list").failure);
  }

  #refusal(failure: Failure): Uint8Array {
    this.#of.refusals.count(failure.code);
    return encodeRefusal(failure);
  }
}

function newest(lists: readonly IncidentList[]): Omit<IncidentList, "silent"> & {
  readonly silent: readonly string[];
} {
  const incidents = lists
    .flatMap((list) => list.incidents)
    .toSorted((one, other) => (other.raisedUnixMs ?? 0) - (one.raisedUnixMs ?? 0));
  const truncated = incidents.length > longestList || lists.some((list) => list.truncated);
  return { incidents: incidents.slice(0, longestList), silent: [], truncated };
}

const noOwner = (id: string): Failure =>
  refuse(
    "unavailable",
    `no cell owns the shard of ${id} at the moment`,
    "ask again in a few seconds: a lost cell's incidents come back elsewhere",
  ).failure;

/** That this cell has just lost the shard is nothing to the sender. */
const passed = (failure: Failure): Failure =>
  failure.code === "not_owner" ? { ...failure, code: "unavailable" } : failure;
