import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";

import { suite } from "uvu";
import * as assert from "uvu/assert";

import { callGraph, reachedOutside } from "./support/call-graph.ts";
import { repository } from "./support/shared-data.ts";
import { testUnless } from "./support/skip.ts";

const test = suite("what an order meets on its way");

const folders =
  "{base,wire,client,duties,edge,engine,feed,journal,memory,order_entry,protocols,reactor,rings}";
const objects = globSync(`build/native/release/${folders}/CMakeFiles/*.dir/*.o`, {
  cwd: repository,
}).map((file) => join(repository, file));

function works(program: string): boolean {
  try {
    execFileSync(program, ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
const missingTools =
  works("objdump") && works("g++") ? null : "objdump or g++ is missing; apt-get install -y g++";
const missing =
  missingTools ?? (objects.length > 0 ? null : "the addon is not built; node ops/bootstrap.mjs");

const matchThread = "_ZN8meridian7reactor12HostedMarket5serveEj";
const orderDuty = "_ZN8meridian6duties9OrderDuty7do_workEm";
/**
 * All that one turn of the match thread may ask for from outside the core: its wake-ups, the clock once a
 * turn, and a division that compilers make a call of.
 */
const allowed = new Set(["syscall", "clock_gettime", "__udivti3", "memcpy", "memset", "memmove"]);
/** What writes text anywhere. */
const writes = /printf|puts|fwrite|syslog|ostream|^_ZNSo|^_ZSt(4cout|4cerr|4clog)|^p?write(v|64)?$/;

const ways = (reached: ReadonlyMap<string, readonly string[]>): readonly string[] =>
  [...reached.values()].map((way) => way.join(" > "));

testUnless(
  test,
  missing,
  "B1.4 no log line, and nothing else from outside but clock and wake-up, can be reached from a turn of the match thread",
  () => {
    const graph = callGraph(objects);
    assert.ok(graph.calls.has(matchThread), "the turn of a market is in the objects");
    const reached = reachedOutside(graph, [matchThread]);
    assert.ok(reached.has("syscall"), "the graph goes as far as the futex");
    assert.equal(ways(new Map([...reached].filter(([name]) => !allowed.has(name)))), []);
    // Order entry speaks to the network; it writes no text.
    assert.ok(graph.calls.has(orderDuty), "order entry is in the objects");
    const byEntry = reachedOutside(graph, [orderDuty]);
    assert.equal(ways(new Map([...byEntry].filter(([name]) => writes.test(name)))), []);
  },
);

testUnless(
  test,
  missingTools,
  "a log line that is added two calls below a turn is found, with the way to it",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "meridian-hot-path-"));
    try {
      const turn = "void match();\nvoid turn() { match(); }\n";
      const match = `#include <cstdio>
[[gnu::noinline]] static void note(int what) { std::fprintf(stderr, "%d", what); }
int level;
void match() { if (level > 3) { note(level); } }
`;
      const files = Object.entries({ turn, match }).map(([name, text]) => {
        const source = join(folder, `${name}.cpp`);
        writeFileSync(source, text);
        execFileSync("g++", ["-O3", "-c", source, "-o", join(folder, `${name}.o`)]);
        return join(folder, `${name}.o`);
      });
      const reached = reachedOutside(callGraph(files), ["_Z4turnv"]);
      const [name = ""] = [...reached.keys()].filter((each) => writes.test(each));
      assert.match(name, /fprintf/);
      assert.equal(reached.get(name)?.slice(0, 2), ["_Z4turnv", "_Z5matchv"]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

/** Files of a folder that are imported from one of them, directly or not. */
function importedFrom(file: string, seen = new Set<string>()): ReadonlySet<string> {
  seen.add(file);
  for (const [, from = ""] of readFileSync(file, "utf8").matchAll(/ from "(\.\/[^"]+)";/g)) {
    const next = join(dirname(file), from);
    if (!seen.has(next)) importedFrom(next, seen);
  }
  return seen;
}

test("B1.4 what takes the orders of a market, and its events, knows no log", () => {
  const files = [...importedFrom(join(repository, "actors", "market", "trading.ts"))];
  assert.ok(files.length > 10);
  const faults = files
    .filter((file) =>
      /ports\/log\.ts|\blog\.(trace|debug|info|warn|error)\(|console\./.test(
        readFileSync(file, "utf8"),
      ),
    )
    .map((file) => relative(repository, file));
  assert.equal(faults, []);
});

test.run();
