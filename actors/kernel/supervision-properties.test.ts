import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ms, probe, type ProbeWorld, probeWorld } from "../../test/support/probe-actors.ts";
import { seed } from "../../test/support/seed.ts";
import type { TreeNode } from "./actor.ts";
import {
  type AutoShutdown,
  type ChildSpec,
  type Restart,
  type Strategy,
  supervisorSpec,
} from "./child-spec.ts";
import type { Result } from "./result.ts";

const test = suite("supervision properties");

/** A tree without ids: they are given by position, so that each is unique. */
type Shape =
  | {
      readonly kind: "actor";
      readonly restart: Restart;
      readonly shutdown: ChildSpec["shutdown"];
      readonly stopMs: number;
      readonly fails: readonly number[];
      /** Where its restart type and its supervisor allow it. */
      readonly significant: boolean;
    }
  | {
      readonly kind: "supervisor";
      readonly restart: Restart;
      readonly shutdown: ChildSpec["shutdown"];
      readonly strategy: Strategy;
      readonly maximumRestarts: number;
      readonly autoShutdown: AutoShutdown;
      readonly children: readonly Shape[];
    };

const restart = fc.constantFrom<Restart>("permanent", "permanent", "transient", "temporary");
const shutdown = fc.constantFrom<ChildSpec["shutdown"]>(
  "infinity",
  "infinity",
  ms(1_000),
  ms(100),
  "brutal_kill",
);
const actorShape = fc.record({
  kind: fc.constant("actor" as const),
  restart,
  shutdown,
  stopMs: fc.constantFrom(0, 0, 30, 300, 5_000),
  fails: fc.subarray([2, 3, 4, 5]),
  significant: fc.boolean(),
});
const supervisorShape = (depth: number): fc.Arbitrary<Shape> =>
  fc.record({
    kind: fc.constant("supervisor" as const),
    restart: fc.constantFrom<Restart>("permanent", "permanent", "transient"),
    shutdown,
    strategy: fc.constantFrom<Strategy>("one_for_one", "one_for_all", "rest_for_one"),
    maximumRestarts: fc.integer({ min: 0, max: 6 }),
    autoShutdown: fc.constantFrom<AutoShutdown>(
      "never",
      "never",
      "any_significant",
      "all_significant",
    ),
    children: fc.array(
      depth === 0
        ? actorShape
        : fc.oneof({ weight: 3, arbitrary: actorShape }, supervisorShape(depth - 1)),
      { maxLength: 4 },
    ),
  });

type Step =
  | {
      readonly do: "throw_in_timer" | "crash" | "finish" | "fail_machine" | "work" | "echo";
      readonly at: number;
    }
  | { readonly do: "terminate" | "restart" | "delete"; readonly at: number }
  | { readonly do: "add"; readonly at: number; readonly shape: Shape }
  | { readonly do: "pass"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("throw_in_timer" as const, "crash" as const, "fail_machine" as const),
      at: fc.nat(1_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("finish" as const, "work" as const, "echo" as const),
      at: fc.nat(1_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("terminate" as const, "restart" as const, "delete" as const),
      at: fc.nat(1_000),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("add" as const), at: fc.nat(1_000), shape: actorShape }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("pass" as const),
      ms: fc.constantFrom(0, 1, 5, 20, 50, 200, 2_000),
    }),
  },
);

let named = 0;
function specOf(shape: Shape, above: AutoShutdown = "never"): ChildSpec {
  named += 1;
  const id = `n${named}`;
  if (shape.kind === "actor") {
    return probe(id, {
      restart: shape.restart,
      shutdown: shape.shutdown,
      significant: shape.significant && shape.restart !== "permanent" && above !== "never",
      start: {
        failStarts: shape.fails,
        ...(shape.stopMs === 0 ? {} : { terminateMs: shape.stopMs }),
      },
    });
  }
  return {
    ...supervisorSpec(
      id,
      shape.children.map((child) => specOf(child, shape.autoShutdown)),
      {
        strategy: shape.strategy,
        autoShutdown: shape.autoShutdown,
        intensity: { maximumRestarts: shape.maximumRestarts, within: ms(2_000) },
        backoff: { initial: ms(20), maximum: ms(100), jitter: 0.5, resetAfter: ms(1_000) },
      },
    ),
    restart: shape.restart,
    shutdown: shape.shutdown,
  };
}

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf("/"));

