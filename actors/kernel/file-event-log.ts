import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";

import {
  batchAt,
  decodeSnapshot,
  encodeBatch,
  encodeSnapshot,
  type EventPlace,
  type SnapshotFile,
} from "./event-batches.ts";
import { logFull, staleEpoch, trimmed, wrongSequence } from "./event-log-refusals.ts";
import type { SnapshotLog } from "./ports/event-log.ts";
import type { Log } from "./ports/log.ts";
import { type Failure, ok, type Result } from "./result.ts";
import { SystemFiles } from "./system-files.ts";
import { epoch as epochOf } from "./units.ts";

/** What is known of a log's file. */
interface Index {
  readonly path: string;
  /** Events before the first one in the file: snapshots have taken their place. */
  base: number;
  /** Highest epoch that has written. */
  epoch: number;
  /** Where the content of each event lies. */
  events: EventPlace[];
  /** End of the last batch that is kept. */
  end: number;
  /** An append failed: what lies behind the end, synced or not, does not count and is cut off. */
  suspect: boolean;
}

export interface FileEventLogOptions {
  /** Folder of the logs, made when missing. Only one process may use it at a time. */
  readonly directory: string;
  /** Most events in the file of one log; what a snapshot has taken the place of is not counted. */
  readonly capacity: number;
  readonly log: Log;
}

const files = new SystemFiles();
const lastOf = (index: Index): number => index.base + index.events.length;
const snapshotPath = (index: Index): string => index.path.replace(/\.events$/, ".snapshot");
const earlierPath = (index: Index): string => `${snapshotPath(index)}.earlier`;

/**
 * Event logs as files, fsynced at each append: they survive a crash of the process and a loss of
 * power, not the loss of the disk. An append is one batch, kept as a whole or not at all. A torn
 * batch at the end, left by a crash before the append was acknowledged, is cut off when the log is
 * first used; damage before the end, a lost end and a second writer make every call fail, for a wrong
 * state is worse than none. A log is `NAME.events`; its last two snapshots are `NAME.snapshot` and
 * `NAME.snapshot.earlier`, and only events after the earlier one are in the file.
 */
export function fileEventLog(options: FileEventLogOptions): SnapshotLog {
  const indices = new Map<string, Index>();
  /** The last call of each log that is under way: calls of one log go one after another. */
  const turns = new Map<string, Promise<unknown>>();

  /** Runs the calls of a log in turn; what is thrown, by the disk or by damage, is `unavailable`. */
  function inTurn<T>(log: string, call: (index: Index) => Promise<Result<T>>): Promise<Result<T>> {
    const guarded = async (): Promise<Result<T>> => {
      try {
        const index = indices.get(log) ?? (await openLog(options, log));
        indices.set(log, index);
        if (index.suspect) await cutOff(index);
        return await call(index);
      } catch (error) {
        return { ok: false, failure: unavailable(log, error) };
      }
    };
    const turn = (turns.get(log) ?? Promise.resolve()).then(guarded);
    turns.set(log, turn);
    void turn.then(() => {
      if (turns.get(log) === turn) turns.delete(log);
    });
    return turn;
  }

  return {
    append: (log, expected, events, epoch = epochOf(0)) =>
      inTurn(log, async (index) => {
        if (epoch < index.epoch) return staleEpoch(log, index.epoch, epoch);
        const last = lastOf(index);
        if (last !== expected) return wrongSequence(log, last, expected);
        if (index.events.length + events.length > options.capacity) {
          return logFull(log, index.events.length, options.capacity);
        }
        if (events.length > 0) await appendBatch(index, encodeBatch(events, epoch));
        return ok(lastOf(index));
      }),
    read: (log, after, limit) =>
      inTurn(log, async (index) => {
        if (after < index.base) return trimmed(log, index.base + 1);
        const from = after - index.base;
        return ok(await contentsOf(index, index.events.slice(from, from + limit)));
      }),
    storeSnapshot: (log, { sequence, state }, epoch = epochOf(0)) =>
      inTurn(log, async (index) => {
        if (epoch < index.epoch) return staleEpoch(log, index.epoch, epoch);
        const last = lastOf(index);
        if (last !== sequence) return wrongSequence(log, last, sequence);
        // When it throws, which steps were done is found out by opening the files anew.
        indices.delete(log);
        await storeSnapshot(index, { sequence, epoch, state });
        indices.set(log, index);
        return ok(undefined);
      }),
    readSnapshot: (log) =>
      inTurn(log, async (index) => {
        const newest = await newestSnapshot(index, options.log);
        if (newest !== null) return ok({ sequence: newest.sequence, state: newest.state });
        if (index.base === 0) return ok(null);
        throw new Error(`${index.path} begins at ${index.base + 1}, and no snapshot is whole`);
      }),
  };
}

const unavailable = (log: string, error: unknown): Failure => ({
  code: "unavailable",
  reason: `${log}: ${error instanceof Error ? error.message : String(error)}`,
  next: "read the log again; see to the disk when it stays so",
});

