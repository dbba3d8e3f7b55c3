import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import type { OperationsVerb } from "../../schemas/subjects.ts";
import { isBlock, never, Scene } from "./scene.ts";
import type { SimulatedCell } from "./simulated-cell.ts";

/** Markets that change regions, played by real cells: one in each of three regions; M0 is at home in eu. */
const test = suite("takeover by another region");

const { AbortRequest, ApproveRequest, FailoverRequest, FailoverReply } = wire.region.v1;
type Asked = Partial<wire.region.v1.IFailoverRequest>;

const request = (from: string, to: string, more: Asked = {}): Uint8Array =>
  FailoverRequest.encode({ id: `${from}-${to}`, from, to, requestedBy: "ann", ...more }).finish();

async function answered(
  scene: Scene,
  region: string,
  verb: OperationsVerb,
  payload: Uint8Array,
): Promise<wire.region.v1.FailoverReply> {
  const asked = scene.operation(region, verb, payload, 20);
  await scene.until(scene.now + 21, () => asked.answer !== undefined);
  if (asked.answer === undefined || asked.answer === null) throw new Error(`${region} is silent`);
  return FailoverReply.decode(asked.answer);
}

const regionOf = async (scene: Scene): Promise<string> => (await scene.owner()).machine.region;

async function failoverIs(scene: Scene, region: string, state: string): Promise<void> {
  for (let look = 0; look < 200; look += 1) {
    const report = (await scene.reports()).find(({ name }) => name === region);
    if (report?.lastFailover?.state === state) return;
    await scene.seconds(0.1);
  }
  throw new Error(`the failover of ${region} has not become ${state}`);
}

/** Everybody follows M0 up to the journal's end. */
async function followed(scene: Scene): Promise<void> {
  await scene.seconds(1);
  for (const { report } of await scene.states()) {
    if (report?.state === "open") continue;
    assert.is(report?.state, "standby");
    assert.is(report?.standby?.sequence, scene.chain().lastSequence);
    assert.is(report?.standby?.lagRecords, 0);
    assert.ok((report?.standby?.lagMs ?? 1e9) < 1_000);
  }
}

test("B8.3 B9.4 every other region follows a market with its whole book, and says how far behind it is", async () => {
  const scene = await Scene.open("replicated", 1, false, "regions");
  for (const number of [1, 2, 3]) assert.is((await scene.place(1, [number]))?.outcomes.length, 1);
  await followed(scene);
  const digests = scene.cells.map((cell) => cell.opened.get("M0")?.progress().digest);
  assert.is(new Set(digests).size, 1, digests.join(" "));
  assert.is(digests.length, 3);
  assert.equal(await scene.end(), []);
});

for (const [how, fault] of [
  ["is killed", (cell: SimulatedCell) => cell.crash(false)],
  ["loses its power", (cell: SimulatedCell) => cell.crash(true)],
  ["is frozen", (cell: SimulatedCell) => cell.pause(true)],
] as const) {
  test(`B8.3 B9.4 another region takes a replicated market when its cell ${how}, and a resend gets its first outcome`, async () => {
    const scene = await Scene.open("replicated", 2, false, "regions");
    const first = await scene.owner();
    const before = await scene.place(1, [1, 2]);
    assert.is(before?.outcomes.length, 2);
    await scene.seconds(1);
    const at = scene.now;
    first.held = true;
    fault(first);
    const after = await scene.place(1, [1, 2, 3], 20);
    assert.ok(scene.now - at < 9, `${scene.now - at} s`);
    assert.equal(
      after?.outcomes.slice(0, 2).map(({ sequence, repeated }) => [sequence, repeated]),
      before?.outcomes.map(({ sequence }) => [sequence, true]),
    );
    assert.is.not(await regionOf(scene), "eu");
    // Back again, the home follows; it takes nothing from an owner that lives.
    const epoch = scene.chain().epoch;
    first.resume();
    scene.back(first);
    await scene.seconds(6);
    assert.is(scene.chain().epoch, epoch);
    await followed(scene);
    assert.equal(await scene.end(), []);
  });
}

