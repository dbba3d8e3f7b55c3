import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { moldMessages, udpPayloads } from "../../test/support/pcap.ts";
import { fileBytes, rehearse, textBytes } from "../../test/support/recorded-session.ts";
import { sharedData } from "../../test/support/shared-data.ts";
import { testUnless } from "../../test/support/skip.ts";
import { decodeItch, ItchFramer, type ItchMessage } from "./itch.ts";
import { itchOverview, itchSession } from "./itch-session.ts";

const test = suite("ITCH 5.0");

const captures = sharedData("nasdaq-pcap/Nasdaq.Equities.TotalView.Itch.v5.0.20230822");
const sample = sharedData("nasdaq-itch/session_start_1000msgs.itch");
const noCaptures = captures === null ? "needs the packet captures beside the checkout" : null;
const noSample = sample === null ? "needs the ITCH sample beside the checkout" : null;

function captured(name: string): ItchMessage[] {
  const file = readFileSync(join(captures ?? "", `${name}.pcap`));
  return udpPayloads(file)
    .flatMap(moldMessages)
    .map((bytes) => {
      const decoded = decodeItch(bytes);
      assert.not.type(decoded, "string", `${name}: ${JSON.stringify(decoded)}`);
      return decoded as ItchMessage;
    });
}

testUnless(test, noCaptures, "every message of the real captures decodes", () => {
  const names = readdirSync(captures ?? "").map((file) => file.replace(".pcap", ""));
  assert.is(names.length, 15);
  const messages = names.flatMap(captured);
  assert.is(messages.length, 71);
});

testUnless(test, noCaptures, "captured orders have the values the venue sent", () => {
  assert.equal(captured("AddOrderNoMPID")[0], {
    type: "add",
    locate: 5528,
    time: 34_199_999_894_278,
    reference: 23_508_286,
    side: "buy",
    shares: 1600,
    stock: "IVOO",
    price: 873_900,
    participant: "",
  });
  const attributed = captured("AddOrderWithMPID")[0];
  assert.ok(attributed?.type === "add");
  assert.is(attributed.participant, "FLTU");
  assert.equal(captured("OrderExecuted")[0], {
    type: "executed",
    locate: 2345,
    time: 34_199_999_934_561,
    reference: 23_499_418,
    shares: 25,
    match: 255_547,
  });
  assert.equal(captured("OrderReplace")[0], {
    type: "replace",
    locate: 7603,
    time: 34_199_999_836_649,
    reference: 15_108_479,
    newReference: 21_361_351,
    shares: 100,
    price: 1_062_600,
  });
  const atPrice = captured("OrderExecutedWithPrice")[0];
  assert.ok(atPrice?.type === "executed_at_price");
  assert.is(atPrice.printable, false);
  assert.is(atPrice.price, 224_800);
});

testUnless(test, noSample, "the sample file is counted by type and has no orders", async () => {
  const overview = await itchOverview(fileBytes(sample ?? ""));
  assert.is(overview.messages, 1000);
  assert.equal(overview.types, { S: 1, R: 993, H: 3, Y: 3 });
  assert.equal(overview.symbols, []);
  assert.is(overview.malformed, 0);
  assert.is(overview.bytes, 40_874);
});

/** Messages by hand: header, then the fields at their offsets. */
function message(letter: string, size: number, fill: (bytes: Buffer) => void, locate = 7): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.write(letter, 0, "latin1");
  bytes.writeUInt16BE(locate, 1);
  bytes.writeUIntBE(34_200_000_000_000, 5, 6);
  fill(bytes);
  return bytes;
}
const add = (id: number, side: string, size: number, price: number, locate = 7): Buffer =>
  message(
    "A",
    36,
    (bytes) => {
      bytes.writeBigUInt64BE(BigInt(id), 11);
      bytes.write(side, 19, "latin1");
      bytes.writeUInt32BE(size, 20);
      bytes.write(locate === 7 ? "ACME    " : "OTHER   ", 24, "latin1");
      bytes.writeUInt32BE(price, 32);
    },
    locate,
  );
const executed = (id: number, size: number): Buffer =>
  message("E", 31, (bytes) => {
    bytes.writeBigUInt64BE(BigInt(id), 11);
    bytes.writeUInt32BE(size, 19);
  });
const executedAt = (id: number, size: number, price: number, printable: string): Buffer =>
  message("C", 36, (bytes) => {
    bytes.writeBigUInt64BE(BigInt(id), 11);
    bytes.writeUInt32BE(size, 19);
    bytes.write(printable, 31, "latin1");
    bytes.writeUInt32BE(price, 32);
  });
