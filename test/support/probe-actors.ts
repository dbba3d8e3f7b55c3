import { setup } from "xstate";

import type { ActorDefinition, ActorRef, ActorSystem } from "../../actors/kernel/actor.ts";
import { actorSystem } from "../../actors/kernel/actor-system.ts";
import type { ChildSpec } from "../../actors/kernel/child-spec.ts";
import { deadLetterStore } from "../../actors/kernel/dead-letters.ts";
import { type ManualClock, manualClock } from "../../actors/kernel/manual-clock.ts";
import type { Log } from "../../actors/kernel/ports/log.ts";
import { seededRandomness } from "../../actors/kernel/seeded-randomness.ts";
import { type DurationNs, durationNs } from "../../actors/kernel/units.ts";

/** What a probe can be told. `crash` throws from receive, `poison` too, and it is the same message each time. */
export type ProbeMessage =
  | { readonly do: "echo"; readonly text: string }
  | { readonly do: "crash"; readonly text: string }
  | { readonly do: "finish" }
  | { readonly do: "stay_silent" }
  | { readonly do: "throw_in_timer"; readonly text: string }
  | { readonly do: "throw_in_raw_timer"; readonly text: string }
  | { readonly do: "reject_unhandled"; readonly text: string }
  | { readonly do: "reject_task"; readonly text: string }
  | { readonly do: "work"; readonly forMs: number }
  | { readonly do: "fail_machine" }
  | { readonly do: "unknown_event" }
  | { readonly do: "watch" | "monitor" | "link" | "unlink"; readonly path: string }
  | { readonly do: "trap_exits"; readonly trap: boolean }
  /** Stashed until "open" comes. */
  | { readonly do: "stash"; readonly text: string }
  | { readonly do: "open" }
  | { readonly do: "receive_timeout"; readonly afterMs: number | null };

export interface ProbeStart {
  /** The starts (1, 2, …) that throw in create. */
  readonly failStarts?: readonly number[];
  /** terminate takes this long; "forever" never settles. */
  readonly terminateMs?: number | "forever";
  /** restore takes this long. */
  readonly restoreMs?: number;
  /** restore rejects this many times. */
  readonly failRestores?: number;
  /** The lifecycle machine ends itself after this long (XState `after`). */
  readonly lifetimeMs?: number;
  /** The starts (1, 2, …) at which there is nothing to do. */
  readonly ignoreStarts?: readonly number[];
}

const probeMachine = setup({
  types: {
    input: {} as { readonly lifetimeMs: number },
    context: {} as { readonly lifetimeMs: number },
    events: {} as
      | { readonly type: "finish" }
      | { readonly type: "explode" }
      | { readonly type: "not_now" },
  },
  delays: { lifetime: ({ context }) => context.lifetimeMs },
  actions: {
    explode: () => {
      throw new Error("action failed");
    },
  },
}).createMachine({
  id: "probe",
  initial: "open",
  context: ({ input }) => input,
  states: {
    open: {
      on: { finish: "done", explode: { actions: "explode" } },
      after: { lifetime: "done" },
    },
    closed: { on: { not_now: "open" } },
    done: { type: "final" },
  },
});

/** A system of probes under a manual clock, with what the probes did as lines of text. */
export interface ProbeWorld {
  readonly system: ActorSystem;
  readonly clock: ManualClock;
  /** `start a#1`, `echo a x`, `terminate a`, `exit a#1`, … in order. */
  readonly did: string[];
  readonly logged: { readonly level: string; readonly fields: object; readonly text: string }[];
  ref(path: string): ActorRef<ProbeMessage, string>;
  /** Moves time on by milliseconds. */
  pass(milliseconds: number): Promise<void>;
  /** `did` since the last call. */
  news(): string[];
}

export const ms = (milliseconds: number): DurationNs => durationNs(milliseconds * 1_000_000);

