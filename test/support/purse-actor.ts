import { z } from "zod";

import type { ActorDefinition, ActorRef, ActorSystem } from "../../actors/kernel/actor.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import { supervisorSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import {
  type Decision,
  type EventSourced,
  eventSourcedBehaviour,
} from "../../actors/kernel/event-sourced.ts";
import { eventSourcedMachine } from "../../actors/kernel/event-sourced-machine.ts";
import type { EventCodec } from "../../actors/kernel/event-versions.ts";
import { type ManualClock, manualClock } from "../../actors/kernel/manual-clock.ts";
import type { EventLog, SnapshotLog } from "../../actors/kernel/ports/event-log.ts";
import type { Log } from "../../actors/kernel/ports/log.ts";
import { type Failure, refuse, type Result, unreachable } from "../../actors/kernel/result.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { epoch, type Epoch, timestampNs, type TimestampNs } from "../../actors/kernel/units.ts";
import { ms } from "./probe-actors.ts";

/**
 * The smallest event-sourced actor that uses everything the kernel offers one: a purse of coins, some
 * of them held until a time.
 */
export type PurseMessage =
  | { readonly type: "put"; readonly commandId: string; readonly coins: number }
  | { readonly type: "take"; readonly commandId: string; readonly coins: number }
  | {
      readonly type: "hold";
      readonly commandId: string;
      readonly name: string;
      readonly coins: number;
      readonly forMs: number;
    }
  | { readonly type: "let_go"; readonly commandId: string; readonly name: string }
  | { readonly type: "expire"; readonly name: string }
  | { readonly type: "describe" }
  | { readonly type: "fail" };

export type PurseEvent =
  | { readonly type: "put" | "taken"; readonly coins: number }
  | { readonly type: "held"; readonly name: string; readonly coins: number }
  | { readonly type: "let_go" | "expired"; readonly name: string };

export interface Purse {
  readonly coins: number;
  readonly held: Readonly<Record<string, number>>;
  /** Names in the order in which they expired. */
  readonly expired: readonly string[];
}

export type PurseReply =
  | { readonly type: "done"; readonly purse: Purse; readonly repeated: boolean }
  | { readonly type: "refused"; readonly code: string };

const purseSchema = z.strictObject({
  coins: z.int(),
  held: z.record(z.string(), z.int()),
  expired: z.array(z.string()),
});
const replySchema = z.strictObject({
  type: z.literal("done"),
  purse: purseSchema,
  repeated: z.boolean(),
});

const text = new TextEncoder();
export const jsonEvents: EventCodec<PurseEvent> = {
  version: 1,
  encode: (event) => text.encode(JSON.stringify(event)),
  decode: (content) => JSON.parse(new TextDecoder().decode(content)) as unknown,
  upcasters: {},
  parse: (event) => event as PurseEvent,
};

export function decidePurse(
  purse: Purse,
  message: PurseMessage,
  now: TimestampNs,
): Decision<PurseEvent, PurseReply> {
  const no = (code: string): Decision<PurseEvent, PurseReply> => ({
    type: "answered",
    reply: { type: "refused", code },
  });
  switch (message.type) {
    case "put":
      return { type: "happened", events: [{ type: "put", coins: message.coins }] };
    case "take":
      if (message.coins > purse.coins) return no("too_few");
      return { type: "happened", events: [{ type: "taken", coins: message.coins }] };
    case "hold": {
      const { name, coins, forMs } = message;
      if (coins > purse.coins) return no("too_few");
      if (name in purse.held) return no("held_already");
      const due = timestampNs(now + BigInt(forMs) * 1_000_000n);
      return {
        type: "happened",
        events: [{ type: "held", name, coins }],
        timers: [{ set: name, due }],
      };
    }
    case "let_go": {
      const { name } = message;
      if (!(name in purse.held)) return no("not_held");
      return { type: "happened", events: [{ type: "let_go", name }], timers: [{ clear: name }] };
    }
    case "expire":
      return { type: "happened", events: [{ type: "expired", name: message.name }] };
    case "describe":
      return { type: "answered", reply: { type: "done", purse, repeated: false } };
    case "fail":
      throw new Error("told to fail");
    default:
      return unreachable(message);
  }
}

export function evolvePurse(purse: Purse, event: PurseEvent): Purse {
  switch (event.type) {
    case "put":
      return { ...purse, coins: purse.coins + event.coins };
    case "taken":
      return { ...purse, coins: purse.coins - event.coins };
    case "held":
      return {
        ...purse,
        coins: purse.coins - event.coins,
        held: { ...purse.held, [event.name]: event.coins },
      };
    case "let_go":
    case "expired": {
      const { [event.name]: coins = 0, ...held } = purse.held;
      const expired = event.type === "expired" ? [...purse.expired, event.name] : purse.expired;
      return { coins: purse.coins + coins, held, expired };
    }
    default:
      return unreachable(event);
  }
}

const machine = eventSourcedMachine("purse");
export const emptyPurse: Purse = { coins: 0, held: {}, expired: [] };

