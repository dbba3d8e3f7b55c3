import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { type Addon, loadAddon, type RolledBack, type SnapshotPoint } from "../../native/addon.ts";
import { listSnapshots } from "../../native/portable/log-files.ts";
import { lockLog } from "../../native/portable/log-lock.ts";
import { type Recovery, recoverLog } from "../../native/portable/log-recovery.ts";
import { systemLogStorage } from "../../native/portable/log-storage.ts";
import { Market } from "../../native/portable/market.ts";
import { decodeCommand, readCommandFields } from "../../native/command-slots.ts";
import { layout } from "../../native/slots.ts";
import type { RecordHeader } from "../kernel/ports/matching-engine.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { type ChainReport, type CheckedChain, checkChain } from "./chain-check.ts";

/**
 * Looks into the write-ahead log of a market that nobody has open; `meridian journal` runs it:
 * `node actors/root/journal-tool.ts verify|dump|restore FOLDER …`. Prints one JSON value a line: rows
 * of a dump, what it is at ({"phase": …}), and a Result at the end. Changes nothing in the folder but its lock.
 */

interface SnapshotVerdict {
  readonly sequence: number;
  readonly verdict: "good" | "bad";
  /** Hash of the chain and digest of the state there; empty when the file is bad. */
  readonly hash: string;
  readonly digest: string;
  readonly reason: string;
}

interface LogReport {
  readonly folder: string;
  readonly engine: "native" | "portable";
  readonly records: number;
  readonly epoch: number;
  readonly time: string;
  readonly digest: string;
  readonly openOrders: number;
  /** A write that a crash stopped half way; the next start cuts it off. */
  readonly tornBytes: number;
  readonly tornFile: string;
  readonly snapshots: readonly SnapshotVerdict[];
  readonly chain: ChainReport;
  /** Records applied and how many in a second, reading and checking included. */
  readonly replayed: number;
  readonly perSecond: number;
}

interface RestoreReport {
  readonly folder: string;
  readonly sequence: number;
  readonly time: string;
  readonly digest: string;
  readonly openOrders: number;
  readonly logId: string;
  readonly into: string;
}

const timeOf = (nanoseconds: bigint): string =>
  `${new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, -1)}${String(nanoseconds % 1_000_000n).padStart(6, "0")}Z`;

const say = (value: unknown): void => {
  process.stdout.write(
    `${JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part))}\n`,
  );
};

/** For people who wait. */
const sayPhase = (phase: string): void => say({ phase });

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function damaged(failure: unknown): Result<never> {
  const { message } = failure as Error;
  return message.startsWith("trimmed: ")
    ? refuse("journal_trimmed", message, "take a later record, or a copy of the folder from before")
    : refuse("journal_damaged", message, "restore the folder from a copy");
}

/** Of the native engine: the whole log is replayed, and again from each snapshot. */
async function verifyNatively(
  addon: Addon,
  folder: string,
  chain: CheckedChain,
): Promise<Result<LogReport>> {
  let whole: RolledBack;
  const snapshots: SnapshotVerdict[] = [];
  try {
    sayPhase("replaying every record");
    whole = await addon.rollBack(folder, null, null, false);
    for (const sequence of await listSnapshots(folder)) {
      sayPhase(`replaying from the snapshot at record ${sequence}`);
      // At its own sequence a snapshot is what is restored, or it is named as a fault.
      const from = await addon.rollBack(folder, sequence, null, true);
      const there = await addon.rollBack(folder, sequence, null, false);
      const used = from.snapshot?.sequence === sequence ? from.snapshot : null;
      const reason = snapshotFault(used, there.digest, from.faults, chain);
      snapshots.push({
        sequence,
        verdict: reason === "" ? "good" : "bad",
        hash: used?.hash ?? "",
        digest: used?.digest ?? "",
        reason,
      });
    }
  } catch (failure) {
    return damaged(failure);
  }
  return ok({
    folder,
    engine: "native",
    records: whole.sequence,
    epoch: whole.epoch,
    time: timeOf(BigInt(whole.timestamp)),
    digest: whole.digest,
    openOrders: whole.openOrders,
    tornBytes: whole.cutBytes,
    tornFile: whole.cutFile,
    snapshots,
    chain: chain.report,
    replayed: whole.replayed,
    perSecond: Math.round((whole.replayed * 1e9) / Math.max(1, whole.elapsedNs)),
  });
}

/** Why a snapshot is none of this log; empty when it is one. */
function snapshotFault(
  used: SnapshotPoint | null,
  digest: string,
  faults: readonly string[],
  chain: CheckedChain,
): string {
  if (used === null || used.digest !== digest) {
    return faults[0] ?? `the log gives the digest ${digest} there`;
  }
  return chain.fits(used.sequence, used.hash) === false
    ? "its point is not on the chain of the seals"
    : "";
}