test("B9.7 one region at a time takes: of two that could, the one whose turn it is", async () => {
  for (const seed of [11, 12, 13, 14]) {
    const scene = await Scene.open("replicated", seed, false, "regions");
    const first = await scene.owner();
    await scene.seconds(1);
    scene.down(first);
    assert.is((await scene.place(1, [1], 20))?.outcomes.length, 1);
    await scene.seconds(3);
    assert.is(scene.journal().filter(({ message }) => message.type === "fence").length, 2);
    assert.equal(await scene.end(), []);
  }
});

test("B9.7 a gap without a leader of the leases is nobody's silence: no market changes its owner", async () => {
  const scene = await Scene.open("replicated", 3, false, "regions");
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  scene.jetstream.loseLeaders(6e9, 8e9);
  await scene.seconds(12);
  assert.is((await scene.place(1, [2], 20))?.epoch, 1);
  assert.is(await regionOf(scene), "eu");
  assert.equal(await scene.end(), []);
});

test("B9.3 a durable market waits for its disk; an operator who accepts the loss has it taken, and the tail is reported", async () => {
  const scene = await Scene.open("durable", 4, false, "regions");
  const first = await scene.owner();
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  await scene.seconds(1);
  scene.trouble(isBlock, never, 1_000);
  assert.is((await scene.place(1, [2]))?.outcomes.length, 1);
  scene.down(first);
  scene.noTrouble();
  await scene.seconds(8);
  assert.is(scene.chain().epoch, 1, "nobody takes it by itself");
  const plan = await answered(scene, "us", "failover", request("eu", "us", { dryRun: true }));
  assert.is(plan.plan?.planned ?? false, false);
  const found = plan.plan?.markets?.find(({ market }) => market === "M0");
  assert.match(found?.loss ?? "", "on the disks of eu alone");
  const refused = await answered(scene, "us", "failover", request("eu", "us"));
  assert.is(refused.refusal?.code, "failover_refused");
  assert.is(scene.chain().epoch, 1);
  const begun = await answered(scene, "us", "failover", request("eu", "us", { acceptLoss: true }));
  assert.is(begun.status?.state, "running");
  await failoverIs(scene, "us", "done");
  assert.is(await regionOf(scene), "us");
  scene.back(first);
  await scene.seconds(4);
  const reports = first.machine.disk
    .paths("")
    .filter((path) => /M0\.diverged-.*quarantine-3-3\.json$/.test(path));
  assert.is(reports.length, 1, "the acknowledged order that was given up is in a report");
  await scene.well();
});

test("B9.4 a durable market whose disk comes back goes on there, with everything that was acknowledged", async () => {
  const scene = await Scene.open("durable", 5, false, "regions");
  const first = await scene.owner();
  await scene.seconds(1);
  scene.trouble(isBlock, never, 1_000);
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  scene.down(first, true);
  scene.noTrouble();
  await scene.seconds(8);
  scene.back(first);
  assert.is((await scene.place(1, [2], 20))?.outcomes.length, 1);
  assert.is(await regionOf(scene), "eu");
  await scene.seconds(1);
  assert.is(scene.chain().lastSequence, 3);
  assert.equal(await scene.end(), []);
});

for (const mode of ["replicated", "durable"] as const) {
  test(`B9.4 planned moves of a ${mode} market and the way back lose nothing, and each pause is below a second`, async () => {
    const scene = await Scene.open(mode, 6, false, "regions");
    await scene.seconds(1);
    let number = 0;
    for (const [from, to] of [
      ["eu", "us"],
      ["us", "eu"],
      ["eu", "ap"],
      ["ap", "eu"],
    ] as const) {
      // Only what is at home, or was moved here: us keeps its own market when it gives M0 back.
      const began = await answered(scene, from, "failover", request(from, to));
      assert.is(began.refusal?.reason ?? "", "");
      const asked = scene.now;
      number += 1;
      assert.is((await scene.place(1, [number], 20))?.outcomes.length, 1);
      assert.ok(scene.now - asked < 1, `${from} to ${to}: ${scene.now - asked} s`);
      await failoverIs(scene, from, "done");
      assert.is(await regionOf(scene), to);
      const status = (await scene.reports()).find(({ name }) => name === from)?.lastFailover;
      assert.ok((status?.longestPauseMs ?? 1e9) < 1_000, JSON.stringify(status));
    }
    assert.equal(await scene.end(), []);
  });
}

