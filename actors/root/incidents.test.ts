import { suite } from "uvu";
import * as assert from "uvu/assert";

import { MemoryBroker, MemoryBus } from "../bus/memory.ts";
import { manualClock } from "../kernel/manual-clock.ts";
import { refuse } from "../kernel/result.ts";
import { type DurationNs, durationNs } from "../kernel/units.ts";
import { wire } from "../../schemas/messages.ts";
import { alertSubject, incidentSubject, patterns } from "../../schemas/subjects.ts";
import {
  cellRegion,
  type MemoryCell,
  type MemoryCellOptions,
  startMemoryCell,
} from "../../test/support/memory-cell.ts";
import { eventually } from "../../test/support/until.ts";
import { hostClock, silentLog } from "../../test/support/ports.ts";
import { serveIncidents } from "./incident-host.ts";
import { RefusalCounter } from "./refusal-counter.ts";

/** Incidents of whole cells over the bus in memory: alerts in, pages out, people in between. */
const test = suite("incidents of cells");
const { incident } = wire;

const slow = "market_slow-eu-central-TEST";

function alert(cell: MemoryCell, stands: boolean): void {
  cell.client.publish(
    alertSubject(cellRegion, "latency", "TEST"),
    wire.control.v1.LatencyAlert.encode({
      region: cellRegion,
      cell: "test",
      market: "TEST",
      stands,
      p50Ns: 9_000,
      usualP50Ns: 400,
      cause: "steal",
    }).finish(),
  );
}

async function asked(
  cell: MemoryCell,
  id: string,
  verb: string,
  payload: Uint8Array = new Uint8Array(),
) {
  const reply = await cell.raw(incidentSubject(cellRegion, id, verb), payload);
  return reply === null ? null : incident.v1.IncidentReply.decode(reply);
}

const described = (cell: MemoryCell, id: string, status: string) =>
  eventually(`${id} is ${status}`, async () => {
    const found = await asked(cell, id, "describe");
    return found?.incident?.status === status ? found.incident : null;
  });

let commands = 0;
async function act(cell: MemoryCell, id: string, verb: string) {
  commands += 1;
  const request = { commandId: `c${commands}`, requestedBy: "ops", note: "seen", user: "mallory" };
  return await asked(cell, id, verb, incident.v1.ActRequest.encode(request).finish());
}

async function withCell(
  body: (cell: MemoryCell) => Promise<void>,
  options: MemoryCellOptions = {},
): Promise<void> {
  const cell = await startMemoryCell(options);
  try {
    await cell.ready();
    await body(cell);
  } finally {
    await cell.stop();
  }
}

const types = (found: wire.incident.v1.IIncident): readonly (string | null | undefined)[] =>
  (found.timeline ?? []).map(({ type }) => type);

test("B1.5 B8.1 an alert pages, is acknowledged, resolved and reviewed, each step with who and when", () =>
  withCell(async (cell) => {
    const pages: wire.incident.v1.Page[] = [];
    cell.client.subscribe(patterns.pages, (subject, payload) => {
      assert.is(subject, `page.${cellRegion}.L1`);
      pages.push(incident.v1.Page.decode(payload));
    });
    alert(cell, true);
    await described(cell, slow, "detected");
    await eventually("the page is out", async () => (pages.length > 0 ? pages : null));
    assert.match(pages[0]?.next ?? "", /incident acknowledge market_slow-eu-central-TEST/);
    // Told again it is the same occurrence.
    alert(cell, true);
    const done = await act(cell, slow, "acknowledge");
    assert.is(done?.refusal, null);
    assert.is(
      done?.incident?.acknowledgedBy,
      "tester",
      "whose inbox it is, whatever the request says",
    );
    assert.is((await act(cell, slow, "acknowledge"))?.refusal?.code, "not_in_state");
    assert.is((await act(cell, slow, "review"))?.refusal?.code, "not_in_state");
    alert(cell, false);
    await described(cell, slow, "resolved");
    assert.is((await act(cell, slow, "review"))?.refusal, null);
    const whole = await described(cell, slow, "reviewed");
    assert.equal(types(whole), [
      "detected",
      "paged",
      "page_sent",
      "acknowledged",
      "cleared",
      "resolved",
      "reviewed",
    ]);
    for (const step of whole.timeline ?? [])
      assert.ok((step.atUnixMs ?? 0) > 1.7e12, step.type ?? "");
    assert.is(pages.length, 1);
    assert.is(whole.occurrence, 1);
  }));

