import {
  cellLeasePrefix,
  cellTreeSubject,
  leaseBucket,
  operationsSubject,
} from "../../schemas/subjects.ts";
import type { ActorDefinition, ActorSystem } from "../kernel/actor.ts";
import type { Bus, Subscription } from "../kernel/ports/bus.ts";
import type { Clock } from "../kernel/ports/clock.ts";
import type { Log } from "../kernel/ports/log.ts";
import { refuse, unreachable } from "../kernel/result.ts";
import type { DurationNs } from "../kernel/units.ts";
import { decodeLease, encodeRefusal } from "../region/codec.ts";
import { type ViewVerb, viewVerbs } from "../region/messages.ts";
import type { AuditTrail } from "../views/audit-trail.ts";
import { LiveViews } from "../views/live-views.ts";
import { TreeServices, type ViewReply } from "../views/tree-services.ts";
import type { RefusalCounter } from "./refusal-counter.ts";

export interface ViewHostOf {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  readonly refusals: RefusalCounter;
  readonly trail: AuditTrail;
  readonly definitions: () => readonly ActorDefinition[];
}

/** Who else is there is asked at most this often, and only when somebody looks. */
const cellsHold = 1_000_000_000 as DurationNs;

/** What a cell shows of itself and its region to those who look; every cell of a region does. */
export class ViewHost {
  readonly #of: ViewHostOf;
  readonly #region: string;
  readonly #cell: string;
  readonly #services: TreeServices;
  readonly #views: LiveViews;
  readonly #subscriptions: Subscription[] = [];
  #system: ActorSystem | null = null;
  #cells: readonly string[];
  #cellsReadAt: number | null = null;

  constructor(of: ViewHostOf, settings: { readonly region: string; readonly cell: string }) {
    this.#of = of;
    this.#region = settings.region;
    this.#cell = settings.cell;
    this.#cells = [settings.cell];
    this.#services = new TreeServices(
      {
        bus: of.bus,
        clock: of.clock,
        system: () => this.#running(),
        cells: () => this.#liveCells(),
        mailboxCapacity: (type) =>
          of.definitions().find((one) => one.type === type)?.mailbox.capacity ?? 0,
      },
      settings,
    );
    this.#views = new LiveViews(
      { ...of, window: (request) => this.#services.window(request) },
      settings.region,
    );
  }

  /** The tree runs: what it shows is served from now on. */
  begin(system: ActorSystem): void {
    this.#system = system;
    for (const verb of viewVerbs) {
      const asked = (payload: Uint8Array): Promise<Uint8Array> => this.answer(verb, payload);
      this.#serve(operationsSubject(this.#region, verb), asked);
    }
    for (const verb of ["tree", "tree-node"] as const) {
      const subject = cellTreeSubject(this.#region, this.#cell, verb);
      this.#serve(subject, async (payload) => this.#counted(await this.#ofCell(verb, payload)));
    }
  }

  /** A request to ops.<region>.<verb>. Answers whatever happens: a look must not end who is asked. */
  async answer(verb: ViewVerb, payload: Uint8Array): Promise<Uint8Array> {
    try {
      return this.#counted(await this.#reply(verb, payload));
    } catch (error) {
      this.#of.log.error({ verb, error: String(error) }, "a view request failed");
      const failure = refuse("internal", "the view could not be read", "ask again").failure;
      return this.#counted({ payload: encodeRefusal(failure), refusal: failure.code });
    }
  }

  #reply(verb: ViewVerb, payload: Uint8Array): Promise<ViewReply> {
    switch (verb) {
      case "tree":
        return this.#services.tree(payload, this.#views);
      case "tree-node":
        return this.#services.node(payload);
      case "audit":
        return this.#of.trail.answer(payload);
      default:
        return unreachable(verb);
    }
  }

  end(): void {
    this.#views.end();
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe();
  }

  #ofCell(verb: "tree" | "tree-node", payload: Uint8Array): Promise<ViewReply> {
    return verb === "tree"
      ? this.#services.cellTree(payload, this.#views)
      : this.#services.cellNode(payload);
  }

  #counted({ payload, refusal }: ViewReply): Uint8Array {
    if (refusal !== null) this.#of.refusals.count(refusal);
    return payload;
  }

  #serve(subject: string, answer: (payload: Uint8Array) => Promise<Uint8Array>): void {
    const { bus, log } = this.#of;
    const subscription = bus.serve(subject, (request) => {
      answer(request.payload).then(
        (payload) => request.respond(payload),
        (error: unknown) => log.error({ subject, error: String(error) }, "a view request failed"),
      );
    });
    this.#subscriptions.push(subscription);
  }

  #running(): ActorSystem {
    if (this.#system === null) throw new Error("the actor system is not started");
    return this.#system;
  }

  /** As the leases say; without them, as they last said. */
  async #liveCells(): Promise<readonly string[]> {
    const { bus, clock } = this.#of;
    const now = clock.monotonic();
    if (this.#cellsReadAt !== null && now - this.#cellsReadAt < cellsHold) return this.#cells;
    this.#cellsReadAt = now;
    const found = await bus.keys.list(leaseBucket, cellLeasePrefix(this.#region));
    if (!found.ok) return this.#cells;
    const names = [...found.value].flatMap(([, entry]) => {
      const lease = decodeLease(entry.value);
      return lease === null || lease.fenced ? [] : [lease.cell];
    });
    this.#cells = [...new Set([this.#cell, ...names])];
    return this.#cells;
  }
}
