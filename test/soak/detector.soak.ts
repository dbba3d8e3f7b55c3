import { setTimeout as sleep } from "node:timers/promises";

import type { SoakOptions } from "../soak.ts";
import { AlertingCell } from "../support/alerting-cell.ts";

const TRIALS = 20;
const DEFAULT_CLEAN_SECONDS = 600;
const TOLD_WITHIN_MS = 1_000;

/**
 * The latency detector end to end, over a real nats-server: `count` seconds (default ten minutes) of a
 * clean flow in which nothing may be told, then three microseconds planted twenty times, each told
 * within a second.
 */
export async function soak({ count }: SoakOptions): Promise<void> {
  const seconds = count ?? DEFAULT_CLEAN_SECONDS;
  const cell = await AlertingCell.start();
  const took: number[] = [];
  try {
    cell.flow();
    for (let second = 1; second <= seconds; second += 1) {
      await sleep(1_000);
      if (second % 60 === 0) console.log(`${second} s, ${cell.orders} orders, no alert`);
      const [alert] = cell.heard;
      if (alert !== undefined) {
        throw new Error(`after ${second} s without a plant: ${JSON.stringify(alert)}`);
      }
    }
    for (let trial = 0; trial < TRIALS; trial += 1) {
      const from = cell.heard.length;
      cell.plantDelay(3_000);
      const planted = performance.now();
      const raised = await cell.next(from, true, 30_000);
      took.push(Math.round(raised.atMs - planted));
      cell.plantDelay(0);
      await cell.next(from, false, 60_000);
      if (cell.heard.length !== from + 2) throw new Error("an alert was told more than once");
    }
  } finally {
    await cell.stop();
  }
  const sorted = took.sort((a, b) => a - b);
  const inTime = sorted.filter((ms) => ms < TOLD_WITHIN_MS).length;
  console.log(
    `clean for ${seconds} s; ${inTime} of ${TRIALS} told within a second, median ${sorted[TRIALS / 2]} ms, worst ${sorted.at(-1)} ms`,
  );
  if (inTime < TRIALS) throw new Error("an alert came too late");
}
