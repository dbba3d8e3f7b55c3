import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { ok, type Result } from "../kernel/result.ts";
import { wire } from "../../schemas/messages.ts";
import { actorSubject } from "../../schemas/subjects.ts";
import {
  cellMarket,
  cellRegion,
  type MemoryCell,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { definitionToWire } from "../region/codec.ts";
import type { MarketDefinition } from "../region/messages.ts";
import { until } from "../../test/support/until.ts";

const test = suite("cell");
const { market, control, risk } = wire;
const { Side, OrderType, TimeInForce } = market.v1;

async function withCell(
  body: (cell: MemoryCell) => Promise<void>,
  options: MemoryCellOptions = {},
): Promise<void> {
  const cell = await startMemoryCell(options);
  try {
    await cell.ready();
    await body(cell);
  } finally {
    await cell.stop();
  }
}

function place(number: number, side: "buy" | "sell", price: number, quantity: number) {
  return {
    number,
    account: side === "buy" ? 1 : 2,
    place: {
      side: side === "buy" ? Side.SIDE_BUY : Side.SIDE_SELL,
      orderType: OrderType.ORDER_TYPE_LIMIT,
      timeInForce: TimeInForce.TIME_IN_FORCE_DAY,
      price,
      quantity,
    },
  };
}

const refusalOf = (payload: Uint8Array | null): string => {
  if (payload === null) return "no answer";
  return control.v1.StatusReply.decode(payload).refusal?.code ?? "accepted";
};
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

async function setState(
  cell: MemoryCell,
  verb: "market-halt" | "market-resume",
  name: string,
): Promise<wire.control.v1.MarketReply> {
  const request = { market: name, reason: "test", requestedBy: "tester" };
  const payload = control.v1.MarketStateRequest.encode(request).finish();
  return control.v1.MarketReply.decode(await cell.operation(verb, payload));
}

async function create(
  cell: MemoryCell,
  change: Partial<MarketDefinition>,
): Promise<wire.control.v1.MarketReply> {
  const definition = definitionToWire({ ...cellMarket, market: "NEW", ...change });
  const payload = control.v1.MarketCreateRequest.encode({ definition, requestedBy: "tester" });
  return control.v1.MarketReply.decode(await cell.operation("market-create", payload.finish()));
}

test("two orders that cross trade, and the status counts them", () =>
  withCell(async (cell) => {
    const first = await cell.submit("TEST", { session: 5, commands: [place(1, "sell", 500, 20)] });
    assert.is(first.outcomes[0]?.remaining, 20);
    const second = await cell.submit("TEST", { session: 6, commands: [place(1, "buy", 500, 20)] });
    assert.is(second.outcomes[0]?.executed, 20);
    const reply = control.v1.StatusReply.decode(await cell.operation("status", new Uint8Array()));
    assert.is(reply.status?.ready, true);
    assert.equal(
      reply.status?.markets?.map((each) => [each.market, each.state, each.orders, each.trades]),
      [["TEST", "open", 2, 1]],
    );
  }));

test("the history of a market tells its trades and latencies to whoever draws them", () =>
  withCell(async (cell) => {
    await cell.submit("TEST", { session: 5, commands: [place(1, "sell", 500, 20)] });
    await cell.submit("TEST", { session: 6, commands: [place(1, "buy", 500, 20)] });
    const ask = async (request: wire.market.v1.IMarketHistoryRequest) => {
      const payload = market.v1.MarketHistoryRequest.encode(request).finish();
      const reply = await cell.operation("market-history", payload);
      return market.v1.MarketHistoryReply.decode(reply);
    };
    const whole = { trades: 10, seconds: 10, minutes: 10, latency: 10 };
    const reply = await ask({ market: "TEST", ...whole });
    assert.equal(
      reply.trades.map(({ price, quantity, aggressor }) => [price, quantity, aggressor]),
      [[500, 20, Side.SIDE_BUY]],
    );
    const [candle] = reply.seconds;
    assert.equal([candle?.open, candle?.close, candle?.volume, candle?.trades], [500, 500, 20, 1]);
    const counts = reply.acknowledgement.flatMap((slice) => slice.counts ?? []);
    assert.is(
      counts.reduce((sum, count) => sum + count, 0),
      2,
    );
    const later = await ask({ market: "TEST", afterUnixMs: reply.atUnixMs + 60_000, ...whole });
    assert.equal([later.trades, later.seconds, later.acknowledgement], [[], [], []]);
    assert.is((await ask({ market: "NONE", ...whole })).refusal?.code, "market_unknown");
    const garbage = await cell.operation("market-history", new Uint8Array(64).fill(255));
    assert.is(refusalOf(garbage), "malformed");
  }));

test("garbage at every subject gets its typed refusal and disturbs nobody", () =>
  withCell(async (cell) => {
    const noise = [new Uint8Array(), utf8("garbage"), new Uint8Array(64).fill(255)];
    const expected: readonly (readonly [string, RegExp])[] = [
      [`cmd.${cellRegion}.TEST.submit`, /^malformed$/],
      [`cmd.${cellRegion}.TEST.orders`, /^(malformed|account_invalid)$/],
      [`cmd.${cellRegion}.NONE.submit`, /^market_unknown$/],
      [`cmd.${cellRegion}.constructor.book`, /^market_unknown$/],
      [`cmd.${cellRegion}.TEST.explode`, /^verb_unknown$/],
      [`ops.${cellRegion}.market-create`, /^malformed$/],
      [`ops.${cellRegion}.market-halt`, /^(malformed|market_unknown)$/],
      [`ops.${cellRegion}.reboot`, /^verb_unknown$/],
      [`ops.${cellRegion}.a.b.c`, /^verb_unknown$/],
      [`act.${cellRegion}.risk-limit.acc.set-limits`, /^malformed$/],
      [`act.${cellRegion}.risk-limit.acc.explode`, /^verb_unknown$/],
      [`act.${cellRegion}.risk-limit.x.y.z`, /^not_found$/],
      [`act.${cellRegion}.martian.x.y`, /^no answer$/],
      [`ctl.${cellRegion}.spawn`, /^(malformed|type_unknown)$/],
      [`ctl.${cellRegion}.describe`, /^malformed$/],
      [`ctl.${cellRegion}.explode`, /^no answer$/],
    ];
    for (const [subject, refusal] of expected) {
      for (const payload of noise) {
        assert.match(refusalOf(await cell.raw(subject, payload)), refusal, subject);
      }
    }
    const large = new Uint8Array(512 * 1024 + 1);
    assert.is(refusalOf(await cell.raw(`cmd.${cellRegion}.TEST.submit`, large)), "too_large");
    assert.is(refusalOf(await cell.raw(`ops.${cellRegion}.status`, large)), "too_large");
    const report = await cell.report();
    assert.is(report.ready, true);
    assert.ok((report.refusals["verb_unknown"] ?? 0) >= 6);
    assert.ok((report.refusals["market_unknown"] ?? 0) >= 6);
    assert.ok((report.refusals["malformed"] ?? 0) >= 4, "of operations and actors");
    assert.is(report.refusals["not_found"], 3, "of subjects that are no actor's");
    const status = control.v1.StatusReply.decode(
      (await cell.raw(`ops.${cellRegion}.status`, new Uint8Array())) ?? new Uint8Array(),
    ).status;
    assert.equal(status?.refusals, { ...report.refusals });
    assert.ok(report.deadLetters > 0);
    assert.is(cell.cell.system.counters().failures, 0);
    const still = await cell.submit("TEST", { session: 5, commands: [place(1, "buy", 500, 10)] });
    assert.is(still.outcomes[0]?.remaining, 10);
  }));

test("a halted market refuses orders, takes cancels, and opens again", () =>
  withCell(async (cell) => {
    const placed = await cell.submit("TEST", { session: 5, commands: [place(1, "buy", 500, 10)] });
    assert.is((await setState(cell, "market-halt", "TEST")).market?.state, "halted");
    assert.is((await cell.report()).ready, true);
    const refused = await cell.submit("TEST", { session: 5, commands: [place(2, "buy", 500, 10)] });
    assert.is(refused.outcomes[0]?.refusal?.code, "market_halted");
    const orderId = placed.outcomes[0]?.orderId ?? 0;
    const canceled = await cell.submit("TEST", {
      session: 5,
      commands: [{ number: 3, account: 1, cancel: { orderId } }],
    });
    assert.is(canceled.outcomes[0]?.canceled, 10);
    assert.is((await setState(cell, "market-resume", "TEST")).market?.state, "open");
    const again = await cell.submit("TEST", { session: 5, commands: [place(4, "buy", 500, 10)] });
    assert.is(again.outcomes[0]?.remaining, 10);
    assert.is((await setState(cell, "market-halt", "NONE")).refusal?.code, "market_unknown");
  }));

test("a market made at run time trades, is refused with other data, and survives a restart", async () => {
  const directory = mkdtempSync(join(tmpdir(), "meridian-cell-test-"));
  try {
    const first = await startMemoryCell({ directory });
    await first.ready();
    assert.is((await create(first, {})).market?.state, "open");
    assert.is((await create(first, {})).market?.market, "NEW");
    assert.is((await create(first, { tick: 10 })).refusal?.code, "market_exists");
    const bad = await create(first, { market: "BAD", tick: 0 });
    assert.is(bad.refusal?.code, "definition_invalid");
    assert.match(bad.refusal?.reason ?? "", /tick: must be at least 1/);
    const placed = await first.submit("NEW", { session: 5, commands: [place(1, "buy", 500, 10)] });
    assert.is(placed.outcomes[0]?.remaining, 10);
    const before = (await first.report()).markets.find((each) => each.definition.market === "NEW");
    const { broker } = first;
    await first.stop();

    const second = await startMemoryCell({ directory, broker });
    await second.ready();
    const after = (await second.report()).markets.find((each) => each.definition.market === "NEW");
    assert.is(after?.state, "open");
    assert.is(after?.digest, before?.digest);
    assert.is((await second.report()).incarnation, 2);
    const repeated = await second.submit("NEW", {
      session: 5,
      commands: [place(1, "buy", 500, 10)],
    });
    assert.is(repeated.outcomes[0]?.repeated, true);
    assert.is(repeated.outcomes[0]?.orderId, placed.outcomes[0]?.orderId);
    await second.stop();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("on servers that do not allow replicated a market is durable, and its report says both", () =>
  withCell(
    async (cell) => {
      const reply = await cell.submit("TEST", {
        session: 5,
        commands: [place(1, "sell", 500, 20)],
      });
      assert.is(reply.durability, market.v1.DurabilityMode.DURABILITY_MODE_DURABLE);
      const made = (await create(cell, { mode: "matched" })).market;
      assert.is(made?.mode, "matched", "a weaker mode is left as it is");
      const [report] = (await cell.report()).markets;
      assert.equal([report?.mode, report?.definition.mode], ["durable", "replicated"]);
    },
    { strongestMode: "durable" },
  ));

test("limits of an account are kept over a restart", async () => {
  const directory = mkdtempSync(join(tmpdir(), "meridian-cell-test-"));
  const subject = (verb: string): string => actorSubject(cellRegion, "risk-limit", "acc-1", verb);
  const reserve = (commandId: string, quantity: number): Uint8Array =>
    risk.v1.Reserve.encode({ commandId, quantity }).finish();
  try {
    const first = await startMemoryCell({ directory });
    await first.ready();
    assert.is(refusalOf(await first.raw(subject("reserve"), reserve("r0", 5))), "not_found");
    const limits = { maximumOrderQuantity: 10, maximumOpenQuantity: 15 };
    const set = risk.v1.SetLimits.encode({ commandId: "s1", limits, requestedBy: "tester" });
    assert.is(refusalOf(await first.raw(subject("set-limits"), set.finish())), "accepted");
    const approve = { commandId: "s2", proposal: "s1", approvedBy: "another" };
    const approved = risk.v1.Approve.encode(approve).finish();
    assert.is(refusalOf(await first.raw(subject("approve"), approved)), "accepted");
    assert.is(refusalOf(await first.raw(subject("reserve"), reserve("r1", 10))), "accepted");
    const { broker } = first;
    await first.stop();

    const second = await startMemoryCell({ directory, broker });
    await second.ready();
    assert.is(refusalOf(await second.raw(subject("reserve"), reserve("r2", 6))), "limit_exceeded");
    assert.is(refusalOf(await second.raw(subject("reserve"), reserve("r3", 5))), "accepted");
    const nodes = control.v1.TreeReply.decode(await second.operation("tree", new Uint8Array()));
    assert.ok(nodes.nodes.some((node) => node.path === `/${cellRegion}/risk/acc-1`));
    await second.stop();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("the background flow trades through the front door, and pauses and resumes on request", () =>
  withCell(
    async (cell) => {
      const flow = async (paused: boolean): Promise<wire.control.v1.FlowReply> => {
        const payload = control.v1.FlowRequest.encode({ paused }).finish();
        return control.v1.FlowReply.decode(await cell.operation("flow", payload));
      };
      const sentBeyond = (count: number): Promise<void> =>
        until(`${count} orders are sent`, async () => (await cell.report()).flow.sent > count);
      await sentBeyond(400);
      const running = (await cell.report()).markets[0];
      assert.ok((running?.trades ?? 0) > 20, `${running?.trades} trades`);
      // A cancel can name an order that a market order of the same batch has just taken.
      const { order_unknown: late = 0, ...others } = running?.refusals ?? {};
      assert.equal(others, {});
      assert.ok(late <= 20, `${late} cancels of orders that were gone`);
      assert.is((await flow(true)).paused, true);
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { sent } = (await cell.report()).flow;
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.is((await cell.report()).flow.sent, sent);
      assert.is((await flow(false)).paused, false);
      await sentBeyond(sent + 50);
    },
    { rate: 400 },
  ));

test("while the connection is cut the cell is not ready and says why, then goes on", () =>
  withCell(async (cell) => {
    cell.bus.setConnected(false);
    const cut = await cell.report();
    assert.is(cut.ready, false);
    assert.match(cut.notReadyReason, /NATS is not connected/);
    cell.bus.setConnected(true);
    await cell.ready();
    const reply = await cell.submit("TEST", { session: 5, commands: [place(1, "buy", 500, 10)] });
    assert.is(reply.outcomes[0]?.remaining, 10);
  }));

test("a creation that waits for the store keeps neither the status nor a halt waiting", async () => {
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const ensureJournal = async ({ market: name }: MarketDefinition): Promise<Result<void>> => {
    if (name !== "TEST") await released;
    return ok(undefined);
  };
  await withCell(
    async (cell) => {
      const first = create(cell, { market: "SLOW-0" });
      assert.is((await cell.report()).ready, true);
      assert.is((await setState(cell, "market-halt", "TEST")).market?.state, "halted");
      const more = Array.from({ length: 64 }, (_, index) =>
        create(cell, { market: `SLOW-${index + 1}`, shard: 99 }),
      );
      const refused = await Promise.race(more.map(async (reply) => (await reply).refusal?.code));
      assert.is(refused, "busy", "the 65th change at a time");
      release();
      assert.is((await first).market?.state, "open");
      const codes = (await Promise.all(more)).map((reply) => reply.refusal?.code ?? "");
      assert.equal(codes.sort(), ["busy", ...Array(63).fill("definition_invalid")]);
      assert.is((await setState(cell, "market-resume", "TEST")).market?.state, "open");
    },
    { ensureJournal },
  );
});

test("a draining cell refuses orders and is not ready", () =>
  withCell(async (cell) => {
    await cell.cell.drain();
    const reply = await cell.submit("TEST", { session: 5, commands: [place(1, "buy", 500, 10)] });
    assert.is(reply.refusal?.code, "market_stopped");
    assert.match((await cell.report()).notReadyReason, /stopping/);
  }));

test("a stop ends the lease, so that a successor need not wait for it", async () => {
  const cell = await startMemoryCell();
  await cell.ready();
  await cell.stop();
  const lease = cell.broker.bucket("LEASE").get(`cell.${cellRegion}.test`);
  assert.is(wire.region.v1.CellLease.decode(lease?.value ?? new Uint8Array()).fenced, true);
});

test.run();
