import { readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker } from "../bus/memory.ts";
import { fenceHash } from "../kernel/accepted-chain.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { durationNs } from "../kernel/units.ts";
import { PortableEngine } from "../../native/portable/engine.ts";
import { wire } from "../../schemas/messages.ts";
import { eventSubject, journalStream, journalSubject } from "../../schemas/subjects.ts";
import {
  MarketCell,
  slowClock,
  TestOwnership,
  type CellOptions,
} from "../../test/support/market-cell.ts";
import { MARKET_MAILBOX } from "./actor.ts";
import { encodeChainMessage } from "./codec.ts";
import { divergenceReportSchema } from "../../schemas/divergence-report.ts";
import { readChain } from "../../test/support/chain.ts";

const test = suite("market actor");

const { SIDE_BUY: buy, SIDE_SELL: sell } = wire.market.v1.Side;
const { ORDER_TYPE_LIMIT: limit } = wire.market.v1.OrderType;
const { TIME_IN_FORCE_DAY: day } = wire.market.v1.TimeInForce;
const stream = journalStream("atlas", 0);
const subject = journalSubject("TEST");

const place = (
  number: number,
  side: wire.market.v1.Side,
  price: number,
  quantity: number,
): wire.market.v1.ICommand => ({
  number,
  account: 7,
  place: { side, orderType: limit, timeInForce: day, price, quantity },
});
const cancel = (number: number, orderId: number): wire.market.v1.ICommand => ({
  number,
  account: 7,
  cancel: { orderId },
});
const codes = (reply: wire.market.v1.SubmitReply): readonly string[] =>
  reply.outcomes.map((outcome) => outcome.refusal?.code ?? "");

async function withCell(
  options: CellOptions,
  body: (cell: MarketCell) => Promise<void>,
): Promise<void> {
  const cell = await MarketCell.open(options);
  try {
    await body(cell);
  } finally {
    await cell.end();
  }
}

/** Sends orders that rest, and returns what identifies the book. */
async function fill(cell: MarketCell, from: number, count: number): Promise<string> {
  const commands = Array.from({ length: count }, (_, index) =>
    place(from + index, index % 2 === 0 ? buy : sell, index % 2 === 0 ? 400 : 600, 10),
  );
  const reply = await cell.submit({ session: 5, commands });
  assert.equal(new Set(codes(reply)), new Set([""]));
  return (await cell.status()).digest;
}

test("an order rests, a crossing one trades, and both get their outcomes in units", () =>
  withCell({}, async (cell) => {
    const first = await cell.submit({ session: 9, commands: [place(1, sell, 500, 30)] });
    assert.is(first.refusal, null);
    assert.is(first.durability, 3);
    assert.is(first.epoch, 1);
    const [rest] = first.outcomes;
    assert.is(rest?.remaining, 30);
    assert.is(rest?.sequence, 2);
    assert.is(rest?.touch?.askPrice, 500);
    assert.is(rest?.touch?.askQuantity, 30);
    const second = await cell.submit({ session: 9, commands: [place(2, buy, 505, 50)] });
    const [taken] = second.outcomes;
    assert.is(taken?.executed, 30);
    assert.is(taken?.remaining, 20);
    assert.equal(
      taken?.fills?.map(({ makerOrderId, price, quantity }) => [makerOrderId, price, quantity]),
      [[rest?.orderId, 500, 30]],
    );
    const status = await cell.status();
    assert.is(status.orders, 2);
    assert.is(status.trades, 1);
    assert.is(status.volume, 30);
    assert.is(status.committed, 3);
    assert.is(status.acknowledgement.count, 2);
    const book = await cell.book();
    assert.equal(
      book.bids?.map((level) => [level.price, level.quantity, level.orders]),
      [[505, 20, 1]],
    );
    assert.equal(book.asks, []);
  }));