async function openLog({ directory, log }: FileEventLogOptions, name: string): Promise<Index> {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}$/.test(name)) {
    throw new RangeError(`not the name of an event log: ${JSON.stringify(name.slice(0, 128))}`);
  }
  await mkdir(directory, { recursive: true });
  const path = join(directory, `${name}.events`);
  await synced(path, "a", async () => {});
  // The new file itself is durable only when its folder is.
  await synced(directory, "r", async () => {});
  const content = await readFile(path);
  const index = indexOf(path, content);
  const newest = await newestSnapshot(index, log);
  if (newest !== null && newest.sequence > lastOf(index)) {
    throw new Error(`${path} has lost its end: a snapshot knows event ${newest.sequence}`);
  }
  index.epoch = Math.max(index.epoch, newest?.epoch ?? 0);
  if (index.end === content.length) return index;
  for (let at = index.end + 1; at < content.length; at += 1) {
    if (batchAt(content, at) === null) continue;
    throw new Error(`damaged between bytes ${index.end} and ${at} of ${path}`);
  }
  const cut = content.length - index.end;
  log.warn({ path, events: index.events.length, cut }, "a torn batch was cut off an event log");
  await cutOff(index);
  return index;
}

function indexOf(path: string, content: Buffer): Index {
  const index: Index = { path, base: 0, epoch: 0, events: [], end: 0, suspect: false };
  for (let batch = batchAt(content, 0); batch !== null; batch = batchAt(content, index.end)) {
    if (index.end === 0 && batch.base !== null) index.base = batch.base;
    for (const place of batch.events) index.events.push(place);
    index.epoch = Math.max(index.epoch, batch.epoch);
    index.end += batch.size;
  }
  return index;
}

/** Makes the file end where the log ends. */
async function cutOff(index: Index): Promise<void> {
  await synced(index.path, "r+", async (file) => {
    const { size } = await file.stat();
    if (size < index.end) throw new Error(`${index.path} is shorter than it was`);
    await file.truncate(index.end);
  });
  index.suspect = false;
}

async function appendBatch(index: Index, batch: Buffer): Promise<void> {
  await synced(index.path, "r+", async (file) => {
    const { size } = await file.stat();
    if (size !== index.end) throw new Error(`${index.path} has changed: ${size} bytes`);
    index.suspect = true;
    const { bytesWritten } = await file.write(batch, 0, batch.length, index.end);
    if (bytesWritten !== batch.length) throw new Error(`the disk took ${bytesWritten} bytes only`);
  });
  index.suspect = false;
  const { events = [], epoch = 0 } = batchAt(batch, 0) ?? {};
  for (const { at, length } of events) index.events.push({ at: index.end + at, length });
  index.epoch = Math.max(index.epoch, epoch);
  index.end += batch.length;
}

/**
 * Each step leaves a state that can be opened: the newest snapshot becomes the earlier one, the new
 * one takes its place, and at last the events that only older snapshots need are left behind.
 */
async function storeSnapshot(index: Index, snapshot: SnapshotFile): Promise<void> {
  const before = await readSnapshotFile(snapshotPath(index));
  if (before !== null) await rename(snapshotPath(index), earlierPath(index));
  await files.replace(snapshotPath(index), encodeSnapshot(snapshot));
  index.epoch = snapshot.epoch;
  const base = before?.sequence ?? index.base;
  if (base === index.base) return;
  const events = await contentsOf(index, index.events.slice(base - index.base));
  const batches = [encodeBatch([], index.epoch, base), ...inBatches(events, index.epoch)];
  const content = Buffer.concat(batches);
  await files.replace(index.path, content);
  const replaced = indexOf(index.path, content);
  index.base = replaced.base;
  index.events = replaced.events;
  index.end = replaced.end;
}

/** One event a batch is always small enough, for each came in a batch. */
const inBatches = (events: readonly Uint8Array[], epoch: number): Buffer[] =>
  events.map((event) => encodeBatch([event], epoch));

async function newestSnapshot(index: Index, log: Log): Promise<SnapshotFile | null> {
  for (const path of [snapshotPath(index), earlierPath(index)]) {
    const found = await readSnapshotFile(path);
    if (found !== null && found.sequence >= index.base) return found;
    if (found === null && (await files.read(path)) !== null) {
      log.warn({ path }, "a snapshot is damaged; the one before it is used");
    }
  }
  return null;
}

async function readSnapshotFile(path: string): Promise<SnapshotFile | null> {
  const content = await files.read(path);
  return content === null ? null : decodeSnapshot(Buffer.from(content));
}

async function contentsOf(index: Index, places: readonly EventPlace[]): Promise<Uint8Array[]> {
  const [first] = places;
  const last = places.at(-1);
  if (first === undefined || last === undefined) return [];
  const content = await readBetween(index.path, first.at, last.at + last.length);
  return places.map(({ at, length }) => content.slice(at - first.at, at - first.at + length));
}

async function readBetween(path: string, from: number, to: number): Promise<Uint8Array> {
  const content = new Uint8Array(to - from);
  const file = await open(path, "r");
  try {
    const { bytesRead } = await file.read(content, 0, content.length, from);
    if (bytesRead !== content.length) throw new Error(`${path} is shorter than it was`);
    return content;
  } finally {
    await file.close();
  }
}

/** Works on a file and makes what was done durable. */
async function synced(
  path: string,
  flags: string,
  work: (file: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await work(file);
    await file.sync();
  } finally {
    await file.close();
  }
}
