import { suite } from "uvu";
import * as assert from "uvu/assert";

import { atLeast, checkSyncAlways } from "./sync-report.ts";

const test = suite("sync report");

const good = { name: "eu", version: "2.15.0", syncAlways: true };
const holders = new Set(["eu", "us"]);

function refusal(other: typeof good): string {
  const checked = checkSyncAlways(holders, [good, other] as never);
  return checked.ok ? "" : `${checked.failure.code}: ${checked.failure.reason}`;
}

test("a cell may start when every holder of a replica syncs each write", () => {
  assert.is(refusal({ ...good, name: "us" }), "");
});

test("one holder of an older release keeps every market below replicated", () => {
  const strongest = (version: string): string => {
    const checked = checkSyncAlways(holders, [good, { ...good, name: "us", version }] as never);
    return checked.ok ? checked.value : checked.failure.code;
  };
  assert.is(strongest("2.12.3"), "replicated");
  for (const old of ["2.10.23", "2.11.11", "2.12.2"]) assert.is(strongest(old), "durable");
});

test("a holder that does not sync, is too old or does not report is refused by name", () => {
  assert.match(
    refusal({ ...good, name: "us", syncAlways: false }),
    /not_durable: server us does not/,
  );
  assert.match(
    refusal({ ...good, name: "us", version: "2.10.22" }),
    /not_durable: server us is nats-server 2\.10\.22/,
  );
  assert.match(refusal({ ...good, name: "ap" }), /server us .* does not report/);
});

test("versions are compared part by part", () => {
  assert.ok(atLeast("2.12.3", [2, 12, 3]));
  assert.ok(atLeast("2.15.0-preview.1", [2, 12, 3]));
  assert.ok(atLeast("3.0.0", [2, 12, 3]));
  assert.not.ok(atLeast("2.9.10", [2, 12, 3]));
  assert.not.ok(atLeast("2.12.2", [2, 12, 3]));
  assert.not.ok(atLeast("nonsense", [2, 12, 3]));
});

test.run();