export interface PurseOptions {
  readonly events: EventLog | SnapshotLog;
  readonly codec?: EventCodec<PurseEvent>;
  readonly snapshotEvery?: number;
  readonly remembered?: number;
  readonly epoch?: number;
  /** Unix nanoseconds at the start. */
  readonly wall?: bigint;
}

function purseRules(
  options: PurseOptions,
): EventSourced<object, Purse, PurseMessage, PurseEvent, PurseReply> {
  const { codec = jsonEvents, snapshotEvery, remembered = 1_024 } = options;
  return {
    machine,
    log: () => "purse",
    initial: () => emptyPurse,
    commandId: (message) => ("commandId" in message ? message.commandId : null),
    asked: (message) => JSON.stringify({ ...message, commandId: "" }),
    decide: decidePurse,
    evolve: evolvePurse,
    outcome: (purse) => ({ type: "done", purse, repeated: false }),
    repeated: (reply) => (reply.type === "done" ? { ...reply, repeated: true } : reply),
    refusal: (failure: Failure) => ({ type: "refused", code: failure.code }),
    due: (name) => ({ type: "expire", name }),
    events: codec,
    remembered,
    refusalsAreFinal: true,
    ...(snapshotEvery === undefined
      ? {}
      : {
          snapshots: {
            version: 1,
            upcasters: {},
            parse: (state) => purseSchema.parse(state),
            parseReply: (reply) => replySchema.parse(reply),
            every: snapshotEvery,
          },
        }),
  };
}

export interface PurseWorld {
  readonly system: ActorSystem;
  readonly clock: ManualClock;
  readonly purse: ActorRef<PurseMessage, PurseReply>;
  readonly warnings: string[];
  state(): string;
  lastFailure(): string;
  /** Asks and lets ten seconds pass in which the reply may come. */
  ask(message: PurseMessage): Promise<Result<PurseReply>>;
}

/** A purse under a supervisor, with its own clock. Two of them on one log are two cells. */
export async function purseWorld(options: PurseOptions): Promise<PurseWorld> {
  const clock = manualClock(options.wall);
  const warnings: string[] = [];
  const log: Log = {
    info() {},
    warn: (_fields, line) => void warnings.push(line),
    error() {},
    child: () => log,
  };
  const owned: Epoch = epoch(options.epoch ?? 0);
  const rules = purseRules(options);
  const definition: ActorDefinition<object, PurseMessage, PurseReply, typeof machine> = {
    type: "purse",
    mailbox: { capacity: 1_000, onRestart: "keep", parkAfter: 2 },
    create: (context, start) =>
      eventSourcedBehaviour(context, start, rules, { events: options.events, epoch: () => owned }),
  };
  const system = actorSystem({
    definitions: [definition],
    clock,
    log,
    randomness: seededRandomness(1),
    deadLetters: deadLetterStore(clock),
  });
  const spec = { id: "purse", type: "purse", start: {}, restart: "permanent" } as const;
  await system.start(
    supervisorSpec("top", [{ ...spec, shutdown: ms(100) }], {
      intensity: { maximumRestarts: 1_000, within: ms(1) },
    }),
  );
  await clock.settle();
  const found = system.find(definition, "/top/purse");
  if (!found.ok) throw new Error(found.failure.reason);
  const node = () => system.tree().find(({ path }) => path === "/top/purse");
  return {
    system,
    clock,
    warnings,
    purse: found.value,
    state: () => node()?.state ?? "absent",
    lastFailure: () => node()?.lastFailure ?? "",
    async ask(message) {
      const asked = found.value.ask(message, ms(9_000));
      const waiting = { answered: false };
      void asked.then(() => {
        waiting.answered = true;
      });
      await clock.settle();
      for (let waited = 0; waited < 10; waited += 1) {
        if (waiting.answered) break;
        await clock.advance(ms(1_000));
      }
      return asked;
    },
  };
}

/** `done 5`, `repeated 5`, or the code of the refusal. */
export function said(result: Result<PurseReply>): string {
  if (!result.ok) return result.failure.code;
  if (result.value.type === "refused") return result.value.code;
  return `${result.value.repeated ? "repeated" : "done"} ${result.value.purse.coins}`;
}

/** An event log whose next appends meet faults, and whose reads are counted. */
export function faultyPurseLog(inner: SnapshotLog): SnapshotLog & {
  faults: ("stored" | "not_stored" | "none")[];
  entriesRead: number;
} {
  const log = {
    ...inner,
    faults: [] as ("stored" | "not_stored" | "none")[],
    entriesRead: 0,
    async append(...call: Parameters<EventLog["append"]>) {
      const fault = log.faults.shift() ?? "none";
      const result = fault === "not_stored" ? null : await inner.append(...call);
      if (fault === "none" && result !== null) return result;
      return refuse("unavailable", "no answer", "read again");
    },
    async read(...call: Parameters<EventLog["read"]>) {
      const read = await inner.read(...call);
      if (read.ok) log.entriesRead += read.value.length;
      return read;
    },
  };
  return log;
}