/** Of the portable engine, which knows no snapshots. */
async function verifyPortably(folder: string, chain: CheckedChain): Promise<Result<LogReport>> {
  sayPhase("replaying every record");
  const market = new Market();
  const started = performance.now();
  let found: Recovery;
  try {
    found = await recoverLog(
      systemLogStorage,
      nextTurn,
      folder,
      (view, offset, header) => {
        const fields = readCommandFields(view, offset + layout.record.command);
        market.applyRaw(fields, header.sequence, header.timestamp);
      },
      { repairs: false },
    );
  } catch (failure) {
    return damaged(failure);
  }
  const seconds = (performance.now() - started) / 1000;
  return ok({
    folder,
    engine: "portable",
    records: found.sequence,
    epoch: found.epoch,
    time: timeOf(found.timestamp),
    digest: market.digest().toString(16).padStart(16, "0"),
    openOrders: market.restingCount(),
    tornBytes: found.cutBytes,
    tornFile: found.cutFile,
    snapshots: [],
    chain: chain.report,
    replayed: found.sequence,
    perSecond: Math.round(found.sequence / Math.max(1e-6, seconds)),
  });
}

async function verify(folder: string): Promise<Result<LogReport>> {
  const addon = loadAddon();
  if (!addon.ok && addon.failure.code !== "addon_missing") return addon;
  let chain: CheckedChain;
  sayPhase("checking the chain of the seals");
  try {
    chain = await checkChain(folder);
  } catch (failure) {
    return damaged(failure);
  }
  return addon.ok ? verifyNatively(addon.value, folder, chain) : verifyPortably(folder, chain);
}

async function dump(folder: string, from: number, to: number): Promise<Result<{ rows: number }>> {
  let rows = 0;
  const row = (view: DataView, offset: number, { epoch, sequence, timestamp }: RecordHeader) => {
    if (sequence < from || sequence > to) return;
    rows += 1;
    const command = decodeCommand(view, offset + layout.record.command);
    say({ sequence, epoch, time: timeOf(timestamp), ...command });
  };
  try {
    await recoverLog(systemLogStorage, nextTurn, folder, row, { repairs: false });
  } catch (failure) {
    return damaged(failure);
  }
  return ok({ rows });
}

/** Where to stop: a sequence, or a time in nanoseconds. */
interface Target {
  readonly sequence: number | null;
  readonly timestamp: string | null;
}

/** Digits alone are a sequence. */
function targetOf(text: string): Result<Target> {
  if (/^\d{1,15}$/.test(text)) return ok({ sequence: Number(text), timestamp: null });
  const milliseconds = Date.parse(text);
  if (!Number.isNaN(milliseconds)) {
    // Everything up to the end of that millisecond.
    return ok({ sequence: null, timestamp: String(BigInt(milliseconds) * 1_000_000n + 999_999n) });
  }
  return refuse(
    "usage",
    `"${text}" is no sequence and no time`,
    "like 4711 or 2026-01-31T12:00:00Z",
  );
}

async function restore(
  folder: string,
  { sequence, timestamp }: Target,
  into: string,
): Promise<Result<RestoreReport>> {
  const to = sequence === null ? "that time" : `record ${sequence}`;
  const loaded = loadAddon();
  if (!loaded.ok) return loaded;
  try {
    sayPhase("replaying up to there");
    const there = await loaded.value.rollBack(folder, sequence, timestamp, true);
    if (there.sequence === 0) {
      return refuse(
        "journal_empty",
        `no record of ${folder} is at or before ${to}`,
        "take a later one",
      );
    }
    if (sequence !== null && there.sequence < sequence) {
      return refuse(
        "journal_too_short",
        `the log in ${folder} ends at record ${there.sequence}`,
        `restore --to ${there.sequence}`,
      );
    }
    sayPhase("copying");
    const logId = await loaded.value.copyLog(folder, into, there.sequence);
    sayPhase("replaying the copy");
    // What stands there now, read again.
    const copy = await loaded.value.rollBack(into, null, null, false);
    if (copy.digest !== there.digest) {
      return refuse("internal", `the copy has the digest ${copy.digest}`, "check the disk");
    }
    return ok({
      folder,
      sequence: there.sequence,
      time: timeOf(BigInt(there.timestamp)),
      digest: there.digest,
      openOrders: there.openOrders,
      logId,
      into,
    });
  } catch (failure) {
    return damaged(failure);
  }
}

async function run(): Promise<Result<unknown>> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { from: { type: "string" }, to: { type: "string" }, into: { type: "string" } },
  });
  const [verb, folder] = positionals;
  if (folder === undefined)
    return refuse("usage", "no log folder named", "meridian journal --help");
  if (!existsSync(join(folder, "log.id"))) {
    return refuse(
      "journal_missing",
      `there is no log in ${folder}: no file log.id`,
      "check the path",
    );
  }
  const target = targetOf(values.to ?? "0");
  if (!target.ok) return target;
  let release = (): void => {};
  try {
    const lock = lockLog(folder);
    release = () => lock.release();
  } catch (failure) {
    const { code, message } = failure as NodeJS.ErrnoException;
    // A copy on a medium that takes no writes has no other holder either.
    if (code !== "EROFS" && code !== "EACCES") {
      return refuse("journal_in_use", message, "stop the cell first, or copy the folder");
    }
  }
  try {
    const number = (text: string | undefined, otherwise: number): number =>
      text === undefined ? otherwise : Number(text);
    if (verb === "verify") return await verify(folder);
    if (verb === "dump")
      return await dump(folder, number(values.from, 1), number(values.to, 2 ** 53));
    return await restore(folder, target.value, values.into ?? "");
  } finally {
    release();
  }
}

say(await run());
