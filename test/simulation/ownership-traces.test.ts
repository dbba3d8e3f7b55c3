import { suite } from "uvu";
import * as assert from "uvu/assert";

import { type ChainMessage, isHandover } from "../../actors/kernel/accepted-chain.ts";
import { wire } from "../../schemas/messages.ts";
import { leaseBucket } from "../../schemas/subjects.ts";
import { isBlock, isFence, never, Scene } from "./scene.ts";

/**
 * The counterexamples that model checks of the ownership protocol found in earlier versions of it, each
 * played by real cells. `mutants/rules.ts` shows of each that it fails without its rule.
 */
const traces = suite("ownership traces");

/** A hunt for a defect that one trace has to find runs that one only. */
const wanted = process.env["MERIDIAN_TRACE"] ?? "";
function test(title: string, body: () => Promise<void>): void {
  if (wanted === "" || title.includes(`${wanted} `)) traces(title, body);
}

const { MarketModeRequest } = wire.control.v1;
const { DurabilityMode } = wire.market.v1;
const durabilities = {
  durable: DurabilityMode.DURABILITY_MODE_DURABLE,
  replicated: DurabilityMode.DURABILITY_MODE_REPLICATED,
} as const;
const isHandoverMessage = (message: ChainMessage): boolean =>
  message.type === "fence" && isHandover(message);
const moveRequest = (id: string, from: string, to: string): Uint8Array =>
  wire.region.v1.FailoverRequest.encode({ id, from, to, requestedBy: "operator" }).finish();
const modeRequest = (market: string, mode: keyof typeof durabilities): Uint8Array =>
  MarketModeRequest.encode({ market, mode: durabilities[mode], requestedBy: "operator" }).finish();

test("B6.2 C1 a resend is answered no earlier than the order itself, and the next owner executes it once", async () => {
  const scene = await Scene.open("replicated");
  const first = await scene.owner();
  // Of several cells any may get a request, and only the owner's engine sees the resend.
  for (const cell of scene.others(first)) scene.down(cell);
  scene.trouble(isBlock, never, 1_000);
  const asked = scene.placing(1, [1], 30);
  // Before the market counts as stalled, so that the engine sees the resend.
  await scene.seconds(0.1);
  const again = scene.placing(1, [1], 30);
  await scene.seconds(2);
  assert.equal([asked.answer, again.answer], [undefined, undefined]);
  for (const cell of scene.others(first)) scene.back(cell);
  await scene.seconds(1);
  scene.down(first);
  scene.noTrouble();
  await scene.until(scene.now + 30, () => again.answer !== undefined);
  assert.is(again.answer?.outcomes[0]?.refusal ?? null, null);
  assert.ok((await scene.owner()) !== first);
  assert.equal(await scene.end(), []);
});

test("B6.2 C2 a block that is acknowledged behind a foreign fence is not acknowledged to its client", async () => {
  const scene = await Scene.open("replicated");
  const first = await scene.owner();
  // Checked before the fence, stored behind it, and acknowledged to an owner that has just woken up.
  scene.trouble(isBlock, { kind: "unchecked", after: 8e9 });
  const asked = scene.placing(1, [1], 12);
  assert.ok(await scene.attempted(isBlock));
  first.pause(true);
  await scene.seconds(7.9);
  first.resume();
  await scene.seconds(1);
  assert.ok(asked.answer === undefined || asked.answer === null || asked.answer.epoch !== 1);
  const dropped = scene.journal().filter(({ accepted }) => !accepted);
  assert.equal(
    dropped.map(({ message }) => [message.type, message.epoch]),
    [["block", 1]],
  );
  assert.equal(await scene.end(), []);
});

for (const frozen of [true, false]) {
  test(`B6.2 C3 an owner that ${frozen ? "wakes up" : "is awake"} and finds another tail builds nothing on top of it`, async () => {
    const scene = await Scene.open("replicated");
    const first = await scene.owner();
    scene.trouble(isBlock, { kind: "late", by: frozen ? 9e9 : 1e9 });
    scene.placing(1, [1], 12);
    assert.ok(await scene.attempted(isBlock));
    if (frozen) {
      first.pause(true);
      await scene.seconds(7);
      first.resume();
    } else {
      // Its lease is good: only the journal can tell that it has been replaced.
      scene.fenceOfStranger(2);
    }
    await scene.seconds(5);
    const fence = scene.journal().findIndex(({ message }) => message.epoch === 2);
    assert.ok(fence > 0, "another cell has fenced");
    const behind = scene.journal().slice(fence);
    assert.equal(
      behind.filter(({ message }) => message.epoch === 1),
      [],
    );
    assert.equal(await scene.end(), []);
  });
}

