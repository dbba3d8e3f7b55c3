import { readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { repository } from "../support/shared-data.ts";
import { isBlock, never, Scene } from "./scene.ts";

/**
 * What an acknowledgement of each mode is worth: an order is acknowledged at the worst moment at which that
 * mode does it, then something happens, and the journal says in the end whether the order is there.
 */
const test = suite("what each mode survives");

const { DurabilityMode } = wire.market.v1;
const { MarketModeRequest } = wire.control.v1;
const modes = ["matched", "durable", "replicated"] as const;
type Mode = (typeof modes)[number];
const numbers = {
  matched: DurabilityMode.DURABILITY_MODE_MATCHED,
  durable: DurabilityMode.DURABILITY_MODE_DURABLE,
  replicated: DurabilityMode.DURABILITY_MODE_REPLICATED,
} as const;

const outOfReach = "the journal is out of reach";
const faults = [
  outOfReach,
  "the process is killed",
  "the machine loses its power",
  "the region is lost, another one takes its markets",
] as const;

/** A slow disk: what is not fsynced when a promise is made is seen not to be. */
const SLOW = 30_000;
const SESSION = 5;

async function outcome(mode: Mode, fault: (typeof faults)[number]): Promise<string> {
  const scene = await Scene.open("replicated", 21, false, "regions");
  const first = await scene.owner();
  await changeMode(scene, mode);
  await scene.seconds(2);
  // Only an acknowledgement that has been given can be lost: as replicated none is without the journal.
  if (fault === outOfReach || mode !== "replicated") scene.trouble(isBlock, never, 100_000);
  if (mode === "matched") first.machine.disk.slowness = SLOW;
  const asked = scene.placing(SESSION, [1], 0.4);
  await scene.seconds(0.3);
  const isTold = asked.answer !== undefined && asked.answer !== null;
  if (isTold) assert.is(asked.answer?.durability, numbers[mode]);
  if (fault === outOfReach) return isTold ? "acknowledged" : "not acknowledged";
  assert.ok(isTold, `${mode}: no acknowledgement in time`);
  scene.down(first, fault !== "the process is killed");
  scene.noTrouble();
  first.machine.disk.slowness = 1;
  if (fault.startsWith("the region")) await takenBy(scene, "us");
  else scene.back(first);
  await scene.owner();
  await scene.seconds(2);
  return scene.commands().has(`${SESSION}:1`) ? "kept" : "lost";
}

async function changeMode(scene: Scene, mode: Mode): Promise<void> {
  const request = { market: scene.market, mode: numbers[mode], requestedBy: "ann" };
  const asked = scene.operation("eu", "market-mode", MarketModeRequest.encode(request).finish());
  await scene.until(scene.now + 10, () => asked.answer !== undefined);
  assert.ok(asked.answer);
}

async function takenBy(scene: Scene, to: string): Promise<void> {
  await scene.seconds(5);
  const wish = { id: "lost", from: "eu", to, requestedBy: "ann", acceptLoss: true };
  scene.operation(to, "failover", wire.region.v1.FailoverRequest.encode(wish).finish());
}

test("B9.3 the table of what each mode survives is what the simulation finds", async () => {
  const rows: string[] = [];
  for (const fault of faults) {
    const cells: string[] = [];
    for (const mode of modes) cells.push(await outcome(mode, fault));
    rows.push([fault, ...cells].join(" | "));
  }
  const readme = readFileSync(join(repository, "actors", "market", "README.md"), "utf8");
  const written = readme
    .split("\n")
    .filter((line) => faults.some((fault) => line.startsWith(`| ${fault}`)))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((part) => part.trim())
        .join(" | "),
    );
  assert.equal(written, rows);
});

test.run();