test("each bad command gets its own refusal and disturbs no other of the batch", () =>
  withCell({}, async (cell) => {
    const reply = await cell.submit({
      session: 9,
      commands: [
        place(1, buy, 501, 10),
        place(2, buy, 500, 15),
        place(3, buy, 500, 0),
        place(4, buy, -5, 10),
        place(5, buy, 2_000_000, 10),
        place(6, wire.market.v1.Side.SIDE_UNSPECIFIED, 500, 10),
        { number: 7, account: 7 },
        place(8, buy, 500, 10),
        cancel(9, 12345),
        { ...place(10, buy, 500, 10), account: 0 },
        place(11, buy, 500, 2_000_000),
      ],
    });
    assert.equal(codes(reply), [
      "price_off_tick",
      "quantity_off_lot",
      "quantity_not_positive",
      "price_not_positive",
      "price_out_of_band",
      "command_invalid",
      "command_invalid",
      "",
      "order_unknown",
      "account_invalid",
      "quantity_too_large",
    ]);
    for (const { refusal } of reply.outcomes) assert.ok(refusal === null || refusal?.reason);
    const { refusals } = await cell.status();
    assert.is(refusals["price_off_tick"], 1);
    assert.is(refusals["command_invalid"], 2);
  }));

test("garbage, empty and oversized requests are refused whole, and the market goes on", () =>
  withCell({}, async (cell) => {
    const garbage = await cell.submitBytes(new Uint8Array(100).fill(0xff));
    assert.is(garbage.refusal?.code, "malformed");
    const empty = await cell.submitBytes(new Uint8Array(0));
    assert.is(empty.refusal?.code, "malformed");
    const large = await cell.submitBytes(new Uint8Array(512 * 1024 + 1));
    assert.is(large.refusal?.code, "too_large");
    const many = Array.from({ length: 1_025 }, (_, index) => place(index + 1, buy, 500, 10));
    const tooMany = await cell.submit({ session: 1, commands: many });
    assert.is(tooMany.refusal?.code, "too_large");
    assert.equal(codes(await cell.submit({ session: 1, commands: [place(1, buy, 5, 10)] })), [""]);
  }));

test("a full command ring refuses the rest of the batch, which can be sent again", () => {
  const engine = new PortableEngine({ clock: systemClock(), commandCapacity: 8 });
  return withCell({ engine }, async (cell) => {
    const commands = Array.from({ length: 20 }, (_, index) => place(index + 1, buy, 500, 10));
    const reply = await cell.submit({ session: 3, commands });
    assert.equal(codes(reply), [...Array(8).fill(""), ...Array(12).fill("ring_full")]);
    const again = await cell.submit({ session: 3, commands: commands.slice(8, 16) });
    assert.equal(codes(again), Array(8).fill(""));
    assert.is((await cell.status()).refusals["ring_full"], 12);
  });
});

test("a halted market takes cancels only, also after a restart of its process", async () => {
  const first = await MarketCell.open();
  const { outcomes } = await first.submit({ session: 1, commands: [place(1, buy, 500, 10)] });
  assert.is(await first.command({ type: "halt", reason: "test" }), "");
  assert.is((await first.status()).state, "halted");
  const refused = await first.submit({ session: 1, commands: [place(2, buy, 500, 10)] });
  assert.equal(codes(refused), ["market_halted"]);
  await first.stop();
  const { broker, directory } = first;
  const second = await MarketCell.start({ broker, directory });
  await second.until((status) => status.state === "halted");
  const id = outcomes[0]?.orderId ?? 0;
  const reply = await second.submit({
    session: 1,
    commands: [cancel(3, id), place(4, buy, 5, 10)],
  });
  assert.equal(codes(reply), ["", "market_halted"]);
  assert.is(await second.command({ type: "resume", reason: "test" }), "");
  assert.is((await second.status()).state, "open");
  await second.stop();
  await first.end();
});

for (const fault of [
  { fault: "undecided_not_stored", reason: "timeout" },
  { fault: "undecided_stored", reason: "503" },
  { fault: "undecided_late", reason: "10158" },
  { fault: "wrong_tail" },
] as const) {
  test(`a block whose append ends ${fault.fault} is on the chain once, and its ack leaves after`, () =>
    withCell({}, async (cell) => {
      let faults = 3;
      cell.broker.appendFault = () => {
        if (faults === 0) return null;
        faults -= 1;
        return fault;
      };
      const digest = await fill(cell, 1, 10);
      cell.broker.deliverLate();
      assert.is(faults, fault.fault === "undecided_stored" ? 2 : 0);
      const after = await fill(cell, 11, 10);
      assert.is.not(digest, after);
      const status = await cell.status();
      assert.ok(status.journal.undecided >= 1);
      assert.is(status.epoch, 1);
      assert.is(status.restarts, 0);
      const chain = readChain(cell.broker, stream, subject);
      assert.is(chain.lastSequence, 21);
      assert.is(chain.dropped, 0);
    }));
}