const cancel = (id: number, size: number): Buffer =>
  message("X", 23, (bytes) => {
    bytes.writeBigUInt64BE(BigInt(id), 11);
    bytes.writeUInt32BE(size, 19);
  });
const remove = (id: number): Buffer =>
  message("D", 19, (bytes) => bytes.writeBigUInt64BE(BigInt(id), 11));
const replace = (id: number, newId: number, size: number, price: number): Buffer =>
  message("U", 35, (bytes) => {
    bytes.writeBigUInt64BE(BigInt(id), 11);
    bytes.writeBigUInt64BE(BigInt(newId), 19);
    bytes.writeUInt32BE(size, 27);
    bytes.writeUInt32BE(price, 31);
  });

const file = (messages: readonly Buffer[]): Buffer =>
  Buffer.concat(
    messages.flatMap((body) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(body.length);
      return [length, body];
    }),
  );

const acme = (messages: readonly Buffer[], chunk?: number) =>
  rehearse(itchSession(textBytes(file(messages), chunk), "ACME"));

test("each order message of a symbol is replayed, other symbols are left out", async () => {
  for (const chunk of [1, 50, 65_536]) {
    const { summary } = await acme(
      [
        add(1, "B", 100, 10_000),
        add(2, "S", 50, 10_100),
        add(3, "S", 50, 10_100, 8),
        executed(1, 30),
        cancel(1, 20),
        replace(1, 4, 80, 9_900),
        remove(2),
      ],
      chunk,
    );
    assert.is(summary.rows, 6);
    assert.is(summary.commands, 6);
    assert.is(summary.executions.same, 1);
    assert.equal(summary.refusals, {});
    assert.is(summary.resting, 1);
  }
});

test("an execution at another price, or not printed, is taken off without a trade", async () => {
  const { summary } = await acme([
    add(1, "B", 100, 10_000),
    executedAt(1, 10, 10_050, "Y"),
    executedAt(1, 10, 10_000, "N"),
    executedAt(1, 10, 10_000, "Y"),
    remove(1),
  ]);
  assert.is(summary.executions.visible, 1);
  assert.is(summary.executions.same, 1);
  assert.is(summary.deletionsOfAnotherSize, 0);
  assert.is(summary.volume, 10);
});

test("a file that starts mid-session skips orders it never introduced", async () => {
  const { summary } = await acme([
    add(9, "B", 100, 10_000),
    executed(1, 5),
    cancel(2, 5),
    remove(3),
    replace(4, 5, 10, 10_000),
  ]);
  assert.is(summary.skipped.unknown_order, 4);
  assert.is(summary.malformed, 0);
  assert.is(summary.resting, 1);
});

test("unknown types, wrong lengths and a cut end are reported with their offsets", async () => {
  const first = file([add(1, "B", 100, 10_000)]);
  const bytes = Buffer.concat([
    first,
    file([Buffer.from("?what is this")]),
    file([add(2, "B", 100, 10_000).subarray(0, 30)]),
    file([Buffer.alloc(0)]),
    file([add(3, "?", 100, 10_000)]),
    file([add(4, "B", 0, 10_000)]),
    file([add(5, "B", 10, 4_000_000_000)]),
    file([add(6, "B", 100, 10_000)]),
    file([remove(6)]).subarray(0, 9),
  ]);
  const { summary } = await rehearse(itchSession(textBytes(bytes), "ACME"));
  assert.is(summary.commands, 2);
  const reasons = summary.faults.map((fault) => fault.reason);
  assert.equal(
    reasons.map((reason) => reason.replace(/ is .*| has .*| ends .*/, "")),
    [
      "type 0x3f",
      "type A",
      "the message",
      "the side",
      "the size 0",
      "the price 4000000000",
      "the file",
    ],
  );
  assert.is(summary.faults[0]?.position, first.length);
  assert.is(summary.faults.at(-1)?.position, bytes.length - 9);
  const overview = await itchOverview(textBytes(bytes));
  assert.is(overview.malformed, 4);
  assert.equal(overview.symbols, [{ symbol: "ACME", orders: 5 }]);
});

test("messages are found whatever the chunks of the file are", () => {
  const bytes = file([add(1, "B", 1, 100), executed(1, 1), remove(1)]);
  for (let chunk = 1; chunk <= bytes.length; chunk += 1) {
    const framer = new ItchFramer();
    const offsets: number[] = [];
    for (let at = 0; at < bytes.length; at += chunk) {
      framer.push(bytes.subarray(at, at + chunk), (_, offset) => offsets.push(offset));
    }
    assert.equal(offsets, [0, 38, 71]);
    assert.is(framer.end(), null);
  }
});

test.run();
