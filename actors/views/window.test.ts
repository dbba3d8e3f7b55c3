import { suite } from "uvu";
import * as assert from "uvu/assert";

import { type ProbeWorld, probe, probeWorld } from "../../test/support/probe-actors.ts";
import { seed } from "../../test/support/seed.ts";
import type { NodeView } from "../kernel/actor.ts";
import { supervisorSpec } from "../kernel/child-spec.ts";
import { seededRandomness } from "../kernel/seeded-randomness.ts";
import { parseFilter, type RowFilter } from "./filter.ts";
import { parseSort, windowOf, type WindowQuery } from "./window.ts";

const test = suite("tree windows");

const filterOf = (text: string): RowFilter => {
  const parsed = parseFilter(text);
  if (!parsed.ok) throw new Error(parsed.failure.reason);
  return parsed.value;
};

function query(wanted: Partial<WindowQuery> & { readonly sorted?: string }): WindowQuery {
  const sort = parseSort(wanted.sorted ?? "");
  if (!sort.ok) throw new Error(sort.failure.reason);
  return {
    scope: "subtree",
    offset: 0,
    limit: 200,
    filter: filterOf(""),
    sort: sort.value,
    ...wanted,
  };
}

const noPause = (): Promise<void> => Promise.resolve();

/** Every node, by walking: what the windows are compared with. */
function walk(node: NodeView): readonly NodeView[] {
  return [node, ...[...node.childNodes()].flatMap(walk)];
}

async function worldOf(branches: number, leaves: number): Promise<ProbeWorld> {
  const made = probeWorld({ parkAfter: 1 });
  const spec = supervisorSpec(
    "top",
    Array.from({ length: branches }, (_none, branch) =>
      supervisorSpec(
        `b${branch}`,
        Array.from({ length: leaves }, (_leaf, leaf) => probe(`n${branch}-${leaf}`)),
      ),
    ),
  );
  assert.ok((await made.system.start(spec)).ok);
  return made;
}

test("B4.1 the windows of a tree, one after the other, are a walk over it", async () => {
  const made = await worldOf(7, 13);
  const root = made.system.node() as NodeView;
  const all = walk(root).map(({ path }) => path);
  const start = seed(6_021);
  const random = seededRandomness(start);
  for (let turn = 0; turn < 200; turn += 1) {
    const offset = random.below(all.length + 3);
    const limit = 1 + random.below(30);
    for (const text of ["", "/top"]) {
      const wanted = query({ offset, limit, filter: filterOf(text) });
      const { rows, total } = await windowOf(root, wanted, made.clock.monotonic(), noPause);
      assert.is(total, all.length);
      assert.equal(
        rows.map(({ path }) => path),
        all.slice(offset, offset + limit),
        `SEED=${start} offset=${offset} limit=${limit} filter=${text}`,
      );
    }
  }
  const children = query({ scope: "children", offset: 2, limit: 3 });
  const { rows, total } = await windowOf(root, children, made.clock.monotonic(), noPause);
  assert.equal(
    rows.map(({ path, children: direct, below }) => `${path} ${direct} ${below.nodes}`),
    ["/top/b2 13 13", "/top/b3 13 13", "/top/b4 13 13"],
  );
  assert.is(total, 7);
});

test("a filter's words must all hold, and what is no filter is refused with those that are", async () => {
  const made = await worldOf(3, 4);
  const root = made.system.node() as NodeView;
  const paths = async (text: string): Promise<readonly string[]> => {
    const wanted = query({ filter: filterOf(text) });
    const { rows } = await windowOf(root, wanted, made.clock.monotonic(), noPause);
    return rows.map(({ path }) => path);
  };
  void made.ref("/top/b1/n1-2").send({ do: "crash", text: "once" });
  await made.pass(20);
  assert.equal(await paths("restarts>0"), ["/top/b1/n1-2"]);
  assert.equal(await paths("restarts>1"), []);
  assert.equal(await paths("type:supervisor b2"), ["/top/b2"]);
  assert.equal(await paths("state:open n0-3"), ["/top/b0/n0-3"]);
  void made.ref("/top/b1/n1-2").send({ do: "crash", text: "twice" });
  await made.pass(1);
  assert.equal(await paths("/restarting"), ["/top/b1/n1-2"]);
  assert.equal(await paths("/failed"), []);
  const refused = parseFilter("restarts>many");
  assert.is(refused.ok, false);
  if (!refused.ok) {
    assert.is(refused.failure.code, "malformed");
    assert.match(refused.failure.next, "restarts>N");
  }
  assert.is(parseFilter("x".repeat(300)).ok, false);
  assert.is(parseSort("colour").ok, false);
});

test("sorted windows are those of the whole sorted list, equal rows in the order of the tree", async () => {
  const made = await worldOf(4, 2_500);
  const root = made.system.node() as NodeView;
  const start = seed(77);
  const random = seededRandomness(start);
  for (let turn = 0; turn < 40; turn += 1) {
    const at = `/top/b${turn % 4}/n${turn % 4}-${random.below(2_500)}`;
    void made.ref(at).send({ do: "crash", text: "x" });
    await made.pass(150);
  }
  const now = made.clock.monotonic();
  const all = walk(root);
  let turns = 0;
  const pause = (): Promise<void> => {
    turns += 1;
    return Promise.resolve();
  };
  for (const [sorted, compare] of [
    [
      "-restarts",
      (a: NodeView, b: NodeView) => b.vitals.recentRestarts(now) - a.vitals.recentRestarts(now),
    ],
    ["path", (a: NodeView, b: NodeView) => (a.path < b.path ? -1 : 1)],
    ["-path", (a: NodeView, b: NodeView) => (a.path < b.path ? 1 : -1)],
  ] as const) {
    const expected = [...all].sort(compare).map(({ path }) => path);
    for (const offset of [0, 13, 5_000]) {
      const wanted = query({ sorted, offset, limit: 50 });
      const { rows, total } = await windowOf(root, wanted, now, pause);
      assert.is(total, all.length);
      assert.equal(
        rows.map(({ path }) => path),
        expected.slice(offset, offset + 50),
        `SEED=${start} ${sorted} ${offset}`,
      );
    }
  }
  assert.ok(turns >= 9 * 2, "others get a turn while ten thousand nodes are looked at");
});

test.run();
