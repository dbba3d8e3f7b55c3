import { join } from "node:path";

import { wire } from "../../schemas/messages.ts";
import { repository } from "../support/shared-data.ts";
import { isBlock, never, Scene } from "./scene.ts";
import type { SimulatedCell } from "./simulated-cell.ts";

/**
 * What an acknowledgement of each mode is worth: an order is acknowledged at the worst moment at which that
 * mode does it, then something happens, and the journal says in the end whether the order is there.
 */

const { DurabilityMode } = wire.market.v1;
const { MarketModeRequest } = wire.control.v1;
const modes = ["matched", "durable", "replicated"] as const;
type Mode = (typeof modes)[number];
const numbers = {
  matched: DurabilityMode.DURABILITY_MODE_MATCHED,
  durable: DurabilityMode.DURABILITY_MODE_DURABLE,
  replicated: DurabilityMode.DURABILITY_MODE_REPLICATED,
} as const;

/** What happens to the owner's region after the acknowledgement, until all is well again. */
type Event = (scene: Scene, owner: SimulatedCell) => Promise<void>;

const events: readonly (readonly [title: string, event: Event])[] = [
  ["the process is killed", async (scene, owner) => restarted(scene, owner, false)],
  ["the machine loses its power", async (scene, owner) => restarted(scene, owner, true)],
  ["all machines lose their power at once", allWithoutPower],
  ["the process stands still for 10 s and goes on", frozen],
  ["the region is cut off for 10 s", cutOff],
  ["the region is lost, another one takes its markets", lost],
];

/** A slow disk: what is not fsynced when a promise is made is seen not to be. */
const SLOW = 30_000;
const SESSION = 5;
const AWAY_S = 10;
const SETTLES_S = 10;

async function restarted(scene: Scene, owner: SimulatedCell, powerCut: boolean): Promise<void> {
  scene.down(owner, powerCut);
  recovered(scene, owner);
  scene.back(owner);
}

async function allWithoutPower(scene: Scene, owner: SimulatedCell): Promise<void> {
  for (const cell of scene.cells) scene.down(cell, true);
  recovered(scene, owner);
  for (const cell of scene.cells) scene.back(cell);
}

async function frozen(scene: Scene, owner: SimulatedCell): Promise<void> {
  owner.pause(true);
  recovered(scene, owner);
  await scene.seconds(AWAY_S);
  owner.resume();
}

async function cutOff(scene: Scene, owner: SimulatedCell): Promise<void> {
  const { network } = scene;
  const { site } = owner.machine;
  const others = network.sites.filter((one) => one !== site);
  for (const other of others) {
    network.cut(site, other, false);
    network.cut(other, site, false);
  }
  recovered(scene, owner);
  await scene.seconds(AWAY_S);
  for (const other of others) {
    network.heal(site, other);
    network.heal(other, site);
  }
}

async function lost(scene: Scene, owner: SimulatedCell): Promise<void> {
  scene.down(owner, true);
  recovered(scene, owner);
  await scene.seconds(5);
  const wish = { id: "lost", from: "eu", to: "us", requestedBy: "ann", acceptLoss: true };
  scene.operation("us", "failover", wire.region.v1.FailoverRequest.encode(wish).finish());
}

/** The journal can be reached again, and the disk is as fast as others. */
function recovered(scene: Scene, owner: SimulatedCell): void {
  scene.noTrouble();
  owner.machine.disk.slowness = 1;
}

/** Whether an order is acknowledged while the journal is out of reach. */
async function withoutJournal(mode: Mode): Promise<string> {
  const { scene } = await opened(mode);
  return (await acknowledged(scene, mode)) ? "acknowledged" : "not acknowledged";
}

async function outcome(mode: Mode, event: Event): Promise<string> {
  const { scene, owner } = await opened(mode);
  // Only an acknowledgement that has been given can be lost: as replicated none is without the journal.
  if (mode === "replicated") scene.noTrouble();
  if (!(await acknowledged(scene, mode))) throw new Error(`${mode}: no acknowledgement in time`);
  await event(scene, owner);
  // A process that stood still learns only then that it has been replaced.
  await scene.seconds(SETTLES_S);
  await scene.owner();
  return scene.commands().has(`${SESSION}:1`) ? "kept" : "lost";
}

async function opened(mode: Mode): Promise<{ scene: Scene; owner: SimulatedCell }> {
  const scene = await Scene.open("replicated", 21, false, "regions");
  const owner = await scene.owner();
  await changeMode(scene, mode);
  await scene.seconds(2);
  scene.trouble(isBlock, never, 100_000);
  if (mode === "matched") owner.machine.disk.slowness = SLOW;
  return { scene, owner };
}

async function acknowledged(scene: Scene, mode: Mode): Promise<boolean> {
  const asked = scene.placing(SESSION, [1], 0.4);
  await scene.seconds(0.3);
  const { answer } = asked;
  if (answer === undefined || answer === null) return false;
  if (answer.durability !== numbers[mode]) throw new Error(`${mode}: acknowledged otherwise`);
  return true;
}

async function changeMode(scene: Scene, mode: Mode): Promise<void> {
  const request = { market: scene.market, mode: numbers[mode], requestedBy: "ann" };
  const asked = scene.operation("eu", "market-mode", MarketModeRequest.encode(request).finish());
  await scene.until(scene.now + 10, () => asked.answer !== undefined);
  if (asked.answer === undefined || asked.answer === null) throw new Error("the mode stayed");
}

/** The rows: what happens, and what becomes of an acknowledged order in each mode. */
export async function survivalRows(): Promise<readonly (readonly string[])[]> {
  const rows: string[][] = [["the journal is out of reach"]];
  for (const mode of modes) rows[0]?.push(await withoutJournal(mode));
  for (const [title, event] of events) {
    const row = [title];
    for (const mode of modes) row.push(await outcome(mode, event));
    rows.push(row);
  }
  return rows;
}

export const survivesFile = join(repository, "regions", "SURVIVES.md");

/** Its text, as the simulation finds it now. */
export async function survivalPage(): Promise<string> {
  const rows = [
    ["then", ...modes.map((mode) => `\`${mode}\``)],
    ["", "", "", ""],
    ...(await survivalRows()),
  ];
  const widths = modes.length + 1;
  const width = Array.from({ length: widths }, (_, at) =>
    Math.max(...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[], fill: string): string =>
    `| ${cells.map((cell, at) => cell.padEnd(width[at] ?? 0, fill)).join(" | ")} |`;
  const table = rows.map((row, index) => line(row, index === 1 ? "-" : " "));
  return `# What each mode survives

Generated by \`node test/simulation/renew-survives.ts\`; \`test/simulation/mode-survival.test.ts\` fails when it is not what the simulation
finds. An order is acknowledged at the worst moment at which its market's mode gives an acknowledgement: nothing of it is in the
replicated journal yet in \`matched\` and \`durable\`, nothing on the disk in \`matched\`. Then something happens to the owner, and when all
is well again the journal says whether the order is there.

${table.join("\n")}

A \`durable\` market waits for its disk; it is taken by another region only when an operator was shown the loss and accepted it, which is
the last row. The same acknowledgements are judged on real servers, processes and networks by \`npm run soak -- region-drills\`
([test/regions](../test/regions/README.md)), and on disks that lose their power by \`npm run soak -- power-cut\`.
`;
}
