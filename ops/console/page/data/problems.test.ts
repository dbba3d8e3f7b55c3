import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { Alert } from "./alert-rules.ts";
import { problemsOf } from "./problems.ts";
import type { MarketView, RegionView } from "./status.ts";

const test = suite("what is wrong, in words");
const now = 1_000_000;

const region = (name: string, at: number, status: object | null): RegionView =>
  ({ name, at, reason: "no answer within 2000 ms", status }) as unknown as RegionView;
const market = (name: string, of: string, state: string): MarketView =>
  ({ market: name, region: of, status: { state, detail: "" } }) as unknown as MarketView;
const ready = { ready: true, notReadyReason: "" };

test("nothing is wrong while all regions answer and all markets are open", () => {
  const found = problemsOf(
    [region("eu", now - 900, ready)],
    [market("A", "eu", "open")],
    [],
    [],
    now,
  );
  assert.equal(found, []);
});

test("a silent region says since when, what it led, and where to fail it over; it comes first", () => {
  const found = problemsOf(
    [
      region("eu", now - 4_200, ready),
      region("us", now, { ready: false, notReadyReason: "it starts" }),
    ],
    [market("A", "eu", "open"), market("B", "us", "halted")],
    [],
    [],
    now,
  );
  assert.equal(
    found.map(({ is, title }) => [is, title]),
    [
      ["fail", "Region eu does not answer since 4 s"],
      ["warn", "Region us takes no orders"],
      ["warn", "B is halted"],
    ],
  );
  assert.equal(
    [found[0]?.detail, found[0]?.verb, found[0]?.go],
    ["It led A.", "Fail over…", ["regions", "eu"]],
  );
});

test("an alert is wrong while it stands and is told again, not longer", () => {
  const alert: Alert = {
    id: "c/A/1",
    region: "eu",
    cell: "c",
    market: "A",
    raisedAt: now - 60_000,
    endedAt: 0,
    heardAt: now - 5_000,
    cause: "page_faults",
    p50Ns: 9_000,
    usualP50Ns: 3_000,
  };
  const told = (change: Partial<Alert>) =>
    problemsOf([], [], [{ ...alert, ...change }], [], now).map(({ title }) => title);
  assert.equal(told({}), ["A is slower than usual since 1 min"]);
  assert.equal(told({ endedAt: now - 1 }), []);
  assert.equal(told({ heardAt: now - 60_000 }), []);
});

test("an incident is wrong until it is mitigated, and worst while nobody looks after it", () => {
  const finding = { title: "cell eu-1 is down", severity: "page" };
  const told = (status: string, level = 1) =>
    problemsOf([], [], [], [{ id: "i", finding, status, level, acknowledgedBy: "ann" }], now).map(
      ({ is, title, detail }) => [is, title, detail],
    );
  const title = "cell eu-1 is down";
  const incident = { id: "i", region: "eu", finding, status: "detected", level: 1 };
  const [problem] = problemsOf([], [], [], [incident], now);
  assert.equal(problem?.query, { open: "incident:eu/i" });
  assert.equal(told("escalated", 2), [["fail", title, "nobody looks after it, L2 was paged"]]);
  assert.equal(told("acknowledged"), [["warn", title, "ann looks after it"]]);
  const because = { ...finding, detail: "its lease is silent" };
  const [explained] = problemsOf([], [], [], [{ ...incident, finding: because }], now);
  assert.is(explained?.detail, "its lease is silent · nobody looks after it, L1 was paged");
  for (const status of ["mitigated", "resolved", "reviewed"]) assert.equal(told(status), []);
});

test.run();
