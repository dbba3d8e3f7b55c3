import type { ActorDefinition, ActorRef, ActorSystem, DeadLetterStore, TreeNode } from "./actor.ts";
import { ActorNode } from "./actor-node.ts";
import { PathRef } from "./actor-ref.ts";
import { runUnowned } from "./blame.ts";
import type { Exit, ExitReason } from "./exit.ts";
import { Links } from "./links.ts";
import { MachineHosts } from "./machine-host.ts";
import type { Clock } from "./ports/clock.ts";
import type { Log } from "./ports/log.ts";
import { specFault } from "./restart-policy.ts";
import { ok, type Result } from "./result.ts";
import { Counters, notFound, type Runtime, type TreeMember, Watchers } from "./runtime.ts";
import type { SeededRandomness } from "./seeded-randomness.ts";
import { SupervisorNode, treeMember } from "./supervisor-node.ts";

export interface ActorSystemOptions {
  /** Every actor type of the tree; two of one type name throw. */
  readonly definitions: readonly ActorDefinition[];
  readonly clock: Clock;
  readonly randomness: SeededRandomness;
  readonly log: Log;
  readonly deadLetters: DeadLetterStore;
}

/** An actor system without actors; start() gives it its tree. One tree in the life of a system. */
export function actorSystem(options: ActorSystemOptions): ActorSystem {
  const { clock, randomness, log, deadLetters } = options;
  const definitions = new Map<string, ActorDefinition>();
  for (const definition of options.definitions) {
    if (definitions.has(definition.type)) {
      throw new Error(`two definitions of the actor type ${definition.type}`);
    }
    definitions.set(definition.type, definition);
  }
  const counters = new Counters();
  const watchers = new Watchers();
  const links = new Links();
  const nodes = new Map<string, TreeMember>();
  const changes = { count: 0 };
  const ended = Promise.withResolvers<Exit>();
  let root: TreeMember | null = null;

  /** The supervisor at the path, or the one above it with the last id. */
  const supervisorAt = (path: string): SupervisorNode | null => {
    const node = nodes.get(path);
    return node instanceof SupervisorNode ? node : null;
  };
  const above = (
    path: string,
    call: (supervisor: SupervisorNode, id: string) => Promise<Result<void>>,
  ): Promise<Result<void>> => {
    const cut = path.lastIndexOf("/");
    const supervisor = supervisorAt(path.slice(0, Math.max(cut, 0)));
    return supervisor === null
      ? Promise.resolve(notFound(runtime, path))
      : call(supervisor, path.slice(cut + 1));
  };

  const rootExited = (member: TreeMember, reason: ExitReason): void => {
    member.status = "stopped";
    member.retire();
    ended.resolve({ path: member.path, incarnation: member.incarnation, reason });
  };
  const machines = new MachineHosts((delay, callback) =>
    runUnowned(() => clock.after(delay, callback)),
  );

  const system: ActorSystem = {
    async start(spec) {
      if (root !== null) {
        return counters.refuse(
          "already_started",
          "the tree of this actor system was started before",
          "make a new actor system",
        );
      }
      const fault = specFault(spec, definitions);
      if (fault !== null) {
        return counters.refuse("definition_invalid", fault, "correct the child specification");
      }
      const member = treeMember(runtime, `/${spec.id}`, spec, { childExited: rootExited }, null);
      root = member;
      member.status = "running";
      const outcome = member.start();
      if (outcome.ok) {
        if (outcome.ignored) rootExited(member, { kind: "normal" });
        return ok(undefined);
      }
      member.status = "exited";
      await outcome.released;
      member.status = "stopped";
      member.retire();
      const { failure } = outcome;
      ended.resolve({ path: member.path, incarnation: 1, reason: { kind: "failed", failure } });
      return counters.refuse("start_failed", failure.message, "correct what it says, start again");
    },
    async stop() {
      if (root === null || root.status !== "running") return;
      root.status = "stopping";
      await root.stop();
      root.status = "stopped";
      root.retire();
      const { path, incarnation } = root;
      ended.resolve({ path, incarnation, reason: { kind: "shutdown" } });
    },
    ended: ended.promise,
    find<Message, Reply>(
      definition: { readonly type: string },
      path: string,
    ): Result<ActorRef<Message, Reply>> {
      const node = nodes.get(path);
      if (!(node instanceof ActorNode) || node.definition.type !== definition.type) {
        return notFound(runtime, path);
      }
      return ok(new PathRef(runtime, path) as unknown as ActorRef<Message, Reply>);
    },
    startChild(path, spec) {
      const supervisor = supervisorAt(path);
      return supervisor === null
        ? Promise.resolve(notFound(runtime, path))
        : supervisor.startChild(spec);
    },
    terminateChild: (path) => above(path, (supervisor, id) => supervisor.terminateChild(id)),
    restartChild: (path) => above(path, (supervisor, id) => supervisor.restartChild(id)),
    deleteChild: (path) => above(path, (supervisor, id) => supervisor.deleteChild(id)),
    whichChildren(path) {
      const supervisor = supervisorAt(path);
      return supervisor === null ? notFound(runtime, path) : ok(supervisor.whichChildren());
    },
    countChildren(path) {
      const supervisor = supervisorAt(path);
      return supervisor === null ? notFound(runtime, path) : ok(supervisor.countChildren());
    },
    childSpec(path) {
      const node = nodes.get(path);
      return node === undefined ? notFound(runtime, path) : ok(node.spec);
    },
    watch(path, callback) {
      const unwatch = watchers.add(path, callback);
      const status = nodes.get(path)?.status ?? "stopped";
      if (status === "stopped") {
        queueMicrotask(() => callback({ path, incarnation: 0, reason: { kind: "noproc" } }));
      }
      return unwatch;
    },
    tree() {
      const into: TreeNode[] = [];
      root?.collect(into);
      return into;
    },
    node: (path) => (path === undefined ? root : (nodes.get(path) ?? null)),
    get changes() {
      return changes.count;
    },
    deadLetters,
    counters: () => counters.read(),
    sizes: () => ({
      nodes: nodes.size,
      watched: watchers.size,
      linked: links.size,
      machines: machines.running,
    }),
  };
  const runtime: Runtime = {
    clock,
    randomness,
    log,
    system,
    definitions,
    deadLetters,
    counters,
    watchers,
    links,
    machines,
    nodes,
    changes,
  };
  return system;
}