for (const powerCut of [false, true]) {
  test(`B6.2 C4 ${powerCut ? "a power cut" : "a crash"} between own fences loses no durable order, whatever of them lands late`, async () => {
    const scene = await Scene.open("durable");
    const owner = await scene.owner();
    scene.trouble(isBlock, { kind: "late", by: 0.3e9 });
    scene.trouble(isBlock, never, 1_000);
    const reply = await scene.place(1, [1, 2]);
    assert.is(reply?.outcomes.length, 2);
    assert.is((await scene.place(1, [3]))?.outcomes.length, 1);
    await scene.seconds(1);
    scene.down(owner, powerCut);
    scene.noTrouble();
    scene.trouble(isFence, { kind: "late", by: 2e9 });
    scene.back(owner);
    assert.ok(await scene.attempted(isFence));
    scene.down(owner, powerCut);
    await scene.seconds(3);
    assert.is(scene.chain().epoch, 2);
    scene.back(owner);
    await scene.well();
    assert.is((await scene.owner()).machine.name, owner.machine.name);
    assert.is(scene.chain().lastSequence, 4);
    assert.equal(await scene.end(), []);
  });
}

test("B6.2 C5 a cell that claimed a durable market while nothing was fenced looks again before its fence", async () => {
  // What an owner on another disk has written, and acknowledged as durable.
  const other = await Scene.open("durable", 2);
  const written = other.journal().map(({ payload }) => payload);
  const scene = Scene.of("durable");
  scene.trouble(isFence, never, 1_000);
  await scene.begin();
  await scene.until(scene.now + 10, () => scene.fencer(1) !== undefined);
  scene.fencer(1)?.pause(false);
  await scene.until(scene.now + 20, () => scene.fencer(2) !== undefined);
  const second = scene.fencer(2);
  assert.ok(second !== undefined && second !== scene.fencer(1), "another cell has claimed");
  assert.equal(scene.journal(), []);
  for (const payload of written) {
    scene.jetstream.store(scene.stream).store(scene.subject, payload);
  }
  scene.noTrouble();
  await scene.seconds(8);
  assert.equal([scene.journal().length, scene.chain().epoch], [written.length, 1]);
  const { report } = (await scene.states()).find(({ cell }) => cell === second) ?? {};
  assert.match(report?.detail ?? "", "last owner wrote log");
});

test("B6.2 C5 nobody fences a durable market whose disk is away", async () => {
  const scene = await Scene.open("durable");
  const first = await scene.owner();
  const [second] = scene.others(first);
  if (second === undefined) throw new Error("no second cell");
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  scene.trouble(isBlock, never, 1_000);
  assert.is((await scene.place(1, [2]))?.outcomes.length, 1);
  scene.down(first);
  await scene.seconds(8);
  // Silent and fenced: everybody else may have claimed by now, and nobody may fence.
  assert.is(scene.journal().filter(({ message }) => message.type === "fence").length, 1);
  const { report } = (await scene.states()).find(({ cell }) => cell === second) ?? {};
  assert.match(report?.detail ?? "", "last owner wrote log");
  scene.noTrouble();
  scene.back(first);
  await scene.well();
  assert.is(scene.chain().lastSequence, 3);
  assert.equal(await scene.end(), []);
});

