import { mkdir, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";

import type { EventLog } from "./ports/event-log.ts";
import type { Log } from "./ports/log.ts";
import { type Failure, ok, refuse, type Result } from "./result.ts";

/** Before each batch: its length and its CRC-32; before each event in it: its length. */
const batchHeaderBytes = 8;
const eventHeaderBytes = 4;
/** Largest batch in bytes. */
const maximumBatchBytes = 4_194_304;

/** What is known of a log's file. */
interface Index {
  readonly path: string;
  /** Where the content of each event lies. */
  readonly events: { readonly at: number; readonly length: number }[];
  /** End of the last batch that is kept. */
  end: number;
  /** An append failed: what lies behind the end, synced or not, does not count and is cut off. */
  suspect: boolean;
}

export interface FileEventLogOptions {
  /** Folder of the logs, one file each; made when missing. Only one process may use it at a time. */
  readonly directory: string;
  /** Most events of one log. */
  readonly capacity: number;
  readonly log: Log;
}

/**
 * Event logs as files, fsynced at each append: they survive a crash of the process and a loss of
 * power, not the loss of the disk. An append is one batch, kept as a whole or not at all. A torn
 * batch at the end, left by a crash before the append was acknowledged, is cut off when the log is
 * first used; damage before the end, a lost end and a second writer make every call fail, for a wrong
 * state is worse than none.
 */
export function fileEventLog(options: FileEventLogOptions): EventLog {
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
    append: (log, expected, events) =>
      inTurn(log, async (index) => {
        const known = index.events.length;
        if (known !== expected) {
          return refuse(
            "wrong_sequence",
            `the last event of ${log} is ${known}, not ${expected}`,
            "read the log again and decide anew",
          );
        }
        if (known + events.length > options.capacity) {
          return refuse(
            "log_full",
            `${log} holds ${known} of ${options.capacity} events`,
            "raise the capacity of the event log",
          );
        }
        if (events.length > 0) await appendBatch(index, batchOf(events));
        return ok(index.events.length);
      }),
    read: (log, after, limit) =>
      inTurn(log, async (index) => {
        const wanted = index.events.slice(after, after + limit);
        const [first] = wanted;
        const last = wanted.at(-1);
        if (first === undefined || last === undefined) return ok([]);
        const content = await readBetween(index.path, first.at, last.at + last.length);
        return ok(
          wanted.map(({ at, length }) => content.slice(at - first.at, at - first.at + length)),
        );
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
  const index: Index = { path, events: [], end: 0, suspect: false };
  for (let batch = batchAt(content, 0); batch !== null; batch = batchAt(content, index.end)) {
    indexBatch(index, batch);
  }
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
  if (batch.length > maximumBatchBytes) {
    throw new RangeError(`a batch of ${batch.length} bytes; at most ${maximumBatchBytes}`);
  }
  const header = Buffer.alloc(batchHeaderBytes);
  header.writeUInt32LE(batch.length, 0);
  header.writeUInt32LE(crc32(batch), 4);
  const whole = Buffer.concat([header, batch]);
  await synced(index.path, "r+", async (file) => {
    const { size } = await file.stat();
    if (size !== index.end) throw new Error(`${index.path} has changed: ${size} bytes`);
    index.suspect = true;
    const { bytesWritten } = await file.write(whole, 0, whole.length, index.end);
    if (bytesWritten !== whole.length) throw new Error(`the disk took ${bytesWritten} bytes only`);
  });
  index.suspect = false;
  indexBatch(index, batch);
}

/** The batch that begins at the position, null when there is no whole one. */
function batchAt(content: Buffer, at: number): Buffer | null {
  const start = at + batchHeaderBytes;
  if (start > content.length) return null;
  const length = content.readUInt32LE(at);
  if (length === 0 || length > maximumBatchBytes || start + length > content.length) return null;
  const batch = content.subarray(start, start + length);
  return crc32(batch) === content.readUInt32LE(at + 4) ? batch : null;
}

function batchOf(events: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    events.flatMap((event) => {
      const length = Buffer.alloc(eventHeaderBytes);
      length.writeUInt32LE(event.length);
      return [length, event];
    }),
  );
}

/** Notes where the events of a whole batch at the end of the log lie. */
function indexBatch(index: Index, batch: Buffer): void {
  const start = index.end + batchHeaderBytes;
  let offset = 0;
  while (offset < batch.length) {
    const length = batch.readUInt32LE(offset);
    offset += eventHeaderBytes;
    index.events.push({ at: start + offset, length });
    offset += length;
  }
  index.end = start + batch.length;
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
