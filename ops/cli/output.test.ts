import { suite } from "uvu";
import * as assert from "uvu/assert";

import { csv, type OutputFormat, printed, rowPrinter } from "./output.ts";

const test = suite("output forms");

function captured(body: () => void): string {
  const write = process.stdout.write.bind(process.stdout);
  let text = "";
  process.stdout.write = (chunk: string | Uint8Array) => {
    text += String(chunk);
    return true;
  };
  try {
    body();
  } finally {
    process.stdout.write = write;
  }
  return text;
}

const rows = [
  { name: "a", size: 1, inner: { x: 'say "hi"', y: null }, list: [1, 2] },
  { name: "b, c", size: 2, inner: { x: "two\nlines" }, more: true },
];
const told = { value: { rows }, rows, ids: ["a", "b"] };

test("every form but the table has the same fields", () => {
  const text = (output: OutputFormat): string =>
    captured(() => assert.is(printed({ output }, told), output !== "table"));
  assert.is(text("table"), "");
  assert.equal(JSON.parse(text("json")), { rows });
  assert.equal(
    text("jsonl")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown),
    rows,
  );
  assert.is(
    text("csv"),
    [
      "name,size,inner.x,inner.y,list,more",
      'a,1,"say ""hi""",,"[1,2]",',
      '"b, c",2,"two\nlines",,,true',
      "",
    ].join("\r\n"),
  );
});

test("quiet prints ids, whatever the form, where there are any", () => {
  const quiet = { output: "json", quiet: true } as const;
  assert.is(
    captured(() => printed(quiet, told)),
    "a\nb\n",
  );
  assert.match(
    captured(() => printed(quiet, { value: { x: 1 } })),
    '"x":1',
  );
});

test("rows that come one by one have one header", () => {
  const text = captured(() => {
    const row = rowPrinter({ output: "csv" });
    row?.({ a: 1, b: "x" });
    row?.({ a: 2, b: "y,z" });
  });
  assert.is(text, 'a,b\r\n1,x\r\n2,"y,z"\r\n');
  assert.is(rowPrinter({ output: "table" }), null);
});

test("no rows are an empty table with no columns", () => {
  assert.is(csv([]), "\r\n");
});

test.run();
