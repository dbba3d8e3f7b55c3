import type { IncarnationFence } from "../kernel/incarnation-fence.ts";
import type { Bus } from "../kernel/ports/bus.ts";
import { type Failure, ok, refuse, type Result, unreachable } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import {
  type ControlVerb,
  decodeListed,
  decodeRequest,
  encodeAnswer,
  encodeListRequest,
  encodeRefusal,
  type Encoding,
  hostSubject,
  MAXIMUM_LISTED,
  reportSubject,
} from "./codec.ts";
import type { ActorDirectory } from "./directory.ts";
import type { Membership } from "./membership.ts";
import type {
  ActorRecord,
  ActorStatus,
  ControlAnswer,
  ControlRequest,
  SpawnFields,
  SpawnableType,
} from "./messages.ts";
import { type CellView, placeActor } from "./placement.ts";
import { type ActorPlane, unknownActor, unknownType } from "./plane.ts";

export interface ControlPorts {
  readonly bus: Bus;
  readonly plane: ActorPlane;
  readonly membership: Membership;
  readonly directory: ActorDirectory;
  readonly types: ReadonlyMap<string, SpawnableType>;
  readonly senders: IncarnationFence;
  /** Each refusal, by code. */
  readonly refused: (code: string) => void;
}

export interface ControlSettings {
  readonly region: string;
  readonly cell: string;
  /** Actors of the region that may run at a time. */
  readonly maximumActors: number;
}

/** An encoded answer; `refusal` is its code when it is one. */
export interface ControlReply {
  readonly payload: Uint8Array;
  readonly refusal: string | null;
}

/** Requests under way in this cell; one more is refused `busy`. */
const underWayLimit = 256;

type SpawnRequest = Extract<ControlRequest, { readonly verb: "spawn" }>;

/** A cell may have to wait until an actor's orders are canceled. */
const hostTimeout = 12_000_000_000 as DurationNs;
const listTimeout = 2_000_000_000 as DurationNs;
/** Two cells may write the record of one key at once; the second one reads what the first wrote. */
const spawnTries = 4;

/**
 * The control services of a region as any of its cells answers them: the cell that owns the actor's shard is
 * asked for what only it knows. Whatever comes, the answer is typed, in the encoding of the request.
 */
export class ControlServices {
  readonly #ports: ControlPorts;
  readonly #settings: ControlSettings;
  #underWay = 0;

  constructor(ports: ControlPorts, settings: ControlSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /** A request to ctl.<region>.<verb>. */
  answer(verb: ControlVerb, payload: Uint8Array): Promise<ControlReply> {
    return this.#answered(verb, payload, (request) => this.#region(request, payload));
  }

  /** A request of another cell to act.<region>.cell.<cell>.<verb>: about actors of this cell. */
  answerHost(verb: ControlVerb, payload: Uint8Array): Promise<ControlReply> {
    return this.#answered(verb, payload, (request) => this.#host(request));
  }

  async #answered(
    verb: ControlVerb,
    payload: Uint8Array,
    answer: (request: ControlRequest) => Promise<Result<ControlAnswer | Uint8Array>>,
  ): Promise<ControlReply> {
    const { request, encoding } = decodeRequest(verb, payload);
    if (!request.ok) return this.#refusal(request.failure, encoding);
    if (this.#underWay >= underWayLimit) {
      const why = `${underWayLimit} requests are under way`;
      return this.#refusal(refuse("busy", why, "ask again in a moment").failure, encoding);
    }
    this.#underWay += 1;
    try {
      const answered = await answer(request.value);
      if (!answered.ok) return this.#refusal(answered.failure, encoding);
      if (answered.value instanceof Uint8Array) return { payload: answered.value, refusal: null };
      const payloadOfAnswer = encodeAnswer(answered.value, this.#settings.region, encoding);
      return { payload: payloadOfAnswer, refusal: null };
    } finally {
      this.#underWay -= 1;
    }
  }

  #refusal(failure: Failure, encoding: Encoding): ControlReply {
    this.#ports.refused(failure.code);
    return { payload: encodeRefusal(failure, encoding), refusal: failure.code };
  }