test("B9.4 a move that cannot drain leaves the market where it is, open", async () => {
  const scene = await Scene.open("durable", 7, false, "regions");
  await scene.seconds(1);
  scene.trouble(isBlock, never, 1_000);
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  await answered(scene, "eu", "failover", request("eu", "us"));
  await failoverIs(scene, "eu", "failed");
  scene.noTrouble();
  assert.is((await scene.place(1, [2], 20))?.epoch, 1);
  assert.is(await regionOf(scene), "eu");
  assert.equal(await scene.end(), []);
});

test("B9.4 a move is aborted until the market's last record is written: the market goes on at once, and can be moved later", async () => {
  const scene = await Scene.open("durable", 10, false, "regions");
  await scene.seconds(1);
  scene.trouble(isBlock, never, 1_000);
  assert.is((await scene.place(1, [1]))?.outcomes.length, 1);
  await answered(scene, "eu", "failover", request("eu", "us"));
  await scene.seconds(1);
  const asked = scene.now;
  const wish = { id: "eu-us", requestedBy: "operator", reason: "not today" };
  const answer = await answered(scene, "eu", "failover-abort", AbortRequest.encode(wish).finish());
  assert.is(answer.refusal?.code, undefined);
  await failoverIs(scene, "eu", "aborted");
  assert.ok(scene.now - asked < 1, `it drained for ${scene.now - asked} s more`);
  scene.noTrouble();
  assert.is((await scene.place(1, [2], 20))?.epoch, 1);
  assert.is(await regionOf(scene), "eu");
  await answered(scene, "eu", "failover", request("eu", "us", { id: "later" }));
  await failoverIs(scene, "eu", "done");
  assert.is(await regionOf(scene), "us");
  assert.ok(((await scene.place(1, [3], 20))?.epoch ?? 0) > 1);
  assert.equal(await scene.end(), []);
});

test("B9.4 a failover is refused with the reason: a region that lives is not taken from, one that is unknown not moved to", async () => {
  const scene = await Scene.open("replicated", 8, false, "regions");
  await scene.seconds(1);
  for (const [region, from, to, why] of [
    ["us", "eu", "us", "eu is alive: send the request to ops.eu.failover"],
    ["eu", "eu", "mars", "mars does not answer"],
    ["eu", "eu", "eu", "eu is both regions"],
    ["ap", "eu", "us", "ap is neither eu nor us"],
  ] as const) {
    const { refusal } = await answered(scene, region, "failover", request(from, to));
    assert.is(refusal?.code, "failover_refused");
    assert.match(refusal?.reason ?? "", why);
  }
  const unknown = ApproveRequest.encode({ id: "nothing", approvedBy: "bob" }).finish();
  assert.is((await answered(scene, "eu", "approve", unknown)).refusal?.code, "failover_unknown");
  assert.equal(await scene.end(), []);
});

test("B9.4 in the production profile another person has to approve a failover before anything moves", async () => {
  const scene = Scene.of("replicated", 9, false, "regions");
  for (const { machine } of scene.cells) machine.profile = "production";
  await scene.begin();
  await scene.well();
  await scene.seconds(1);
  const asked = await answered(scene, "eu", "failover", request("eu", "us"));
  assert.is(asked.plan?.approvalNeeded, true);
  assert.is(asked.status?.state, "awaiting_approval");
  await scene.seconds(3);
  assert.is(await regionOf(scene), "eu");
  const abort = (id: string): Promise<wire.region.v1.FailoverReply> =>
    answered(
      scene,
      "eu",
      "failover-abort",
      AbortRequest.encode({ id, requestedBy: "bob", reason: "not today" }).finish(),
    );
  assert.is((await abort("another")).refusal?.code, "failover_unknown");
  assert.is((await abort("eu-us")).status?.state, "aborted");
  assert.is((await abort("eu-us")).refusal?.code, "failover_unknown", "it is over");
  await answered(scene, "eu", "failover", request("eu", "us", { id: "again" }));
  const approve = (approvedBy: string): Promise<wire.region.v1.FailoverReply> =>
    answered(scene, "eu", "approve", ApproveRequest.encode({ id: "again", approvedBy }).finish());
  assert.is((await approve("ann")).refusal?.code, "same_person");
  assert.is(await regionOf(scene), "eu");
  assert.is((await approve("bob")).status?.approvedBy, "bob");
  await failoverIs(scene, "eu", "done");
  assert.is(await regionOf(scene), "us");
  assert.equal(await scene.end(), []);
});

test.run();