/** Incarnations that have started and not ended, and that each path had at most one at a time. */
function living(did: readonly string[]): Set<string> {
  const alive = new Map<string, number>();
  const last = new Map<string, number>();
  for (const line of did) {
    const match = /^(start|exit) (\w+)#(\d+)$/.exec(line);
    if (match === null) continue;
    const [, what, id, text] = match as unknown as [string, string, string, string];
    const incarnation = Number(text);
    if (what === "start") {
      assert.not.ok(alive.has(id), `${id} started twice without an exit`);
      assert.ok(incarnation > (last.get(id) ?? 0), `${id}: incarnations must rise`);
      last.set(id, incarnation);
      alive.set(id, incarnation);
    } else {
      assert.is(alive.get(id), incarnation, `${id} ended an incarnation that did not live`);
      alive.delete(id);
    }
  }
  return new Set(alive.keys());
}

function checkTree(made: ProbeWorld, tree: readonly TreeNode[]): void {
  const seen = new Map<string, TreeNode>();
  const alive = living(made.did);
  for (const node of tree) {
    assert.not.ok(seen.has(node.path), `${node.path} stands twice in the tree`);
    const parent = seen.get(parentOf(node.path));
    if (parentOf(node.path) !== "") assert.ok(parent, `${node.path} stands before its parent`);
    seen.set(node.path, node);
    if (node.type !== "probe") continue;
    const id = node.path.slice(node.path.lastIndexOf("/") + 1);
    const runs = node.state === "open" || node.state === "stopping";
    assert.is(alive.delete(id), runs, `${node.path} is ${node.state}`);
    if (node.state === "open" && parent !== undefined) {
      assert.ok(
        ["running", "restarting", "stopping"].includes(parent.state),
        `${node.path} runs under a supervisor that is ${parent.state}`,
      );
    }
  }
  assert.equal([...alive], [], "an actor lives that the tree does not show");
  checkCounts(made, tree);
}

/** What is counted as it changes is what a walk over the tree finds. */
function checkCounts(made: ProbeWorld, tree: readonly TreeNode[]): void {
  const rows = tree.flatMap(({ path }) => made.system.node(path)?.row() ?? []);
  assert.is(rows.length, tree.length);
  for (const row of rows) {
    const below = rows.filter(({ path }) => path.startsWith(`${row.path}/`));
    const those = (condition: string): number =>
      below.filter((one) => one.condition === condition).length;
    const { nodes, failed, restarting } = row.below;
    assert.equal(
      { nodes, failed, restarting },
      { nodes: below.length, failed: those("failed"), restarting: those("restarting") },
      row.path,
    );
  }
}

/** After quiet time nothing may be left half done. */
function checkQuiet(tree: readonly TreeNode[], ended: boolean): void {
  for (const node of tree) {
    const allowed = ended ? ["stopped"] : ["running", "open", "stopped"];
    assert.ok(allowed.includes(node.state), `${node.path} is ${node.state} after quiet time`);
    const parent = tree.find((other) => other.path === parentOf(node.path));
    if (parent?.state === "stopped") assert.is(node.state, "stopped");
  }
}

async function take(
  made: ProbeWorld,
  next: Step,
  calls: Promise<Result<unknown>>[],
): Promise<void> {
  if (next.do === "pass") {
    await made.pass(next.ms);
    return;
  }
  const tree = made.system.tree();
  const node = tree[next.at % Math.max(tree.length, 1)];
  if (node === undefined) return;
  const { system } = made;
  if (next.do === "add") calls.push(system.startChild(node.path, specOf(next.shape)));
  else if (next.do === "terminate") calls.push(system.terminateChild(node.path));
  else if (next.do === "restart") calls.push(system.restartChild(node.path));
  else if (next.do === "delete") calls.push(system.deleteChild(node.path));
  else if (node.type === "probe") {
    const message = { do: next.do, text: "late", forMs: 40 };
    calls.push(made.ref(node.path).ask(message, ms(100_000)));
  }
}

