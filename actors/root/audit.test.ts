import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { actorSubject } from "../../schemas/subjects.ts";
import { cellRegion, type MemoryCell, startMemoryCell } from "../../test/support/memory-cell.ts";
import { silentLog } from "../../test/support/ports.ts";
import { refuse } from "../kernel/result.ts";
import { systemClock } from "../kernel/system-clock.ts";
import { type AuditStore, AuditTrail, memoryAuditStore } from "../views/audit-trail.ts";
import { until } from "../../test/support/until.ts";

const test = suite("the audit trail");
const { audit, control, risk } = wire;

async function withCell(body: (cell: MemoryCell) => Promise<void>): Promise<void> {
  const cell = await startMemoryCell();
  try {
    await cell.ready();
    await body(cell);
  } finally {
    await cell.stop();
  }
}

async function trailOf(cell: MemoryCell, query: wire.audit.v1.IAuditRequest = {}) {
  const payload = audit.v1.AuditRequest.encode(query).finish();
  return audit.v1.AuditReply.decode(await cell.operation("audit", payload));
}

const halt = (reason: string, market = "TEST"): Uint8Array =>
  control.v1.MarketStateRequest.encode({ market, reason, requestedBy: "ann" }).finish();

test("B2.8 each command of a person is in the trail, with who, what and what came of it", () =>
  withCell(async (cell) => {
    await cell.hostsActors();
    const halted = control.v1.MarketReply.decode(
      await cell.operation("market-halt", halt("drill")),
    );
    await cell.operation("market-halt", halt("drill", "NONE"));
    const define = risk.v1.Define.encode({
      commandId: "c1",
      scope: risk.v1.Scope.SCOPE_ACCOUNT,
      account: 7,
      requestedBy: "ann",
    }).finish();
    const defined = await cell.raw(
      actorSubject(cellRegion, "risk-limit", "acme", "define"),
      define,
    );
    assert.is.not(risk.v1.RiskLimitReply.decode(defined ?? new Uint8Array()).auditId, "");
    const spawned = await cell.control("spawn", { key: "x", type: "nonsense", requestedBy: "bob" });
    const { entries } = await trailOf(cell);
    assert.equal(
      entries.map((entry) => [
        entry.kind,
        entry.action,
        entry.target,
        entry.requestedBy,
        entry.outcome,
      ]),
      [
        ["control", "spawn", "x", "bob", "type_unknown"],
        ["risk", "define", "acme", "ann", "done"],
        ["operation", "market-halt", "NONE", "ann", "market_unknown"],
        ["operation", "market-halt", "TEST", "ann", "done"],
      ],
    );
    const last = entries.at(-1);
    assert.is(last?.id, halted.auditId, "the reply names its entry");
    assert.is(last?.user, "tester", "the inbox tells who asked, whatever the command says");
    assert.match(last?.parameters ?? "", '"reason":"drill"');
    assert.is(last?.region, cellRegion);
    assert.ok((last?.atUnixMs ?? 0) > 0);
    assert.is((spawned as { readonly auditId?: string }).auditId, entries[0]?.id);
  }));

test("questions, orders and what actors do among themselves are not in the trail", () =>
  withCell(async (cell) => {
    await cell.operation("status", new Uint8Array());
    await cell.operation("tree", new Uint8Array());
    await cell.control("list", {});
    const level = control.v1.LogLevelRequest.encode({ requestedBy: "ann" }).finish();
    await cell.operation("log-level", level);
    const sender = { actor: "x", shard: "act-eu-central-00", incarnation: 1 };
    await cell.control("stop", { id: "x", sender });
    const { entries } = await trailOf(cell);
    assert.equal(entries, []);
  }));

test("windows of the trail follow one another, and filters hold", () =>
  withCell(async (cell) => {
    for (let index = 0; index < 25; index += 1) {
      const verb = index % 2 === 0 ? "market-halt" : "market-resume";
      await cell.operation(verb, halt(`turn ${index}`));
    }
    const all = await trailOf(cell);
    assert.is(all.entries.length, 25);
    assert.is(all.next, 0);
    const seen: unknown[] = [];
    let before = 0;
    do {
      const { entries, next } = await trailOf(cell, { before, limit: 10 });
      seen.push(...entries.map(({ id }) => id));
      before = next;
    } while (before > 0);
    assert.equal(
      seen,
      all.entries.map(({ id }) => id),
    );
    const count = async (query: wire.audit.v1.IAuditRequest): Promise<number> =>
      (await trailOf(cell, query)).entries.length;
    assert.is(await count({ action: "market-resume" }), 12);
    assert.is(await count({ user: "ann" }), 25);
    assert.is(await count({ user: "nobody" }), 0);
    assert.is(await count({ kind: "risk" }), 0);
    assert.is(await count({ target: "TES" }), 25);
    assert.is(await count({ id: all.entries[3]?.id ?? "" }), 1);
    const noise = await cell.operation("audit", new Uint8Array(64).fill(255));
    assert.is(audit.v1.AuditReply.decode(noise).refusal?.code, "malformed");
  }));

test("a command that is sent again under its id is one entry", () =>
  withCell(async (cell) => {
    const subject = actorSubject(cellRegion, "risk-limit", "acme", "define");
    const request = { commandId: "c1", scope: risk.v1.Scope.SCOPE_DESK, requestedBy: "ann" };
    const payload = risk.v1.Define.encode(request).finish();
    const ids = [];
    for (let turn = 0; turn < 3; turn += 1) {
      const reply = await cell.raw(subject, payload);
      ids.push(risk.v1.RiskLimitReply.decode(reply ?? new Uint8Array()).auditId);
    }
    assert.is(new Set(ids).size, 1);
    assert.is((await trailOf(cell)).entries.length, 1);
  }));

test("what the store does not take at first is kept in the end, once, and holds no command up", async () => {
  const kept = memoryAuditStore();
  const fate = { faults: 2 };
  const store: AuditStore = {
    ...kept,
    async append(kind, payload) {
      fate.faults -= 1;
      // The first is kept and nobody knows: it comes twice, and is told once.
      if (fate.faults === 1) await kept.append(kind, payload);
      if (fate.faults >= 0) return refuse("timeout", "no answer", "try again");
      return kept.append(kind, payload);
    },
  };
  const trail = new AuditTrail(
    {
      store,
      clock: systemClock(),
      log: silentLog,
      randomBytes: (count) => new Uint8Array(count).fill(7),
    },
    { region: "r", cell: "c" },
  );
  const reply = trail.begin("ops.r.market-halt", halt("x"), "ann")?.finish(new Uint8Array());
  assert.is.not(control.v1.AnyReply.decode(reply ?? new Uint8Array()).auditId, "");
  const told = async (): Promise<number> => {
    const answer = await trail.answer(new Uint8Array());
    return audit.v1.AuditReply.decode(answer.payload).entries.length;
  };
  await until("it is kept", async () => fate.faults < 0 && (await told()) > 0);
  assert.is(await told(), 1);
  trail.end();
});

test.run();