test("an unreadable tail keeps a block undecided until it can be read", () =>
  withCell({}, async (cell) => {
    cell.broker.appendFault = () => ({ fault: "undecided_stored", reason: "timeout" });
    cell.broker.readFault = () => "unavailable";
    const pending = cell.submit({ session: 5, commands: [place(1, buy, 500, 10)] });
    await sleep(150);
    assert.is((await cell.status()).committed, 1);
    cell.broker.appendFault = () => null;
    cell.broker.readFault = () => null;
    assert.equal(codes(await pending), [""]);
    assert.is(readChain(cell.broker, stream, subject).lastSequence, 2);
  }));

test("a replicated ack waits for the journal, a durable one for the disk, a matched one for neither", async () => {
  for (const mode of ["matched", "durable", "replicated"] as const) {
    await withCell({ definition: { mode } }, async (cell) => {
      cell.memory?.setConnected(false);
      const pending = cell.submit({ session: 1, commands: [place(1, buy, 500, 10)] });
      if (mode === "replicated") {
        assert.is(await Promise.race([pending, sleep(200, "waits" as const)]), "waits");
      } else await pending;
      cell.memory?.setConnected(true);
      const reply = await pending;
      const promised = { matched: 1, durable: 2, replicated: 3 }[mode];
      assert.is(reply.durability, promised);
    });
  }
});

test("without a valid lease nothing is taken, and only what is committed is acknowledged", () =>
  withCell({ definition: { mode: "matched" } }, async (cell) => {
    cell.broker.appendFault = () => ({ fault: "undecided_not_stored", reason: "timeout" });
    const { ownership } = cell;
    // Valid when the order is taken, lapsed when its outcome could leave.
    ownership.lapseAfter(1);
    const pending = cell.submit({ session: 1, commands: [place(1, buy, 500, 10)] });
    await cell.until(({ matched }) => matched === 2);
    const refused = await cell.submit({ session: 1, commands: [place(2, buy, 500, 10)] });
    assert.is(refused.refusal?.code, "not_owner");
    assert.is(await Promise.race([pending, sleep(150, "waits" as const)]), "waits");
    cell.broker.appendFault = () => null;
    const reply = await pending;
    assert.is(reply.durability, 3);
  }));

test("orders are refused while what is safe stands still, cancels are still taken", () =>
  withCell({}, async (cell) => {
    const { outcomes } = await cell.submit({ session: 1, commands: [place(1, buy, 500, 10)] });
    cell.broker.appendFault = () => ({ fault: "undecided_not_stored", reason: "timeout" });
    const waiting = cell.submit({ session: 1, commands: [place(2, buy, 500, 10)] });
    await sleep(300);
    const refused = await cell.submit({
      session: 1,
      commands: [place(3, buy, 500, 10), cancel(4, outcomes[0]?.orderId ?? 0)],
    });
    assert.equal(codes(refused), ["not_durable", "not_durable"]);
    const taken = cell.submit({ session: 1, commands: [cancel(4, outcomes[0]?.orderId ?? 0)] });
    cell.broker.appendFault = () => null;
    assert.equal(codes(await waiting), [""]);
    assert.equal(codes(await taken), [""]);
    assert.is((await cell.status()).refusals["not_durable"], 2);
  }));