test("after any sequence of failures, stops and additions the tree keeps its invariants", async () => {
  const start = seed(20_261_122);
  let failures = 0;
  let escalations = 0;
  let shutdowns = 0;
  const property = fc.asyncProperty(
    supervisorShape(2),
    fc.array(step, { minLength: 10, maxLength: 60 }),
    async (shape, steps) => {
      named = 0;
      const made = probeWorld({ parkAfter: 2 }, start);
      assert.ok((await made.system.start(specOf(shape))).ok);
      let ended = false;
      void made.system.ended.then(() => {
        ended = true;
      });
      const calls: Promise<Result<unknown>>[] = [];
      for (const next of steps) {
        await take(made, next, calls);
        await made.clock.settle();
        checkTree(made, made.system.tree());
      }
      await made.pass(200_000);
      checkTree(made, made.system.tree());
      checkQuiet(made.system.tree(), ended);
      const order = made.system
        .tree()
        .filter((node) => node.state === "open")
        .map((node) => node.path.slice(node.path.lastIndexOf("/") + 1));
      made.news();
      const stopped = made.system.stop();
      await made.pass(200_000);
      await stopped;
      const exits = made.news().filter((line) => line.startsWith("exit"));
      assert.equal(
        exits.map((line) => line.replace(/^exit (\w+)#.*/, "$1")),
        order.reverse(),
        "children end in reverse order of the tree",
      );
      assert.equal([...living(made.did)], []);
      checkQuiet(made.system.tree(), true);
      await Promise.all(calls);
      assert.is(made.clock.pending, 0, "a timer outlived the tree");
      const counters = made.system.counters();
      failures += counters.failures;
      escalations += counters.escalations;
      shutdowns += counters.autoShutdowns;
    },
  );
  try {
    await fc.assert(property, { seed: start, numRuns: 300 });
  } catch (error) {
    console.log(`SEED=${start}  replay: MERIDIAN_SEED=${start} node ${import.meta.filename}`);
    throw error instanceof Error && error.cause instanceof Error
      ? new Error(`${error.cause.message}\n${error.message}`, { cause: error.cause })
      : error;
  }
  assert.ok(
    failures > 1_000 && escalations > 100,
    `only ${failures} failures, ${escalations} escalations`,
  );
  assert.ok(shutdowns > 20, `only ${shutdowns} auto-shutdowns`);
});

test("5,000 children start, answer and stop in time that grows with their number, not its square", async () => {
  const cost = async (count: number): Promise<number> => {
    const made = probeWorld();
    await made.system.start(supervisorSpec("top", []));
    const begun = performance.now();
    for (let index = 0; index < count; index += 1) {
      assert.ok((await made.system.startChild("/top", probe(`p${index}`))).ok);
    }
    for (let index = 0; index < count; index += 1) {
      made.ref(`/top/p${index}`).send({ do: index % 10 === 0 ? "fail_machine" : "stay_silent" });
    }
    await made.clock.settle();
    const stopped = made.system.stop();
    await made.clock.settle();
    await stopped;
    // Five restarts at once, then the sixth failure is above the default intensity.
    assert.is(made.system.counters().starts, count + 1 + 5);
    assert.is(made.system.counters().delivered > 0, true);
    return (performance.now() - begun) / count;
  };
  await cost(500);
  const small = Math.min(await cost(500), await cost(500), await cost(500));
  const large = Math.min(await cost(5_000), await cost(5_000));
  // Per child: 1 when linear, 10 when quadratic; the noise of a shared machine stays below 4.
  assert.ok(
    large / small < 4,
    `per child ${small.toFixed(4)} ms at 500, ${large.toFixed(4)} ms at 5,000`,
  );
  console.log(
    `per child ${(small * 1e3).toFixed(1)} us at 500, ${(large * 1e3).toFixed(1)} us at 5,000`,
  );
});

test.run();
