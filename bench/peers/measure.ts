import { z } from "zod";
import { type BenchOptions, BenchVoid } from "../bench.ts";
import { runBridge } from "../bridge.ts";
import { runProgram } from "../programs.ts";
import { narrow, narrowCases } from "../workloads/w.ts";
import { type Peer, peers } from "./peers.ts";
import { PeerFailure, type Played, playedSchema, type Toolchain } from "./toolchains.ts";

/** A peer's repetitions, each with the run of our engine that came just before it. */
export interface Compared {
  readonly peer: Peer;
  readonly rounds: readonly Round[];
}
export interface Round {
  readonly peer: Played;
  readonly engine: Played;
  /** Nanoseconds an order from JavaScript and back, in the same repetition; null: not compared. */
  readonly bridge: number | null;
}

export interface Missing {
  readonly peer: Peer;
  readonly reason: string;
}

export interface Measured {
  readonly compared: readonly Compared[];
  /** Peers that could not be run, or did not trade as stated, and why. */
  readonly missing: readonly Missing[];
  /** What compiled our engine, and how. */
  readonly compiler: string;
}

/** Operations of the quick form. */
const QUICK_OPERATIONS = 1_000;

/** Set to 1, it lets the quick form build what has to be compiled, which takes minutes. */
const PEERS_VARIABLE = "MERIDIAN_PEERS";

/** What the peers are measured against. */
export interface Ours {
  /** As many operations of W narrow through the engine alone, and what compiled it. */
  engine(operations: number): Promise<{ readonly played: Played; readonly compiler: string }>;
  /** Nanoseconds an order from JavaScript and back. */
  bridge(quick: boolean): Promise<number>;
}

/**
 * Builds what is chosen and can be built, then repeats: the bridge, then for each peer our engine
 * and the peer, back to back on the same operations. Throws BenchVoid when ours is wrong.
 */
export async function measurePeers(
  { quick, repeats }: Pick<BenchOptions, "quick" | "repeats">,
  chosen: readonly Peer[] = peers,
  say: (text: string) => void = () => {},
  ours: Ours = { engine: playEngine, bridge: playBridge },
): Promise<Measured> {
  const missing: Missing[] = [];
  const running = new Map<Peer, Round[]>();
  for (const toolchain of new Set(chosen.map((peer) => peer.toolchain))) {
    say(`building the peers of ${toolchain.language}`);
    const reason = await buildReason(toolchain, quick);
    for (const peer of chosen.filter((one) => one.toolchain === toolchain)) {
      if (reason === null) running.set(peer, []);
      else missing.push({ peer, reason });
    }
  }
  let compiler = "";
  for (let repeat = 1; repeat <= repeats && running.size > 0; repeat += 1) {
    let bridged: number | null = null;
    if ([...running.keys()].some((peer) => peer.bridge !== null)) {
      say(`repetition ${repeat} of ${repeats}: the bridge`);
      bridged = await ours.bridge(quick);
    }
    for (const [peer, rounds] of running) {
      say(`repetition ${repeat} of ${repeats}: ${peer.name}`);
      const operations = quick ? QUICK_OPERATIONS : peer.operations;
      const engine = await ours.engine(operations);
      compiler = engine.compiler;
      try {
        const played = await peer.toolchain.play(peer.engine, narrow, operations);
        demandStated(played);
        const crossing = peer.bridge === null ? null : bridged;
        rounds.push({ peer: played, engine: engine.played, bridge: crossing });
      } catch (cause) {
        if (!(cause instanceof PeerFailure)) throw cause;
        running.delete(peer);
        missing.push({ peer, reason: cause.message });
      }
    }
  }
  const compared = [...running].map(([peer, rounds]) => ({ peer, rounds }));
  return { compared, missing, compiler };
}

async function buildReason(toolchain: Toolchain, quick: boolean): Promise<string | null> {
  if (quick && toolchain.language !== "npm" && process.env[PEERS_VARIABLE] !== "1") {
    return `the quick form leaves ${toolchain.language} out unless ${PEERS_VARIABLE}=1`;
  }
  return await toolchain.build();
}

const counts = { operations: true, trades: true, volume: true, hash: true } as const;
const engineSchema = z.object({
  compiler: z.string(),
  repetitions: z.tuple([playedSchema.omit(counts)]),
  ...playedSchema.pick(counts).shape,
});

async function playEngine(operations: number): ReturnType<Ours["engine"]> {
  const words = ["narrow", "--operations", String(operations), "--repetitions", "1"];
  const printed = await runProgram("engine_workload", words);
  const { compiler, repetitions, ...traded } = engineSchema.parse(JSON.parse(printed));
  const played = { ...traded, ...repetitions[0] };
  try {
    demandStated(played);
  } catch (cause) {
    throw new BenchVoid(`our engine: ${String(cause)}`);
  }
  return { played, compiler };
}

/** Throws PeerFailure unless the trades are those that are stated for as many operations. */
function demandStated({ operations, trades, volume, hash }: Played): void {
  const stated = narrowCases.find((one) => one.operations === operations);
  if (stated?.trades === trades && stated.volume === volume && stated.hash === hash) return;
  throw new PeerFailure(
    `${trades} trades, volume ${volume}, hash ${hash} in ${operations} operations are not as stated`,
  );
}

const BRIDGE_FIGURE = "orders of W";

/** The bridge's own bench checks its trades; it always plays 2,000,000 operations, 1,000 if quick. */
async function playBridge(quick: boolean): Promise<number> {
  const { figures } = await runBridge({ quick, repeats: 1, file: null });
  const [perSecond] = figures.find(({ name }) => name === BRIDGE_FIGURE)?.values ?? [];
  if (perSecond === undefined) throw new BenchVoid(`the bridge gives no figure ${BRIDGE_FIGURE}`);
  return 1e9 / perSecond;
}