for (const [from, to] of [
  ["durable", "replicated"],
  ["replicated", "durable"],
] as const) {
  test(`B6.2 C6 after a change from ${from} to ${to} nothing is acknowledged before the change is accepted`, async () => {
    const scene = await Scene.open(from);
    const owner = await scene.owner();
    for (const cell of scene.others(owner)) scene.down(cell);
    assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
    scene.trouble(isBlock, never, 1_000);
    scene.operation("eu", "market-mode", modeRequest(scene.market, to), 2);
    await scene.seconds(1);
    const during = scene.placing(2, [1], 2);
    await scene.seconds(2.5);
    assert.is(during.answer, null, "nothing leaves while the change is not accepted");
    scene.down(owner);
    scene.noTrouble();
    // Blocks of the next epoch do not get through, the change of mode among them.
    scene.trouble((message) => message.type === "block" && message.epoch > 1, never, 1_000);
    scene.back(owner);
    await scene.seconds(5);
    const asked = scene.placing(1, [2], 60);
    await scene.seconds(5);
    assert.is(asked.answer, undefined);
    scene.noTrouble();
    await scene.until(scene.now + 30, () => asked.answer !== undefined);
    assert.is(asked.answer?.outcomes.length, 1);
    assert.is(asked.answer?.durability, durabilities[to], "the ack names its mode");
    assert.equal(await scene.end(), []);
  });
}

for (const [how, fate, downAfter, accepted] of [
  ["never lands", null, 4, []],
  ["lands behind that fence", { kind: "unchecked", after: 12e9 }, 4, [false]],
  ["lands while its writer is down", { kind: "late", by: 2e9 }, 0.5, [true]],
] as const) {
  test(`B6.2 C7 while the fate of a HANDOVER is unknown no order is taken before a new fence: it ${how}`, async () => {
    const scene = await Scene.open("durable", 1, false, "regions");
    const first = await scene.owner();
    assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
    await scene.seconds(1);
    if (fate !== null) scene.trouble(isHandoverMessage, fate);
    scene.trouble(isHandoverMessage, never, 1_000);
    scene.operation("eu", "failover", moveRequest("move-1", "eu", "us"), 5);
    assert.ok(await scene.attempted(isHandoverMessage));
    const held = scene.placing(2, [1], downAfter * 0.9);
    await scene.seconds(downAfter);
    assert.is(
      held.answer ?? null,
      null,
      "nothing is acknowledged behind a HANDOVER that may have landed",
    );
    scene.down(first);
    await scene.seconds(3);
    scene.back(first);
    assert.is((await scene.place(3, [1], 30))?.outcomes.length, 1);
    await scene.seconds(8);
    const handovers = scene.journal().filter(({ message }) => isHandoverMessage(message));
    assert.equal(
      handovers.map((entry) => entry.accepted),
      accepted,
    );
    assert.is((await scene.place(3, [2], 30))?.outcomes.length, 1);
    assert.equal(await scene.end(), []);
  });
}

test("B6.2 C7 a HANDOVER that is accepted ends the epoch for its writer as well, and the target takes the durable market", async () => {
  const scene = await Scene.open("durable", 1, false, "regions");
  await scene.owner();
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  await scene.seconds(1);
  // Stored, and not acknowledged: it is read back.
  scene.trouble(isHandoverMessage, { kind: "silent", stored: true });
  scene.operation("eu", "failover", moveRequest("move-1", "eu", "us"), 30);
  await scene.until(scene.now + 20, () => scene.chain().epoch === 3);
  assert.equal(
    scene.journal().map(({ message, accepted }) => [message.type, message.epoch, accepted]),
    [
      ["fence", 1, true],
      ["block", 1, true],
      ["block", 1, true],
      ["fence", 2, true],
      ["fence", 3, true],
    ],
  );
  assert.is((await scene.owner()).machine.region, "us");
  assert.is((await scene.place(1, [2], 20))?.epoch, 3);
  assert.equal(await scene.end(), []);
});

for (const wrote of [true, false]) {
  test(`B6.2 C8 a healed owner reports what the chain has cut off, ${wrote ? "may own again" : "also when its taker has written nothing"}`, async () => {
    const scene = await Scene.open("replicated");
    const first = await scene.owner();
    scene.trouble((message) => message.type === "block" && message.epoch === 1, never, 1_000);
    const lost = scene.placing(1, [1], 2);
    await scene.seconds(1);
    scene.down(first);
    if (!wrote) scene.trouble(isBlock, never, 1_000);
    if (wrote) assert.is((await scene.place(2, [1], 20))?.outcomes.length, 1);
    else await scene.until(scene.now + 20, () => scene.chain().epoch === 2);
    assert.ok(lost.answer === undefined || lost.answer === null);
    scene.back(first);
    await scene.seconds(2.5);
    const reports = first.machine.disk
      .paths("")
      .filter((path) => /quarantine-\d+-\d+\.json$/.test(path));
    assert.is(reports.length, 1, first.machine.disk.paths("").join(" "));
    assert.equal(await scene.end(), []);
    assert.is(scene.quarantines, 1);
  });
}

