/**
 * Runs the peers beside our engine and prints a table.
 *
 *   node bench/peers/run.ts [--repeats N] [--quick] [--only NAME,NAME] [--record FILE]
 *
 * --record appends what was measured to FILE as one line of JSON.
 */
import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { BenchVoid } from "../bench.ts";
import { commit, floorLine, idleSpinner, machine, watchOthers } from "../machine.ts";
import { buildPrograms } from "../programs.ts";
import { measurePeers } from "./measure.ts";
import { type Peer, peers } from "./peers.ts";
import { checkLines, missingLines, workloadLines } from "./report.ts";
import { tableLines } from "./table.ts";

const MOST_REPEATS = 100;
const SPIN_MS = 1_000;

interface Request {
  readonly quick: boolean;
  readonly repeats: number;
  readonly chosen: readonly Peer[];
  readonly record: string | null;
}

/** What is asked for, or what is wrong with it. */
function readRequest(words: readonly string[]): Request | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...words],
      options: {
        repeats: { type: "string" },
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        record: { type: "string" },
      },
    }));
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
  const repeats = Number(values.repeats ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(repeats) || repeats < 1 || repeats > MOST_REPEATS) {
    return `--repeats takes a whole number from 1 to ${MOST_REPEATS}`;
  }
  const engines = values.only?.split(",") ?? peers.map(({ engine }) => engine);
  const unknown = engines.find((name) => !peers.some(({ engine }) => engine === name));
  if (unknown !== undefined) {
    return `there is no peer ${unknown}; one of ${peers.map(({ engine }) => engine).join(", ")}`;
  }
  if (values.quick && values.record !== undefined) {
    return "--quick measures nothing that is worth a --record";
  }
  return {
    quick: values.quick,
    repeats,
    chosen: peers.filter(({ engine }) => engines.includes(engine)),
    record: values.record ?? null,
  };
}

async function perform({ quick, repeats, chosen, record }: Request): Promise<number> {
  const host = machine();
  const at = commit();
  say(
    "machine",
    `${host.processor}, ${host.processors} processors, ${host.kernel}, Node ${host.node}`,
  );
  say("commit", at);
  try {
    await buildPrograms();
    const before = await idleSpinner(SPIN_MS);
    const others = watchOthers();
    const measured = await measurePeers({ quick, repeats }, chosen, (text) => console.error(text));
    const share = others();
    const after = await idleSpinner(SPIN_MS);
    sayAll("workload", workloadLines(measured));
    sayAll("checks", checkLines(measured));
    sayAll("missing", missingLines(measured));
    say(
      "table",
      "ns an operation, of the best repetition; × is how many times as fast ours is: best by best, then the median of the repetitions with the lowest and highest",
    );
    console.log(`\n${tableLines(measured).join("\n")}\n`);
    if (quick) say("note", "a quick run: its times mean nothing");
    say("noise", floorLine("before", before));
    say("", floorLine("after", after));
    say(
      "",
      `meanwhile others used ${share.others.toFixed(2)} of ${host.processors} processors, the hypervisor took ${share.stolen.toFixed(2)}; load average ${share.loadAverage.toFixed(1)} at the end`,
    );
    if (record !== null) {
      const compared = measured.compared.map(({ peer, rounds }) => ({
        peer: peer.name,
        version: peer.version,
        rounds,
      }));
      const missing = measured.missing.map(({ peer, reason }) => ({ peer: peer.name, reason }));
      appendFileSync(
        record,
        `${JSON.stringify({
          date: new Date().toISOString(),
          commit: at,
          machine: { ...host, floors: [before, after], share },
          compiler: measured.compiler,
          compared,
          missing,
        })}\n`,
      );
    }
    return measured.compared.length === 0 ? 1 : 0;
  } catch (cause) {
    if (!(cause instanceof BenchVoid)) throw cause;
    console.error(`void: ${cause.message}`);
    return 1;
  }
}

function sayAll(label: string, lines: readonly string[]): void {
  for (const [index, line] of lines.entries()) say(index === 0 ? label : "", line);
}

function say(label: string, text: string): void {
  console.log(`${label.padEnd(9)} ${text}`);
}

const request = readRequest(process.argv.slice(2));
if (typeof request === "string") {
  console.error(request);
  process.exitCode = 2;
} else {
  process.exitCode = await perform(request);
}
