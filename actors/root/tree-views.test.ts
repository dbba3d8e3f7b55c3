import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { treeViewSubject } from "../../schemas/subjects.ts";
import { MemoryBroker } from "../bus/memory.ts";
import { cellRegion, type MemoryCell, startMemoryCell } from "../../test/support/memory-cell.ts";
import { eventually } from "../../test/support/until.ts";

const test = suite("views of the trees of a region");
const { control } = wire;
type Reply = wire.control.v1.TreeReply;

/** Two cells of one region: one with the market, one with actors only. */
async function withCells(body: (cell: MemoryCell, other: MemoryCell) => Promise<void>) {
  const broker = new MemoryBroker();
  const cell = await startMemoryCell({ broker, name: "one" });
  const other = await startMemoryCell({ broker, name: "two", servesMarkets: false });
  try {
    await cell.ready();
    await body(cell, other);
  } finally {
    await other.stop();
    await cell.stop();
  }
}

async function ask(cell: MemoryCell, request: wire.control.v1.ITreeRequest): Promise<Reply> {
  const payload = control.v1.TreeRequest.encode(request).finish();
  return control.v1.TreeReply.decode(await cell.operation("tree", payload));
}

const bothCells = (cell: MemoryCell): Promise<Reply> =>
  eventually("both cells are in the answer", async () => {
    const reply = await ask(cell, {});
    return reply.cells.length === 2 ? reply : null;
  });

test("B4.1 a region's tree is that of all its cells, with counts per cell and for all", () =>
  withCells(async (cell) => {
    const reply = await bothCells(cell);
    assert.equal(
      reply.cells.map(({ cell: name, silent }) => [name, silent]),
      [
        ["one", ""],
        ["two", ""],
      ],
    );
    const market = `/${cellRegion}/markets/TEST`;
    const found = reply.nodes.filter(({ path }) => path === market);
    assert.equal(
      found.map((node) => [node.cell, node.type, node.state, node.condition]),
      [["one", "market", "open", control.v1.NodeCondition.NODE_CONDITION_RUNNING]],
    );
    const roots = reply.nodes.filter(({ path }) => path === `/${cellRegion}`);
    assert.equal(
      roots.map((node) => node.cell),
      ["one", "two"],
    );
    assert.is(reply.total, reply.nodes.length);
    assert.is(reply.totals?.nodes, reply.nodes.length);
    const below = roots.reduce((sum, node) => sum + 1 + (node.below?.nodes ?? 0), 0);
    assert.is(below, reply.total);
  }));

test("windows of one row over both cells are the rows of one large window", () =>
  withCells(async (cell) => {
    const whole = await bothCells(cell);
    for (let offset = 0; offset <= whole.total; offset += 1) {
      const { nodes, total } = await ask(cell, { offset, limit: 1 });
      assert.is(total, whole.total);
      const [expected] = whole.nodes.slice(offset);
      assert.equal([nodes[0]?.cell, nodes[0]?.path], [expected?.cell, expected?.path]);
    }
    const sorted = await ask(cell, { sort: "-path", limit: 3 });
    const paths = whole.nodes.map(({ path }) => path ?? "").sort();
    assert.equal(
      sorted.nodes.map(({ path }) => path),
      paths.reverse().slice(0, 3),
    );
    const children = await ask(cell, { scope: control.v1.TreeScope.TREE_SCOPE_CHILDREN });
    assert.equal(
      children.nodes.map(({ path }) => path),
      [`/${cellRegion}`, `/${cellRegion}`],
    );
    const markets = { cell: "one", branch: `/${cellRegion}/markets` };
    const scope = control.v1.TreeScope.TREE_SCOPE_CHILDREN;
    const [only] = (await ask(cell, { ...markets, scope })).nodes;
    assert.is(only?.path, `/${cellRegion}/markets/TEST`);
  }));

test("a request that means nothing is refused with what would", () =>
  withCells(async (cell) => {
    const code = async (request: wire.control.v1.ITreeRequest) =>
      (await ask(cell, request)).refusal?.code;
    assert.is(await code({ filter: "restarts>x" }), "malformed");
    assert.is(await code({ sort: "beauty" }), "malformed");
    assert.is(await code({ cell: "nine" }), "not_found");
    assert.is(await code({ branch: "/nowhere" }), "not_found");
    assert.is(await code({ view: "a.b" }), "malformed");
    assert.is(await code({ sort: "path", offset: 30_000 }), "too_large");
    const noise = new Uint8Array(64).fill(255);
    for (const verb of ["tree", "tree-node"] as const) {
      const reply = control.v1.TreeReply.decode(await cell.operation(verb, noise));
      assert.is(reply.refusal?.code, "malformed");
    }
  }));

test("B4.1 a node tells its specification, its machine with the present state, and why it was restarted", () =>
  withCells(async (cell) => {
    await bothCells(cell);
    const path = `/${cellRegion}/markets/TEST`;
    const node = async (request: wire.control.v1.INodeRequest) => {
      const payload = control.v1.NodeRequest.encode(request).finish();
      return control.v1.NodeReply.decode(await cell.operation("tree-node", payload));
    };
    const before = await node({ path });
    assert.is(before.refusal, null);
    assert.is(before.spec?.restart, "permanent");
    assert.match(before.spec?.start ?? "", '"market":"TEST"');
    assert.equal(before.active, ["open"]);
    const names = before.machine.map(({ name }) => name);
    for (const name of ["starting", "recovering", "open", "halted", "failed"]) {
      assert.ok(names.includes(name), name);
    }
    const open = before.machine.find(({ name }) => name === "open");
    assert.ok(
      open?.transitions?.some(({ event, target }) => event === "HALTED" && target === "halted"),
    );
    assert.ok(before.transitions.some(({ from, to }) => from === "fencing" && to === "open"));
    const supervisor = await node({ path: `/${cellRegion}/markets`, cell: "two" });
    assert.is(supervisor.spec?.strategy, "one_for_one");
    assert.is((await node({ path: "/none" })).refusal?.code, "not_found");
    assert.is((await node({})).refusal?.code, "not_found");
  }));

test("B4.1 a leased view is one message a second, says when nothing has changed, and ends by itself", () =>
  withCells(async (cell) => {
    await bothCells(cell);
    const messages: Reply[] = [];
    const subject = treeViewSubject(cellRegion, "mine");
    const subscription = cell.client.subscribe(subject, (_subject, payload) => {
      messages.push(control.v1.TreeReply.decode(payload));
    });
    const filter = "type:market";
    const leased = await ask(cell, { filter, view: "mine" });
    assert.is(leased.subject, subject);
    assert.is(leased.number, 0);
    assert.ok(leased.leaseMs >= 5_000);
    await eventually("two messages", async () => (messages.length >= 2 ? true : null));
    assert.ok(messages.every(({ unchanged, nodes }) => unchanged && nodes.length === 0));
    const request = { market: "TEST", reason: "test", requestedBy: "tester" };
    const halt = control.v1.MarketStateRequest.encode(request).finish();
    await cell.operation("market-halt", halt);
    const changed = await eventually("the halt is told", async () => {
      const found = messages.find(({ unchanged }) => !unchanged);
      return found ?? null;
    });
    assert.equal(
      changed.nodes.map(({ state }) => state),
      ["halted"],
    );
    const numbers = messages.map(({ number }) => number);
    assert.equal(
      numbers,
      numbers.map((_number, index) => index + 1),
      "each message of a view has the next number, whoever of the cells was asked",
    );
    subscription.unsubscribe();
  }));

test.run();