  async #region(
    request: ControlRequest,
    payload: Uint8Array,
  ): Promise<Result<ControlAnswer | Uint8Array>> {
    const stale = await this.#staleSender(request);
    if (stale !== null) return { ok: false, failure: stale };
    if (request.verb === "list") return this.#list(request);
    if (request.verb === "types") return this.#types(request.type);
    if (request.verb === "check") return this.#check(request);
    if (request.verb === "spawn") return this.#spawn(request, payload);
    const found = await this.#ports.directory.read(request.id);
    if (!found.ok) return found;
    if (found.value === null) return unknownActor(request.id);
    return this.#at(found.value.record, request, payload);
  }

  /** An actor that was replaced spawns, steers and stops nothing; people have no incarnation. */
  async #staleSender(request: ControlRequest): Promise<Failure | null> {
    if (!("sender" in request) || request.sender === null) return null;
    return await this.#ports.senders.admit(request.sender);
  }

  /** Asks the cell that owns the actor's shard. */
  async #at(
    record: ActorRecord,
    request: ControlRequest,
    payload: Uint8Array,
  ): Promise<Result<ControlAnswer | Uint8Array>> {
    const { plane, membership, bus } = this.#ports;
    const { region } = this.#settings;
    if (plane.owns(record.shard)) return this.#host(request);
    const owner = membership.others.find(
      ({ actors }) => actors?.shards.includes(record.shard) === true,
    );
    if (owner === undefined) {
      return refuse(
        "unavailable",
        `no cell owns the shard of ${record.id} at the moment`,
        "ask again in a few seconds: a lost cell's actors come back elsewhere",
      );
    }
    const subject = hostSubject(region, owner.cell, request.verb);
    const reply = await bus.request(subject, payload, hostTimeout);
    if (reply.ok) return reply;
    return refuse(
      "timeout",
      `cell ${owner.cell}, where ${record.id} runs, did not answer: ${reply.failure.code}`,
      "it may have been done; ask with describe",
    );
  }

  /** What this cell does itself, for an actor of one of its shards. */
  async #host(request: ControlRequest): Promise<Result<ControlAnswer>> {
    const { plane } = this.#ports;
    switch (request.verb) {
      case "spawn":
        return answered(await plane.ensure(request.key));
      case "check":
        return this.#check(request);
      case "types":
        return this.#types(request.type);
      case "stop":
        return answered(await plane.stop(request.id));
      case "restart":
        return answered(await plane.restart(request.id));
      case "describe":
        return answered(await plane.describe(request.id));
      case "send":
        return answered(await plane.send(request.id, request.commandId, request.message));
      case "watch": {
        const status = await plane.describe(request.id);
        if (!status.ok) return status;
        const { group } = status.value;
        const subject = reportSubject(this.#settings.region, group, request.id);
        return ok({ type: "watch", status: status.value, subject });
      }
      case "list": {
        const actors = plane.hosted().slice(0, MAXIMUM_LISTED);
        return ok({ type: "list", actors, more: false });
      }
      default:
        return unreachable(request);
    }
  }

  #types(wanted: string): Result<ControlAnswer> {
    const { types } = this.#ports;
    if (wanted !== "" && !types.has(wanted)) return unknownType(wanted, types);
    const told = [...types.values()].filter(({ type }) => wanted === "" || type === wanted);
    return ok({ type: "types", types: told });
  }

  /** What spawn would answer now, as far as it can be known without doing it. */
  async #check(request: SpawnFields): Promise<Result<ControlAnswer>> {
    const { types, directory } = this.#ports;
    const type = types.get(request.type);
    if (type === undefined) return unknownType(request.type, types);
    const parameters = await type.check(request.key, request.parameters);
    if (!parameters.ok) return parameters;
    const found = await directory.read(request.key);
    if (!found.ok) return found;
    if (found.value !== null) {
      const { record } = found.value;
      if (!sameRequest(record, request, parameters.value)) return otherActor(record);
      return ok({ type: "actor", status: await this.#statusOf(record), repeated: true });
    }
    const record = await this.#placed(request, parameters.value);
    if (!record.ok) return record;
    const report = (await type.preview?.(request.key, parameters.value)) ?? new Uint8Array();
    const status = { ...this.#unknown(record.value), state: "checked", detail: "", report };
    return ok({ type: "actor", status, repeated: false });
  }

  async #spawn(
    request: SpawnRequest,
    payload: Uint8Array,
  ): Promise<Result<ControlAnswer | Uint8Array>> {
    const { types, directory } = this.#ports;
    const type = types.get(request.type);
    if (type === undefined) return unknownType(request.type, types);
    const parameters = await type.check(request.key, request.parameters);
    if (!parameters.ok) return parameters;
    for (let attempt = 0; attempt < spawnTries; attempt += 1) {
      const found = await directory.read(request.key);
      if (!found.ok) return found;
      if (found.value !== null) {
        return this.#again(found.value.record, request, parameters.value, payload);
      }
      const record = await this.#placed(request, parameters.value);
      if (!record.ok) return record;
      const prepared = await type.prepare(record.value);
      if (!prepared.ok) return prepared;
      const written = await directory.write(record.value, 0);
      if (written.ok) return this.#at(record.value, request, payload);
      if (written.failure.code !== "conflict") return written;
    }
    return refuse("unavailable", `the record of ${request.key} keeps changing`, "ask again");
  }

  /** The key is known: the same request has the same answer. */
  async #again(
    record: ActorRecord,
    request: SpawnRequest,
    parameters: Readonly<Record<string, string>>,
    payload: Uint8Array,
  ): Promise<Result<ControlAnswer | Uint8Array>> {
    if (!sameRequest(record, request, parameters)) return otherActor(record);
    if (record.stopped) {
      const status = await this.#statusOf(record);
      return ok({ type: "actor", status, repeated: true });
    }
    return this.#at(record, request, payload);
  }

  async #placed(
    request: SpawnFields,
    parameters: Readonly<Record<string, string>>,
  ): Promise<Result<ActorRecord>> {
    const { plane } = this.#ports;
    const { cells } = plane;
    const running = cells.reduce((sum, cell) => sum + cell.running, 0);
    if (running >= this.#settings.maximumActors) {
      return refuse(
        "limit_reached",
        `${running} actors run in ${this.#settings.region}, as many as may`,
        "stop some, or spawn in another region",
      );
    }
    const excluded = await this.#excluded(request.antiAffinity, cells);
    if (!excluded.ok) return excluded;
    const place = placeActor(request.key, cells, excluded.value);
    if (place === null) {
      return refuse(
        "no_cell",
        `none of ${cells.length} cells has room${
          excluded.value.size === 0 ? "" : ` beside others of ${request.antiAffinity}`
        }`,
        "stop some actors, start another cell, or spawn in another region",
      );
    }
    const { key, type, requestedBy, antiAffinity } = request;
    return ok({
      id: key,
      type,
      parameters,
      requestedBy,
      antiAffinity,
      shard: place.shard,
      stopped: false,
      stoppedBecause: "",
      epoch: 0,
    });
  }

  /** Cells where an actor of the same anti-affinity runs, by what is written down. */
  async #excluded(word: string, cells: readonly CellView[]): Promise<Result<ReadonlySet<string>>> {
    const excluded = new Set<string>();
    if (word === "") return ok(excluded);
    const listed = await this.#ports.directory.list();
    if (!listed.ok) return listed;
    for (const { record } of listed.value) {
      if (record.antiAffinity !== word || record.stopped) continue;
      const owner = cells.find(({ shards }) => shards.includes(record.shard));
      if (owner !== undefined) excluded.add(owner.cell);
    }
    return ok(excluded);
  }

  async #list(
    request: Extract<ControlRequest, { readonly verb: "list" }>,
  ): Promise<Result<ControlAnswer>> {
    const { directory, plane, membership, bus } = this.#ports;
    const { region } = this.#settings;
    const listed = await directory.list();
    if (!listed.ok) return listed;
    const wanted = listed.value.filter(
      ({ record }) =>
        record.id > request.after && (request.type === "" || record.type === request.type),
    );
    const limit = request.limit === 0 ? MAXIMUM_LISTED : request.limit;
    const known = new Map(plane.hosted().map((status) => [status.record.id, status]));
    await Promise.all(
      membership.others.map(async ({ cell }) => {
        const subject = hostSubject(region, cell, "list");
        const reply = await bus.request(subject, encodeListRequest(), listTimeout);
        if (!reply.ok) return;
        for (const status of decodeListed(reply.value)) known.set(status.record.id, status);
      }),
    );
    const actors = wanted
      .slice(0, limit)
      .map(({ record }) => ({ ...(known.get(record.id) ?? this.#unknown(record)), record }));
    return ok({ type: "list", actors, more: wanted.length > limit });
  }

  async #statusOf(record: ActorRecord): Promise<ActorStatus> {
    if (!this.#ports.plane.owns(record.shard)) return this.#unknown(record);
    const described = await this.#ports.plane.describe(record.id);
    return described.ok ? described.value : this.#unknown(record);
  }

  /** What the record alone tells. */
  #unknown(record: ActorRecord): ActorStatus {
    return {
      record,
      state: record.stopped ? "stopped" : "starting",
      detail: record.stopped ? record.stoppedBecause : "no cell has told of it yet",
      cell: "",
      incarnation: record.epoch,
      report: new Uint8Array(),
      group: this.#ports.types.get(record.type)?.group ?? "strategies",
    };
  }
}

const answered = (status: Result<ActorStatus>): Result<ControlAnswer> =>
  status.ok ? ok({ type: "actor", status: status.value, repeated: false }) : status;

const otherActor = (record: ActorRecord): Result<never> =>
  refuse(
    "duplicate_key",
    `${record.id} is a ${record.type} with other parameters`,
    "spawn it under another key; describe tells what the key stands for",
  );

function sameRequest(
  record: ActorRecord,
  request: SpawnFields,
  parameters: Readonly<Record<string, string>>,
): boolean {
  const names = new Set([...Object.keys(record.parameters), ...Object.keys(parameters)]);
  return (
    record.type === request.type &&
    record.antiAffinity === request.antiAffinity &&
    [...names].every((name) => record.parameters[name] === parameters[name])
  );
}
