import { suite } from "uvu";
import * as assert from "uvu/assert";

import { textBytes } from "../../test/support/recorded-session.ts";
import type { SessionEvent } from "./events.ts";
import { MAXIMUM_LINE_BYTES } from "./lines.ts";
import { bookRange, lobsterBook, lobsterSession, parseBookLine, parseMessage } from "./lobster.ts";

const test = suite("LOBSTER files");

async function read(text: string, chunk?: number): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const some of lobsterSession(textBytes(text, chunk))()) events.push(...some);
  return events;
}

test("a row becomes an event with its line number, nanoseconds and side", () => {
  assert.equal(parseMessage("34200.004241176,1,16113575,18,5853300,1", 7), {
    type: "add",
    position: 7,
    time: 34_200_004_241_176,
    id: 16_113_575,
    side: "buy",
    price: 5_853_300,
    size: 18,
  });
  assert.is(parseMessage("34200,4,5,1,100,-1", 1).type, "execute");
});

test("digits beyond nanoseconds are dropped, as real files carry them", () => {
  assert.is(parseMessage("35821.088778456004,1,5,1,100,-1", 1).time, 35_821_088_778_456);
});

test("a header line, empty lines, CRLF and a missing last line end are taken", async () => {
  const header = "seconds,message_type,order_id,quantity,price,direction";
  const rows = ["1,1,5,10,100,1", "2,3,5,10,100,1"];
  for (const text of [
    `${rows.join("\n")}\n`,
    `${header}\n${rows.join("\n")}`,
    `\ufeff${header}\r\n\r\n${rows.join("\r\n")}\r\n\r\n`,
  ]) {
    for (const chunk of [1, 7, 65_536]) {
      const events = await read(text, chunk);
      assert.equal(
        events.map((event) => event.type),
        ["add", "delete"],
      );
    }
  }
});

test("a line that is no message is reported with its number and the reason", async () => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ["1,1,5,10,100", /6 columns expected, 5 found/],
    ["1,1,5,10,100,1,9", /6 columns expected, 7 found/],
    ["x,1,5,10,100,1", /time/],
    ["-1,1,5,10,100,1", /time/],
    ["1,9,5,10,100,1", /type 9 is unknown/],
    ["1,1,0,10,100,1", /order_id 0/],
    ["1,1,99999999999999999999,10,100,1", /order_id/],
    ["1,1,5,0,100,1", /size 0/],
    ["1,1,5,-10,100,1", /size -10/],
    ["1,1,5,3000000000,100,1", /size 3000000000/],
    ["1,1,5,10,0,1", /price 0/],
    ["1,1,5,10,9999999999,1", /price 9999999999/],
    ["1,1,5,1.5,100,1", /size "1.5" is not an integer/],
    ["1,1,5,10,100,0", /direction 0/],
    ["1,1,5,10,100,2", /direction 2/],
  ];
  const events = await read(`1,1,4,10,100,1\n${bad.map(([line]) => line).join("\n")}`);
  assert.is(events.length, bad.length + 1);
  for (const [index, [line, reason]] of bad.entries()) {
    const event = events[index + 1];
    assert.ok(event?.type === "malformed", line);
    assert.is(event.position, index + 2);
    assert.match(event.reason, reason);
  }
});

test("a seventh column is taken where it is a remark", async () => {
  const plain = parseMessage("34200.5,1,5,10,100,1", 1);
  for (const remark of ["null", "NITE", "", " null "]) {
    assert.equal(parseMessage(`34200.5,1,5,10,100,1,${remark}`, 1), plain);
  }
  for (const more of ["5", "-1", "null,null", ","]) {
    assert.is(parseMessage(`34200.5,1,5,10,100,1,${more}`, 1).type, "malformed", more);
  }
  const events = await read("t,type,id,size,price,side,remark\n1,1,5,10,100,1,null\n");
  assert.equal(
    events.map((event) => event.type),
    ["add"],
  );
});

test("a first line that is neither header nor message is malformed", async () => {
  const events = await read("garbage\n1,1,5,10,100,1\n");
  assert.equal(
    events.map((event) => event.type),
    ["malformed", "add"],
  );
});

test("an endless line costs bounded memory and is one malformed row", async () => {
  const events = await read(
    `1,1,5,10,100,1\n${"9".repeat(MAXIMUM_LINE_BYTES * 5)}\n2,3,5,10,100,1\n`,
    8_192,
  );
  assert.equal(
    events.map((event) => [event.type, event.position]),
    [
      ["add", 1],
      ["malformed", 2],
      ["delete", 3],
    ],
  );
});

test("a book row gives its best level, an empty side as 0", () => {
  assert.equal(parseBookLine("5859400,200,5853300,18,5859800,200,5853000,150"), {
    bidPrice: 5_853_300,
    bidQuantity: 18,
    askPrice: 5_859_400,
    askQuantity: 200,
  });
  assert.equal(parseBookLine("9999999999,0,-9999999999,0"), {
    bidPrice: 0,
    bidQuantity: 0,
    askPrice: 0,
    askQuantity: 0,
  });
  assert.type(parseBookLine("1,2,3"), "string");
  assert.type(parseBookLine("a,b,c,d"), "string");
});

test("a book row tells how many levels it has, and the last prices where they are occupied", () => {
  assert.equal(bookRange("102,5,100,5"), { levels: 1, lastBid: 100, lastAsk: 102 });
  assert.equal(bookRange("102,5,100,5,104,5,-9999999999,0"), {
    levels: 2,
    lastBid: 0,
    lastAsk: 104,
  });
  assert.is(bookRange("102,5,100,5,103").levels, null);
});

test("a book row that cannot be read keeps its place", async () => {
  const rows = [];
  for await (const some of lobsterBook(textBytes("ask,size,bid,size\n1,1,1,1\noops\n2,2,2,2\n"))) {
    rows.push(...some);
  }
  assert.is(rows.length, 3);
  assert.is(rows[1], null);
});

test.run();