test("B1.5 B8.1 a cell that falls silent is an incident of the region's other cell, which takes over those that it kept", async () => {
  const broker = new MemoryBroker();
  const first = await startMemoryCell({ broker, name: "first" });
  const second = await startMemoryCell({ broker, name: "second", servesMarkets: false });
  try {
    await first.ready();
    alert(first, true);
    await described(second, slow, "detected");
    // Both have seen each other, or there is nobody to miss.
    await eventually("the second cell hosts shards", async () => {
      const { hosting } = second.cell.measured(await second.report());
      return (hosting?.hosted?.shards.length ?? 0) > 0 ? true : null;
    });
    first.bus.setConnected(false);
    const down = await described(second, `cell_down-${cellRegion}-first`, "detected");
    assert.is(down.finding?.source, `${cellRegion}/second`);
    assert.is(down.finding?.runbook, "RB-01");
    const taken = await described(second, slow, "detected");
    assert.is(taken.occurrence, 1, "what the silent cell kept is where it was");
    assert.is((await act(second, slow, "acknowledge"))?.refusal, null);
    first.bus.setConnected(true);
    await eventually("it is back", async () => {
      const found = await asked(second, `cell_down-${cellRegion}-first`, "describe");
      return found?.incident?.stands === false ? found : null;
    });
    // It came back by itself, and a person has to look at it all the same.
    await described(second, `cell_down-${cellRegion}-first`, "detected");
  } finally {
    await second.stop();
    await first.stop();
  }
});

test("the all-clear for what never was an incident is told so, and is no refusal that a cell counts", () =>
  withCell(async (cell) => {
    await cell.hostsActors();
    const clear = incident.v1.ClearRequest.encode({ commandId: "c", source: "test", detail: "" });
    const counted = async (code: string): Promise<number> =>
      (await cell.report()).refusals[code] ?? 0;
    const answer = await asked(cell, "never", "clear", clear.finish());
    assert.is(answer?.refusal?.code, "not_found");
    assert.is(await counted("not_found"), 0, "of the cell's own, at its start, neither");
    assert.is((await asked(cell, "never", "describe"))?.refusal?.code, "not_found");
    assert.is(await counted("not_found"), 1);
  }));

test("B1.5 a list has what is open, and what is closed when it is asked for", () =>
  withCell(async (cell) => {
    const list = async (closed: boolean) => {
      const payload = incident.v1.ListRequest.encode({ closed }).finish();
      const reply = await cell.raw(incidentSubject(cellRegion, "all", "list"), payload);
      return incident.v1.ListReply.decode(reply ?? new Uint8Array()).incidents.map(({ id }) => id);
    };
    assert.equal(await eventually("nothing", async () => await list(true)), []);
    alert(cell, true);
    await described(cell, slow, "detected");
    assert.equal(await list(false), [slow]);
    alert(cell, false);
    await described(cell, slow, "resolved");
    assert.equal(await list(false), []);
    assert.equal(await list(true), [slow]);
    assert.is((await act(cell, "nothing", "acknowledge"))?.refusal?.code, "not_found");
  }));

test("B1.5 that something is over which never was an incident is answered and no refusal, and who acts on it is refused", () =>
  withCell(async (cell) => {
    const clear = incident.v1.ClearRequest.encode({ commandId: "c", source: "a/b" }).finish();
    const cleared = () => asked(cell, "never-was", "clear", clear);
    await eventually("its shard has an owner", async () => {
      const code = (await cleared())?.refusal?.code;
      return code === "not_found" ? code : null;
    });
    const { refusals } = await cell.report();
    assert.is((await cleared())?.refusal?.code, "not_found");
    assert.equal((await cell.report()).refusals, refusals);
    assert.is((await act(cell, "never-was", "acknowledge"))?.refusal?.code, "not_found");
    assert.is((await cell.report()).refusals["not_found"], (refusals["not_found"] ?? 0) + 1);
  }));

test("B1.5 a shard that nobody owns is a refusal, but not while the cells of a region start", async () => {
  const bus = new MemoryBus(new MemoryBroker(), hostClock);
  const refusals = new RefusalCounter();
  const clock = manualClock();
  let owner: { readonly cell: string; readonly here: boolean } | null = null;
  const served = serveIncidents({
    region: cellRegion,
    cell: "test",
    bus,
    clock,
    log: silentLog,
    residents: { running: [], find: async () => refuse("not_found", "no incident") },
    ownerOf: () => owner,
    others: () => [],
    refusals,
  });
  served.serveRegion();
  const describe = async (id = slow) => {
    const subject = incidentSubject(cellRegion, id, "describe");
    const reply = await bus.request(subject, new Uint8Array(), 5_000_000_000 as DurationNs);
    if (!reply.ok) throw new Error(reply.failure.reason);
    return incident.v1.IncidentReply.decode(reply.value).refusal?.code;
  };
  assert.is(await describe(), "unavailable");
  assert.equal(refusals.read(), {});
  owner = { cell: "test", here: true };
  assert.is(await describe(), "not_found");
  owner = null;
  assert.is(await describe(), "unavailable");
  assert.equal(refusals.read(), { not_found: 1, unavailable: 1 });
  assert.is(await describe("of-another-shard"), "unavailable");
  assert.is(refusals.read()["unavailable"], 1);
  await clock.advance(durationNs(31_000_000_000));
  assert.is(await describe("of-another-shard"), "unavailable");
  assert.is(refusals.read()["unavailable"], 2);
  served.unsubscribe();
});

test.run();
