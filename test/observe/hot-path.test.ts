import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { repository } from "../support/shared-data.ts";

const test = suite("no log line per order");

/** What runs for each order, or each event of one. */
const perOrder = [
  "actors/market/{trading,decide,codec,event-queue,outcomes,orders-view,book-view,publication}.ts",
  "native/{market-engine,command-slots,event-slots,records}.ts",
  "native/{wire,rings,engine,memory}/*.{hpp,cpp}",
  "native/reactor/{hosted_market,client_set,client_port,output_gate}.{hpp,cpp}",
  "native/{order_entry,feed,edge}/*.{hpp,cpp}",
];
const isTested = (file: string): boolean => !/(_test\.cpp|\.test\.ts|\/support\/)/.test(file);
const files = perOrder
  .flatMap((pattern) => globSync(pattern, { cwd: repository }))
  .filter(isTested);

const tells: readonly RegExp[] = [
  /\bports\/log\.ts"/,
  /\blog\.(info|warn|error|debug)\(/,
  /\bconsole\.|\bpino\b|process\.(stdout|stderr)/,
  /#include <(iostream|syslog\.h|print)>/,
  /\b(printf|fprintf|puts|fputs|perror|syslog|vsyslog)\(/,
];

test("what runs for each order has nothing to log with", () => {
  assert.ok(files.length >= 40, `${files.length} files`);
  for (const file of files) {
    const text = readFileSync(join(repository, file), "utf8");
    // A program that measures or tests says what it found.
    if (/^int main\(/m.test(text)) continue;
    for (const line of text.split("\n")) {
      for (const way of tells) assert.not.match(line, way, file);
    }
  }
});

test.run();
