import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { seededRandomness } from "../../../actors/kernel/seeded-randomness.ts";
import {
  asItch,
  asLobsterMessages,
  generateSession,
} from "../../../test/support/session-generator.ts";
import { openBook, type OpenedFile, openSessions } from "./sessions.ts";

const test = suite("files of recorded sessions");

let folder = "";
test.before(() => {
  folder = mkdtempSync(join(tmpdir(), "meridian-sessions-"));
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function open(path: string, symbols: readonly string[] = []): Promise<OpenedFile> {
  const opened = await openSessions(path, { symbols, levels: null });
  if (!opened.ok) throw new Error(`${opened.failure.code}: ${opened.failure.reason}`);
  return opened.value;
}

async function refusal(path: string, symbols: readonly string[] = []) {
  const opened = await openSessions(path, { symbols, levels: null });
  if (opened.ok) throw new Error(`${path} was opened`);
  return opened.failure;
}

const generated = generateSession({
  random: seededRandomness(5),
  steps: 300,
  levels: null,
  outOfOrderPerMille: 0,
});
const messages = asLobsterMessages(generated);

test("a LOBSTER file is the same plain or gzip, with LF or CRLF, with a header or without", async () => {
  const rows = generated.rows.length;
  const header = "Time,Type,Order ID,Size,Price,Direction\n";
  for (const [name, content] of [
    ["plain.csv", messages],
    ["header.csv", header + messages],
    ["crlf.csv", (header + messages).replaceAll("\n", "\r\n")],
    ["blank-lines.csv", `${messages}\n\n`],
    ["no-last-line-end.csv", messages.trimEnd()],
    ["remarks.csv", messages.replaceAll("\n", ",null\n")],
    ["packed.csv.gz", gzipSync(messages)],
  ] as const) {
    const { overview, sessions } = await open(file(name, content));
    assert.equal([overview.read, overview.malformed], [rows, 0], name);
    assert.is(sessions[0]?.survey.rows, rows, name);
    assert.is(sessions[0]?.symbol, name.split(".", 1)[0]);
  }
});

test("symbol, day and levels come from a LOBSTER name", async () => {
  const name = "MSFT_2012-06-21_34200000_57600000_message_5.csv";
  const [session] = (await open(file(name, messages))).sessions;
  assert.is(session?.symbol, "MSFT");
  assert.is(session?.marketName, "MSFT-20120621");
  assert.is(session?.levels, 5);
});

test("a file without orders is read and has nothing to replay", async () => {
  for (const [name, content, read] of [
    ["empty.csv", "", 0],
    ["only-header.csv", "time,type,order_id,size,price,direction\n", 0],
    ["blank.csv", "\n\n\n", 0],
    ["halt.csv", "36023,7,0,0,-1,-1\n36323,7,0,0,0,-1\n36723,7,0,0,1,-1\n", 3],
    ["crosses.csv", "34200,6,-1,500,5855000,-1\n34201,5,0,5,5855050,1\n", 2],
  ] as const) {
    const { overview, sessions } = await open(file(name, content));
    assert.equal([overview.read, overview.malformed], [read, 0], name);
    assert.equal(sessions, [], name);
  }
});

test("what cannot be read is refused with the reason", async () => {
  const random = seededRandomness(9);
  const bytes = Buffer.from(Array.from({ length: 20_000 }, () => random.below(256)));
  const packed = gzipSync(bytes);
  for (const [path, code, reason] of [
    [join(folder, "missing.csv"), "file_unreadable", /ENOENT/],
    [folder, "file_unreadable", /is not a file/],
    [file("garbage.bin", bytes), "file_format", /neither LOBSTER text nor ITCH/],
    [file("zeros.bin", Buffer.alloc(20_000)), "file_format", /neither LOBSTER text nor ITCH/],
    [file("cut.csv.gz", gzipSync(messages).subarray(0, 900)), "file_unreadable", /cut\.csv\.gz/],
    [file("garbage.gz", packed), "file_format", /neither LOBSTER text nor ITCH/],
    [file("prose.txt", "Dear reader,\nthis is no session.\n"), "file_format", /at 1: 6 columns/],
    [file("prices.csv", "a,b,c,d\n1,2,3,4\n5,6,7,8\n"), "file_format", /at 2: 6 columns/],
  ] as const) {
    const failure = await refusal(path);
    assert.is(failure.code, code, path);
    assert.match(failure.reason, reason);
    assert.ok(failure.next.length > 0);
  }
});

test("an ITCH file is counted by type, and its busiest symbol is replayed", async () => {
  const other = generateSession({
    random: seededRandomness(6),
    steps: 30,
    levels: null,
    outOfOrderPerMille: 0,
  });
  const busy = asItch(generated, "BUSY");
  const path = file("day.itch", Buffer.concat([asItch(other, "CALM"), busy, busy.subarray(0, 5)]));
  const { overview, sessions, notes } = await open(path);
  assert.is(overview.format, "itch");
  assert.is(overview.read, generated.rows.length + other.rows.length);
  assert.is(overview.malformed, 1);
  assert.match(overview.faults[0]?.reason ?? "", /ends inside a message/);
  const adds = generated.rows.filter((row) => row.event.type === "add").length;
  assert.is(overview.symbols?.[0]?.symbol, "BUSY");
  assert.is(overview.symbols?.[0]?.orders, adds);
  assert.ok((overview.types?.["A"] ?? 0) > adds);
  assert.equal(
    sessions.map((session) => session.symbol),
    ["BUSY"],
  );
  assert.ok(notes.some((note) => note.includes("2 symbols have orders")));
  const both = await open(path, ["CALM", "BUSY"]);
  assert.equal(
    both.sessions.map((session) => session.marketName),
    ["CALM-day", "BUSY-day"],
  );
  const failure = await refusal(path, ["NONE"]);
  assert.is(failure.code, "symbol_unknown");
  assert.match(failure.next, /BUSY, CALM/);
});

test("a file that is no book is refused as one", async () => {
  for (const [path, code] of [
    [file("messages.csv", messages), "file_format"],
    [file("nothing.csv", ""), "file_format"],
    [join(folder, "missing.csv"), "file_unreadable"],
    [
      file("cut-book.csv.gz", gzipSync("5,1,4,1\n".repeat(9999)).subarray(0, 40)),
      "file_unreadable",
    ],
  ] as const) {
    const book = await openBook(path);
    assert.ok(!book.ok && book.failure.code === code, path);
  }
  const book = await openBook(file("book.csv", "5,1,4,1\nbroken\n6,1,4,1\n"));
  assert.ok(book.ok && book.value.rows === 3 && book.value.malformed === 1);
});

test.run();