test("B6.2 C9 an idle owner that was fenced notices it within three seconds", async () => {
  const scene = await Scene.open("replicated");
  const first = await scene.owner();
  scene.fenceOfStranger(5);
  await scene.seconds(3);
  await scene.well();
  assert.ok(scene.chain().epoch > 5, `epoch ${scene.chain().epoch}`);
  assert.is((await scene.owner()).machine.name, first.machine.name);
  assert.equal(await scene.end(), []);
});

test("B6.2 C9 an idle owner whose acknowledged blocks JetStream forgot sends them again within three seconds", async () => {
  const scene = await Scene.open("replicated", 1, true);
  for (const number of [1, 2, 3]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  const before = scene.chain().lastSequence;
  scene.jetstream.loseSuffix(scene.stream, 2);
  await scene.seconds(3);
  assert.equal([scene.chain().lastSequence, scene.chain().epoch], [before, 1]);
  assert.equal(await scene.end(), []);
});

/** How soon a paused cell ends its markets is a matter of chance: some of these come to their fence before. */
for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(`B6.2 C10 a fence is not written with an epoch that the journal has passed (seed ${seed})`, async () => {
    const scene = await Scene.open("replicated", seed);
    const first = await scene.owner();
    // The taker's fence is on its way for so long that another cell fences the taker and takes first.
    scene.trouble((message) => message.type === "fence" && message.epoch === 2, {
      kind: "late",
      by: 20e9,
    });
    scene.down(first);
    const fence = (): string => {
      const tried = scene.attempts.find(({ type, epoch }) => type === "fence" && epoch === 2);
      return tried?.type === "fence" ? tried.holder : "";
    };
    await scene.until(scene.now + 15, () => fence() !== "");
    const taker = scene.cells.find((cell) => fence().startsWith(`eu/${cell.machine.name}#`));
    if (taker === undefined) throw new Error("nobody fences");
    taker.pause(false);
    await scene.seconds(12);
    taker.resume();
    await scene.seconds(10);
    assert.is(scene.chain().epoch, 3);
    const epochs = scene.journal().map(({ message }) => message.epoch);
    assert.equal(
      epochs,
      [...epochs].sort((a, b) => a - b),
    );
    assert.equal(await scene.end(), []);
  });
}

test("B6.2 C11 with the leases and the journal's tail both lost the market waits for an operator", async () => {
  const scene = await Scene.open("replicated", 1, true);
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  for (const cell of scene.cells) scene.down(cell);
  scene.jetstream.loseSuffix(`KV_${leaseBucket}`, 100_000);
  scene.jetstream.loseSuffix(scene.stream, 100_000);
  for (const cell of scene.cells) {
    cell.machine.disk.lose();
    scene.back(cell);
  }
  const details = new Set<string>();
  for (let look = 0; look < 60; look += 1) {
    await scene.seconds(0.37);
    for (const { report } of await scene.states()) {
      assert.is.not(report?.state, "open");
      details.add(report?.detail ?? "");
    }
  }
  assert.match([...details].join("\n"), "is missing although the shard has had an owner");
  assert.equal(scene.journal(), []);
});