export function probeWorld(
  mailbox: Partial<ActorDefinition["mailbox"]> = {},
  seed = 1,
): ProbeWorld {
  const clock = manualClock();
  const did: string[] = [];
  const logged: ProbeWorld["logged"] = [];
  const starts = new Map<string, number>();
  const restores = new Map<string, number>();
  const wait = (milliseconds: number): Promise<void> =>
    new Promise((resolve) => clock.after(ms(milliseconds), resolve));

  const definition: ActorDefinition<ProbeStart, ProbeMessage, string, typeof probeMachine> = {
    type: "probe",
    mailbox: { capacity: 16, onRestart: "keep", parkAfter: 3, ...mailbox },
    create(context, start) {
      const { id, path } = context;
      const count = (starts.get(path) ?? 0) + 1;
      starts.set(path, count);
      if (start.failStarts?.includes(count) === true)
        throw new Error(`start ${count} of ${id} failed`);
      if (start.ignoreStarts?.includes(count) === true) return null;
      let isOpen = false;
      did.push(`start ${id}#${context.incarnation}`);
      context.onExit(() => did.push(`exit ${id}#${context.incarnation}`));
      return {
        machine: probeMachine,
        input: { lifetimeMs: start.lifetimeMs ?? 1e9 },
        ...(start.restoreMs === undefined && start.failRestores === undefined
          ? {}
          : {
              async restore() {
                await wait(start.restoreMs ?? 1);
                const tried = (restores.get(path) ?? 0) + 1;
                restores.set(path, tried);
                if (tried <= (start.failRestores ?? 0)) throw new Error(`restore ${tried} failed`);
                did.push(`restored ${id}`);
              },
            }),
        async receive(message, reply) {
          switch (message.do) {
            case "echo":
              did.push(`echo ${id} ${message.text}`);
              reply(message.text);
              break;
            case "crash":
              did.push(`crash ${id} ${message.text}`);
              throw new Error(message.text, { cause: new Error("the cause") });
            case "finish":
              context.lifecycle.send({ type: "finish" });
              break;
            case "stay_silent":
              break;
            case "throw_in_timer":
              context.after(ms(5), () => {
                throw new Error(message.text);
              });
              break;
            case "throw_in_raw_timer":
              setTimeout(() => {
                throw new Error(message.text);
              }, 1);
              break;
            case "reject_unhandled":
              void Promise.reject(new Error(message.text));
              break;
            case "reject_task":
              context.run(async () => {
                await wait(5);
                throw new Error(message.text);
              });
              break;
            case "work":
              did.push(`work ${id}`);
              await wait(message.forMs);
              did.push(`worked ${id}`);
              break;
            case "fail_machine":
              context.lifecycle.send({ type: "explode" });
              break;
            case "unknown_event":
              context.lifecycle.send({ type: "not_now" });
              break;
            case "watch":
              context.watch(message.path, (exit) =>
                did.push(`${id} saw ${exit.path}#${exit.incarnation} ${exit.reason.kind}`),
              );
              break;
            case "monitor":
              context.monitor(message.path, (exit) =>
                did.push(`${id} down ${exit.path}#${exit.incarnation} ${exit.reason.kind}`),
              );
              break;
            case "link":
              context.link(message.path);
              break;
            case "unlink":
              context.unlink(message.path);
              break;
            case "trap_exits":
              context.trapExits(
                message.trap
                  ? (exit) => did.push(`${id} trapped ${exit.path} ${exit.reason.kind}`)
                  : null,
              );
              break;
            case "stash":
              if (isOpen) {
                did.push(`unstashed ${id} ${message.text}`);
                reply(message.text);
              } else context.stash();
              break;
            case "open":
              isOpen = true;
              did.push(`open ${id}`);
              context.unstash();
              break;
            case "receive_timeout":
              context.receiveTimeout(message.afterMs === null ? null : ms(message.afterMs), () =>
                did.push(`idle ${id}`),
              );
              break;
            default:
              context.unknown(message);
          }
        },
        ...(start.terminateMs === undefined
          ? { terminate: () => void did.push(`terminate ${id}`) }
          : {
              async terminate() {
                did.push(`terminate ${id}`);
                if (start.terminateMs === "forever") await new Promise(() => {});
                await wait(start.terminateMs as number);
                did.push(`terminated ${id}`);
              },
            }),
      };
    },
  };

  const log: Log = {
    info: (fields, text) => void logged.push({ level: "info", fields, text }),
    warn: (fields, text) => void logged.push({ level: "warn", fields, text }),
    error: (fields, text) => void logged.push({ level: "error", fields, text }),
    child: () => log,
  };
  const system = actorSystem({
    definitions: [definition],
    clock,
    randomness: seededRandomness(seed),
    log,
    deadLetters: deadLetterStore(clock, 32),
  });
  let read = 0;
  return {
    system,
    clock,
    did,
    logged,
    ref(path) {
      const found = system.find(definition, path);
      if (!found.ok) throw new Error(found.failure.reason);
      return found.value;
    },
    async pass(milliseconds) {
      await clock.advance(ms(milliseconds));
    },
    news() {
      const fresh = did.slice(read);
      read = did.length;
      return fresh;
    },
  };
}

export function probe(
  id: string,
  options: Partial<Omit<ChildSpec<ProbeStart>, "id" | "type">> = {},
): ChildSpec<ProbeStart> {
  return {
    id,
    type: "probe",
    start: options.start ?? {},
    restart: options.restart ?? "permanent",
    shutdown: options.shutdown ?? ms(1_000),
    ...(options.significant === undefined ? {} : { significant: options.significant }),
  };
}
