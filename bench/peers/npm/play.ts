/**
 * One repetition of workload W through one npm package:
 *   node bench/peers/npm/play.ts PACKAGE LIVE BLOCK OPERATIONS
 * Prints one JSON object, times in nanoseconds. One run: the adds that fill the book warm the
 * compiler, the clock is read around each operation (next to nothing of what one costs here), and
 * trades are kept and folded into the hash afterwards.
 */
import { quantile } from "../../bench.ts";
import { PackedTrades } from "../../workloads/packed.ts";
import { WorkloadW } from "../../workloads/w.ts";
import { NpmBook, npmPackages, step, type Step } from "./book.ts";

const [name, ...numbers] = process.argv.slice(2);
const [live = 0, block = 0, operations = 0] = numbers.map(Number);
const found = npmPackages.find((one) => one === name);
if (found === undefined || numbers.length !== 3 || !(live > 0 && block > 0 && operations > 0)) {
  console.error(`usage: play.ts ${npmPackages.join("|")} LIVE BLOCK OPERATIONS`);
  process.exit(2);
}

const workload = new WorkloadW({ live, block });
const preload: Step[] = [];
for (let add = workload.preload(); add !== null; add = workload.preload()) preload.push(step(add));
const timed = Array.from({ length: operations }, () => step(workload.next()));

let trades = new PackedTrades(0);
const book = new NpmBook(found, (...trade) => trades.add(...trade));
for (const one of preload) book.apply(one);

trades = new PackedTrades(workload.checksum.trades);
const latencies = new Float64Array(operations);
const ran = process.threadCpuUsage();
const start = performance.now();
let before = start;
for (let index = 0; index < operations; index += 1) {
  book.apply(timed[index] as Step);
  const now = performance.now();
  latencies[index] = now - before;
  before = now;
}
const { user, system } = process.threadCpuUsage(ran);
const checksum = trades.checksum();
if (checksum.hash !== workload.checksum.hash || checksum.trades !== workload.checksum.trades) {
  console.error(
    `${checksum.trades} trades with hash ${checksum.hash}, where ${workload.checksum.trades} with ${workload.checksum.hash} were due: the result is void`,
  );
  process.exit(1);
}
latencies.sort();
const nanoseconds = (share: number): number => Math.round(quantile(latencies, share) * 1e6);
console.log(
  JSON.stringify({
    operations,
    trades: checksum.trades,
    volume: checksum.volume,
    hash: checksum.hash,
    passed: ((before - start) * 1e6) / operations,
    processor: ((user + system) * 1e3) / operations,
    p50: nanoseconds(0.5),
    p99: nanoseconds(0.99),
    p999: nanoseconds(0.999),
    maximum: nanoseconds(1),
  }),
);