test("a crash between publish and ack loses nothing: the restarted actor finds its book", () =>
  withCell({}, async (cell) => {
    await fill(cell, 1, 6);
    let crashes = 1;
    cell.broker.appendFault = () => {
      if (crashes === 0) return null;
      crashes -= 1;
      throw new Error("the actor dies here");
    };
    const lost = cell.submit({ session: 8, commands: [place(1, buy, 450, 10)] });
    await lost.then(
      () => assert.unreachable("a reply without an ack"),
      () => {},
    );
    const status = await cell.until(({ state, restarts }) => state === "open" && restarts === 1);
    assert.is(status.epoch, 2);
    assert.is(status.restingOrders, 7);
    const again = await cell.submit({ session: 8, commands: [place(1, buy, 450, 10)] });
    assert.ok(again.outcomes[0]?.repeated);
    assert.is(again.outcomes[0]?.remaining, 10);
    const book = await cell.book();
    assert.equal(
      book.bids?.map((level) => [level.price, level.orders]),
      [
        [450, 1],
        [400, 3],
      ],
    );
    assert.is(readChain(cell.broker, stream, subject).dropped, 0);
  }));

test("a restarted process finds book and sessions, and a resend gets the first outcome", async () => {
  const first = await MarketCell.open();
  const digest = await fill(first, 1, 9);
  const reply = await first.submit({ session: 6, commands: [place(1, sell, 400, 20)] });
  const before = await first.status();
  await first.stop();
  const { broker, directory } = first;
  const second = await MarketCell.open({ broker, directory });
  const after = await second.status();
  assert.is.not(after.digest, digest);
  assert.is(after.digest, before.digest);
  assert.is(after.epoch, 2);
  const again = await second.submit({ session: 6, commands: [place(1, sell, 400, 20)] });
  assert.ok(again.outcomes[0]?.repeated);
  assert.is(again.outcomes[0]?.executed, reply.outcomes[0]?.executed);
  assert.is(again.outcomes[0]?.sequence, reply.outcomes[0]?.sequence);
  assert.is((await second.status()).digest, before.digest);
  await second.stop();
  await first.end();
});

test("a cell with an empty disk recovers a replicated market from the journal alone", async () => {
  const first = await MarketCell.open();
  await fill(first, 1, 9);
  const { digest } = await first.status();
  await first.stop();
  await withCell({ broker: first.broker }, async (second) => {
    assert.is((await second.status()).digest, digest);
    assert.is((await second.status()).restingOrders, 9);
    await fill(second, 10, 4);
  });
  const chain = readChain(first.broker, stream, subject);
  assert.equal([chain.lastSequence, chain.dropped], [14, 0]);
  await first.end();
});

test("a durable market waits for the disk that its last owner wrote", async () => {
  const first = await MarketCell.open({ definition: { mode: "durable" } });
  await fill(first, 1, 3);
  await first.stop();
  const options = { broker: first.broker, definition: { mode: "durable" as const } };
  const other = await MarketCell.start(options);
  const failed = await other.until(({ state }) => state === "standby");
  assert.match(failed.detail, "last owner wrote log");
  const reply = await other.submit({ session: 1, commands: [place(1, buy, 500, 10)] });
  assert.is(reply.refusal?.code, "market_stopped");
  await other.end();
  await withCell({ ...options, directory: first.directory }, async (again) => {
    assert.is((await again.status()).restingOrders, 3);
  });
  await first.end();
});

test("B9.7 C8 records that the chain has cut off are set aside with a report, never merged, and the journal is followed anew", async () => {
  const first = await MarketCell.open({ definition: { mode: "durable" } });
  await fill(first, 1, 3);
  await first.until(({ committed, matched }) => committed === matched);
  first.broker.appendFault = () => ({ fault: "undecided_not_stored", reason: "partition" });
  await fill(first, 4, 3);
  const stopping = first.stop();
  await stopping;
  const { broker, directory } = first;
  broker.appendFault = () => null;
  const chain = readChain(broker, stream, subject);
  const body = {
    market: "TEST",
    epoch: chain.epoch + 1,
    previousHash: chain.hash,
    holder: "us-east/other#1",
    log: "f".repeat(32),
  };
  const fence = { type: "fence" as const, ...body, hash: fenceHash(body) };
  broker.inject(stream, subject, encodeChainMessage(fence));
  const healed = await MarketCell.start({ broker, directory, definition: { mode: "durable" } });
  // Whoever fenced has another disk, and the market is durable: it is followed, not taken.
  const following = await healed.until(({ state }) => state === "standby");
  assert.equal([following.matched, following.journal.diverged], [4, 1]);
  assert.match(following.detail, "last owner wrote log");
  const aside = readdirSync(join(directory, "..")).filter((name) =>
    name.startsWith(`${basename(directory)}.diverged-`),
  );
  assert.is(aside.length, 1);
  const folder = join(directory, "..", aside[0] ?? "");
  const quarantined = readdirSync(folder).filter((name) => name.startsWith("quarantine-"));
  assert.equal(quarantined.sort(), ["quarantine-5-7.0.records", "quarantine-5-7.json"]);
  const told = readFileSync(join(folder, "quarantine-5-7.json"), "utf8");
  const report = divergenceReportSchema.parse(JSON.parse(told));
  const { accepted } = report;
  assert.equal(
    [report.market, report.first, report.last, accepted.lastSequence],
    ["TEST", 5, 7, 4],
  );
  assert.is(readChain(broker, stream, subject).epoch, chain.epoch + 1);
  await healed.stop();
  rmSync(folder, { recursive: true });
  await first.end();
});