test("B6.2 C12 a stored root that has come to lie off the chain is not followed", async () => {
  const scene = await Scene.open("replicated", 1, true);
  const first = await scene.owner();
  for (const cell of scene.others(first)) scene.down(cell);
  for (const number of [1, 2]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  await scene.seconds(4);
  scene.down(first);
  const last = scene.journal().at(-1);
  if (last === undefined) throw new Error("no journal");
  // JetStream forgets both orders; another cell fences; a late copy of the last block gets its old number.
  scene.jetstream.loseSuffix(scene.stream, 2);
  for (const cell of scene.others(first)) scene.back(cell);
  await scene.until(scene.now + 20, () => scene.chain().epoch === 2);
  assert.is(scene.jetstream.store(scene.stream).store(scene.subject, last.payload), last.at);
  for (const cell of scene.others(first)) scene.down(cell);
  scene.back(first);
  await scene.owner();
  assert.is((await scene.place(2, [1], 20))?.outcomes.length, 1);
  assert.equal(await scene.end(), []);
});

test("B6.2 C13 an owner whose block is stored behind a gap notices that it stands off the chain", async () => {
  const scene = await Scene.open("replicated", 1, true);
  const first = await scene.owner();
  for (const number of [1, 2]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  const before = scene.journal();
  // A block is on its way; JetStream forgets the one below it, and a fence takes its number.
  scene.trouble(isBlock, { kind: "late", by: 2e9 });
  scene.placing(1, [3], 30);
  assert.ok(await scene.attempted(isBlock));
  scene.jetstream.loseSuffix(scene.stream, 1);
  scene.fenceOfStranger(5);
  assert.is(scene.journal().length, before.length);
  await scene.until(scene.now + 3, () => scene.journal().length > before.length);
  assert.equal(
    scene
      .journal()
      .slice(-2)
      .map(({ message, accepted }) => [message.type, message.epoch, accepted]),
    [
      ["fence", 5, true],
      ["block", 1, false],
    ],
  );
  // Nobody else may act: it has to notice by itself.
  for (const cell of scene.others(first)) scene.down(cell);
  await scene.until(scene.now + 10, () => scene.chain().epoch > 5);
  assert.ok(scene.chain().epoch > 5, `epoch ${scene.chain().epoch}`);
  assert.equal(await scene.end(), []);
});

test("B6.2 a second copy of an accepted block that is stored late is no loss, and no fork is followed", async () => {
  const scene = await Scene.open("replicated");
  const first = await scene.owner();
  for (const number of [1, 2, 3]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  const copy = scene.journal().find(({ message }) => isBlock(message));
  if (copy === undefined) throw new Error("no block");
  scene.jetstream.store(scene.stream).store(scene.subject, copy.payload);
  // Should anything be sent again, only the first of it gets through before the owner dies.
  assert.is(scene.journal().filter(({ accepted }) => !accepted).length, 1);
  const sent = scene.attempts.length;
  scene.trouble(({ type }) => type === "block" && scene.attempts.length > sent + 1, never, 1_000);
  await scene.seconds(6);
  scene.down(first);
  scene.noTrouble();
  scene.back(first);
  await scene.well();
  assert.is((await scene.place(1, [4]))?.outcomes.length, 1);
  assert.equal(await scene.end(), []);
});

test("B6.2 a cell that waits for a market starts anew when JetStream forgets what it has read", async () => {
  const scene = await Scene.open("replicated", 1, true);
  const first = await scene.owner();
  for (const number of [1, 2]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  await scene.seconds(4);
  scene.down(first);
  scene.jetstream.loseSuffix(scene.stream, 2);
  await scene.seconds(15);
  // The orders that JetStream forgot are in the logs of those who had read them.
  assert.is(scene.chain().lastSequence, 3);
  assert.ok(scene.chain().epoch >= 2);
  assert.equal(await scene.end(), []);
});

test("B6.2 a cell that has read what JetStream then forgot and gave numbers again fences on no fork", async () => {
  const scene = await Scene.open("replicated", 1, true);
  const first = await scene.owner();
  const [second, third] = scene.others(first);
  if (second === undefined || third === undefined) throw new Error("three cells");
  scene.down(third);
  for (const number of [1, 2]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  await scene.seconds(4);
  scene.down(first);
  scene.jetstream.loseSuffix(scene.stream, 2);
  second.pause(true);
  scene.back(third);
  await scene.until(scene.now + 20, () => scene.chain().epoch === 2);
  for (const number of [1, 2, 3]) {
    assert.is((await scene.place(2, [number], 20))?.outcomes.length, 1);
  }
  scene.down(third);
  second.resume();
  assert.is((await scene.place(3, [1], 60))?.outcomes.length, 1);
  assert.equal(await scene.end(), []);
});

traces.run();
