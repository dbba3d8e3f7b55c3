/**
 * One library in a process of its own, so that neither its heap nor its compiled code is another's:
 *
 *   node bench/actors/play.ts kernel|xstate|nact ACTORS MESSAGES CRASHES
 *
 * Prints one JSON object (playedSchema).
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

import { quantile } from "../bench.ts";
import { kernelSubject } from "./kernel.ts";
import { nactSubject } from "./nact.ts";
import type { Played, Sizes, Subject } from "./subject.ts";
import { xstateSubject } from "./xstate.ts";

const subjects: Readonly<Record<string, () => Promise<Subject>>> = {
  kernel: kernelSubject,
  xstate: xstateSubject,
  nact: nactSubject,
};

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

function memory(): { readonly heap: number; readonly process: number } {
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, process: rss };
}

const processorUs = (since: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return user + system;
};

/** The first actors and messages warm the compiler; they are not counted. */
const warmUp = 2_000;

async function play(make: () => Promise<Subject>, sizes: Sizes): Promise<Played> {
  const warm = await make();
  await warm.spawn(Math.min(warmUp, sizes.actors));
  await warm.messages(Math.min(warmUp * 10, sizes.messages));
  const subject = await make();
  const before = memory();
  const spawnRan = process.cpuUsage();
  const spawnBegun = performance.now();
  await subject.spawn(sizes.actors);
  const spawnPassedUs = ((performance.now() - spawnBegun) * 1e3) / sizes.actors;
  const spawnProcessorUs = processorUs(spawnRan) / sizes.actors;
  const after = memory();
  const messagesRan = process.cpuUsage();
  const messagesBegun = performance.now();
  await subject.messages(sizes.messages);
  const seconds = (performance.now() - messagesBegun) / 1e3;
  const messageProcessorNs = (processorUs(messagesRan) * 1e3) / sizes.messages;
  const crashes = new Float64Array(subject.crash === null ? 0 : sizes.crashes);
  for (let index = 0; subject.crash !== null && index < crashes.length; index += 1) {
    const begun = performance.now();
    await subject.crash();
    crashes[index] = (performance.now() - begun) * 1e3;
  }
  crashes.sort();
  return {
    spawned: sizes.actors,
    spawnProcessorUs,
    spawnPassedUs,
    heapBytes: (after.heap - before.heap) / sizes.actors,
    processBytes: (after.process - before.process) / sizes.actors,
    messages: sizes.messages,
    messagesPerSecond: sizes.messages / seconds,
    messageProcessorNs,
    crashP50Us: crashes.length === 0 ? null : quantile(crashes, 0.5),
    crashP99Us: crashes.length === 0 ? null : quantile(crashes, 0.99),
  };
}

const [name = "", ...numbers] = process.argv.slice(2);
const make = subjects[name];
const [actors = 0, messages = 0, crashes = 0] = numbers.map(Number);
if (make === undefined || !(actors > 0 && messages > 0 && crashes > 0)) {
  console.error(`usage: play.ts ${Object.keys(subjects).join("|")} ACTORS MESSAGES CRASHES`);
  process.exit(2);
}
console.log(JSON.stringify(await play(make, { actors, messages, crashes })));
// Nothing is kept running: a library's timers must not hold the process.
process.exit(0);