test("a foreign fence ends the ownership; the restarted actor fences above it and goes on", () =>
  withCell({}, async (cell) => {
    await fill(cell, 1, 4);
    const chain = readChain(cell.broker, stream, subject);
    const body = {
      market: "TEST",
      epoch: 5,
      previousHash: chain.hash,
      holder: "us-east/other#1",
      log: "f".repeat(32),
    };
    const fence = { type: "fence" as const, ...body, hash: fenceHash(body) };
    cell.broker.inject(stream, subject, encodeChainMessage(fence));
    // Idle: only the tail check once a second can notice.
    const status = await cell.until(({ state, restarts }) => state === "open" && restarts === 1);
    assert.ok(status.epoch > 5);
    assert.is(status.restingOrders, 4);
    await fill(cell, 5, 2);
    assert.is(readChain(cell.broker, stream, subject).dropped, 0);
  }));

test("a block stored after a foreign fence is not acknowledged", () =>
  withCell({}, async (cell) => {
    await fill(cell, 1, 4);
    const chain = readChain(cell.broker, stream, subject);
    const body = {
      market: "TEST",
      epoch: 2,
      previousHash: chain.hash,
      holder: "us-east/other#1",
      log: "f".repeat(32),
    };
    const fence = { type: "fence" as const, ...body, hash: fenceHash(body) };
    let raced = false;
    cell.broker.appendFault = () => {
      if (raced) return null;
      raced = true;
      // Both pass the check of the expected tail; the fence is the first in the stream.
      cell.broker.inject(stream, subject, encodeChainMessage(fence));
      return { fault: "unchecked" };
    };
    const lost = cell.submit({ session: 8, commands: [place(1, buy, 450, 10)] });
    await lost.then(
      () => assert.unreachable("an ack for a dropped block"),
      () => {},
    );
    cell.ownership.refusal = {
      ok: false,
      failure: { code: "not_owner", reason: "us-east/other has it", next: "" },
    };
    const status = await cell.until(({ restarts }) => restarts >= 1);
    assert.is(status.journal.withheld, 1);
    assert.is.not(status.state, "open");
  }));

test("acknowledged blocks that JetStream loses are sent again, byte for byte", () =>
  withCell({}, async (cell) => {
    await fill(cell, 1, 4);
    await fill(cell, 5, 4);
    const before = cell.broker.messages(stream, subject).map(({ payload }) => Buffer.from(payload));
    cell.broker.loseSuffix(stream, 2);
    await cell.until(({ journal }) => journal.resent === 2);
    const after = cell.broker.messages(stream, subject).map(({ payload }) => Buffer.from(payload));
    assert.equal(after, before);
    await fill(cell, 9, 2);
    const status = await cell.status();
    assert.equal([status.epoch, status.restarts, status.committed], [1, 0, 11]);
  }));

test("a second copy of an accepted block means nothing", () =>
  withCell({}, async (cell) => {
    await fill(cell, 1, 4);
    const copy = cell.broker.messages(stream, subject).at(-1);
    if (copy === undefined) throw new Error("no block");
    cell.broker.inject(stream, subject, copy.payload);
    await fill(cell, 5, 4);
    const status = await cell.status();
    assert.equal([status.epoch, status.restarts], [1, 0]);
    assert.is(readChain(cell.broker, stream, subject).lastSequence, 9);
  }));

