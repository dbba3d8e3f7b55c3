import { controlVerbs, type OperationsVerb } from "../../schemas/subjects.ts";
import { type CountedDurations, Durations } from "../kernel/durations.ts";
import type { Bus, BusRequest } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";

/**
 * Services of a cell beside the market's orders, each with the verbs that are counted by name. Senders
 * choose the last word of a subject, so what is not here is counted as `other`.
 */
const operationsVerbs = [
  "status",
  "tree",
  "tree-node",
  "audit",
  "market-history",
  "market-create",
  "market-halt",
  "market-resume",
  "market-mode",
  "market-phase",
  "failover",
  "failover-abort",
  "approve",
  "undrain",
  "drill-record",
  "flow",
  "log-level",
] as const satisfies readonly OperationsVerb[];
const riskLimitVerbs = [
  "define",
  "set-limits",
  "approve",
  "stop",
  "resume",
  "reserve",
  "release",
  "undo",
  "hold",
  "report",
  "describe",
] as const;
const actorVerbs = ["start", "pause", "resume", "flatten", "stop"] as const;
const services = {
  operations: operationsVerbs,
  control: controlVerbs,
  risk_limit: riskLimitVerbs,
  actor: actorVerbs,
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type Service = keyof typeof services;
const other = "other";

export interface ServiceCount {
  readonly service: Service;
  readonly requests: ReadonlyMap<string, number>;
  /** From a request to its answer; what is not answered is not in it. */
  readonly answers: CountedDurations;
}

interface Counted {
  readonly requests: Map<string, number>;
  readonly answers: Durations;
}

/** ops.<region>.<verb>, ctl.<region>.<verb>, act.<region>.<type>.<id>.<verb>; null for others. */
function serviceOf(subject: string): { readonly service: Service; readonly verb: string } | null {
  const [kind = "", , type = ""] = subject.split(".", 3);
  const verb = subject.slice(subject.lastIndexOf(".") + 1);
  if (kind === "ops") return { service: "operations", verb };
  if (kind === "ctl") return { service: "control", verb };
  if (kind !== "act") return null;
  return { service: type === "risk-limit" ? "risk_limit" : "actor", verb };
}

/** Requests to the services of a cell, and how long their answers took. */
export class ServiceCounts {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #counted: ReadonlyMap<Service, Counted>;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
    this.#counted = new Map(
      (Object.keys(services) as Service[]).map((service) => [
        service,
        {
          requests: new Map([...services[service], other].map((verb) => [verb, 0])),
          answers: new Durations(),
        },
      ]),
    );
  }

  /** A request has come; the function that is returned is called with its answer. Null: none of a service. */
  begin(subject: string): (() => void) | null {
    const found = serviceOf(subject);
    const counted = found === null ? undefined : this.#counted.get(found.service);
    if (found === null || counted === undefined) return null;
    const verb = counted.requests.has(found.verb) ? found.verb : other;
    counted.requests.set(verb, (counted.requests.get(verb) ?? 0) + 1);
    const began = this.#clock.monotonic();
    return () => counted.answers.record(this.#clock.monotonic() - began);
  }

  read(): readonly ServiceCount[] {
    return [...this.#counted].map(([service, { requests, answers }]) => ({
      service,
      requests,
      answers: answers.read(),
    }));
  }
}

/** The bus of a cell on which requests to services are counted. Orders pass without being looked at. */
export function countedBus(bus: Bus, counts: ServiceCounts): Bus {
  const counted = (request: BusRequest): BusRequest => {
    const answered = counts.begin(request.subject);
    if (answered === null) return request;
    const { subject, payload, user } = request;
    const respond = (reply: Uint8Array): void => {
      answered();
      request.respond(reply);
    };
    return { subject, payload, user, respond };
  };
  return {
    publish: (subject, payload) => bus.publish(subject, payload),
    request: (subject, payload, timeout) => bus.request(subject, payload, timeout),
    serve: (subject, handler) =>
      /^(ops|ctl|act)\./.test(subject)
        ? bus.serve(subject, (request) => handler(counted(request)))
        : bus.serve(subject, handler),
    subscribe: (subject, handler) => bus.subscribe(subject, handler),
    append: (subject, payload) => bus.append(subject, payload),
    journal: bus.journal,
    keys: bus.keys,
    state: () => bus.state(),
    onState: (callback) => bus.onState(callback),
    close: () => bus.close(),
  };
}

/** The same for a service that is not served by the bus. */
export const countedAnswer =
  <Reply>(
    subject: string,
    answer: (payload: Uint8Array, user: string) => Promise<Reply>,
    counts: ServiceCounts,
  ): ((payload: Uint8Array, user: string) => Promise<Reply>) =>
  async (payload, user) => {
    const answered = counts.begin(subject);
    const reply = await answer(payload, user);
    answered?.();
    return reply;
  };