test("B9.3 a change of mode is journalled, holds once that is committed, and outlives the cell whatever the definition says", async () => {
  const first = await MarketCell.open();
  await fill(first, 1, 2);
  await first.stop();
  const { broker, directory } = first;
  const definition = { bandHigh: 700 };
  await withCell({ broker, directory, definition }, async (cell) => {
    assert.is((await cell.status()).matched, 4);
    assert.is(await cell.command({ type: "set_mode", mode: "matched" }), "");
    const status = await cell.until(({ mode }) => mode === "matched");
    assert.is(status.matched, 5);
    const reply = await cell.submit({ session: 7, commands: [place(1, sell, 705, 10)] });
    assert.equal(codes(reply), ["price_out_of_band"]);
    assert.is(reply.durability, 1);
    cell.broker.appendFault = () => ({ fault: "undecided_not_stored", reason: "timeout" });
    const changed = cell.command({ type: "set_mode", mode: "durable" });
    const after = cell.submit({ session: 7, commands: [place(2, sell, 695, 10)] });
    assert.is(await Promise.race([after, sleep(100, "waits" as const)]), "waits");
    cell.broker.appendFault = () => null;
    assert.is(await changed, "");
    assert.is((await after).durability, 2);
    const tick = await cell.command({
      type: "redefine",
      definition: { ...cell.definition, tick: 10 },
    });
    assert.is(tick, "definition_invalid");
  });
  await withCell({ broker, directory, definition }, async (cell) => {
    assert.is((await cell.status()).mode, "durable");
  });
  const other = await MarketCell.start({ broker, directory, definition: { tick: 10 } });
  const failed = await other.until(({ state }) => state === "failed");
  assert.match(failed.detail, "the journal was written with");
  await other.stop();
  await first.end();
});

test("B5.1 an auction is called and uncrossed by an operator; its phase and what it would trade are told, and a restart knows it", async () => {
  const first = await MarketCell.open();
  const { broker, directory } = first;
  assert.is(await first.command({ type: "set_phase", phase: "closing_auction" }), "");
  const gathered = await first.submit({
    session: 8,
    commands: [place(1, buy, 510, 30), place(2, sell, 500, 20)],
  });
  assert.equal(
    gathered.outcomes.map(({ executed }) => executed),
    [0, 0],
    "nothing is matched in a call",
  );
  const { state, phase, indication } = await first.status();
  assert.equal([state, phase], ["open", "closing_auction"]);
  assert.equal([indication.volume, indication.surplus], [20, 10]);
  assert.ok(indication.price >= 500 && indication.price <= 510, String(indication.price));
  await first.stop();
  await withCell({ broker, directory }, async (cell) => {
    assert.is((await cell.status()).phase, "closing_auction");
    assert.is(await cell.command({ type: "resume", reason: "uncross" }), "");
    const after = await cell.until(({ phase: now }) => now === "open");
    assert.equal(after.indication, { price: 0, volume: 0, surplus: 0 });
    const book = await cell.book();
    assert.equal(
      book.bids?.map((level) => level.quantity),
      [10],
      "what was left over",
    );
    assert.equal(book.asks, []);
    assert.is(await cell.command({ type: "halt", reason: "news" }), "");
    assert.equal([(await cell.status()).state, (await cell.status()).phase], ["halted", "halted"]);
  });
  await first.end();
});

test("safe events leave in blocks of slots, and market data is conflated", () =>
  withCell({}, async (cell) => {
    const data = new Map<string, Uint8Array[]>();
    const start = performance.now();
    cell.bus.subscribe("md.TEST.*", (name, payload) => {
      data.set(name, [...(data.get(name) ?? []), payload]);
    });
    for (let number = 1; number <= 200; number += 1) {
      await cell.submit({
        session: 1,
        commands: [place(2 * number, sell, 500, 10), place(2 * number + 1, buy, 500, 10)],
      });
    }
    await sleep(120);
    const most = Math.ceil((performance.now() - start) / 50) + 1;
    for (const kind of ["l1", "l2", "trades"]) {
      const messages = data.get(`md.TEST.${kind}`) ?? [];
      assert.ok(messages.length >= 1 && messages.length <= most, `${kind}: ${messages.length}`);
    }
    const last = wire.market.v1.L1.decode(data.get("md.TEST.l1")?.at(-1) ?? new Uint8Array());
    assert.equal([last.trades, last.volume, last.lastPrice], [200, 2000, 500]);
    const trades = (data.get("md.TEST.trades") ?? []).map((payload) =>
      wire.market.v1.Trades.decode(payload),
    );
    const seen = trades.reduce((sum, { trades: some, dropped }) => sum + some.length + dropped, 0);
    assert.is(seen, 200);
    const blocks = cell.broker.appended
      .filter((message) => message.subject === eventSubject("TEST", "block"))
      .map(({ payload }) => wire.market.v1.EventBlock.decode(payload));
    const events = blocks.reduce((sum, block) => sum + block.events.length / 64, 0);
    // accepted + touch, accepted + executed + touch, and configured at the start.
    assert.is(events, 200 * 5 + 1);
    assert.is(blocks.at(-1)?.last, 401);
  }));

test("a market that recovers or waits for another owner says so to its clients", async () => {
  const ownership = new TestOwnership();
  const reason = "us-east/other has it";
  ownership.refusal = { ok: false, failure: { code: "not_owner", reason, next: "" } };
  const cell = await MarketCell.start({ ownership });
  await cell.until(({ detail }) => detail === reason);
  const reply = await cell.submit({ session: 1, commands: [place(1, buy, 500, 10)] });
  assert.is(reply.refusal?.code, "market_stopped");
  assert.match(reply.refusal?.reason ?? "", reason);
  const book = await cell.book();
  assert.is(book.refusal?.code, "market_stopped");
  ownership.refusal = null;
  await cell.until(({ state }) => state === "open");
  await cell.end();
});

test("two cells that both believe to own the market never both commit", async () => {
  const broker = new MemoryBroker();
  const first = await MarketCell.open({ broker, ownership: new TestOwnership("eu/a#1") });
  await fill(first, 1, 4);
  const second = await MarketCell.open({ broker, ownership: new TestOwnership("us/b#1") });
  assert.is((await second.status()).restingOrders, 4);
  // The first has not noticed yet: whatever it takes now must not be acknowledged by it.
  first.ownership.refusal = {
    ok: false,
    failure: { code: "not_owner", reason: "us/b has it", next: "" },
  };
  const lost = first.submit({ session: 8, commands: [place(1, buy, 450, 10)] }, 5);
  await lost.then(
    () => assert.unreachable("an ack by an owner that was replaced"),
    () => {},
  );
  await fill(second, 5, 2);
  assert.is(readChain(broker, stream, subject).lastSequence, 7);
  await second.end();
  await first.end();
});

test("a halt in the system lane comes before the orders that wait, and a full mailbox does not refuse it", () =>
  // By the machine's clock a busy disk would stall the market, which is another refusal.
  withCell({ clock: slowClock() }, async (cell) => {
    const seconds = durationNs(60e9);
    const orders = Array.from({ length: MARKET_MAILBOX + 5 }, (_, index) => {
      const request = { session: 5, commands: [place(index + 1, buy, 400, 10)] };
      const payload = wire.market.v1.SubmitRequest.encode(request).finish();
      return cell.market.ask({ type: "submit", payload }, seconds);
    });
    const halt = { type: "halt", reason: "test" } as const;
    // In one turn, so that no order is worked on before.
    const [ordinary, halted] = await Promise.all([
      cell.market.ask(halt, seconds),
      cell.market.ask(halt, seconds, "system"),
    ]);
    assert.is(ordinary.ok ? "" : ordinary.failure.code, "busy");
    assert.ok(halted.ok && halted.value.type === "done" && halted.value.result.ok);
    const replies = (await Promise.all(orders)).flatMap((reply) =>
      reply.ok && reply.value.type === "payload"
        ? codes(wire.market.v1.SubmitReply.decode(reply.value.payload))
        : [reply.ok ? "" : reply.failure.code],
    );
    const count = (code: string): number => replies.filter((each) => each === code).length;
    assert.equal([count("busy"), count("market_halted")], [5, MARKET_MAILBOX]);
  }));

test.run();
