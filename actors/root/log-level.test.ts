import { suite } from "uvu";
import * as assert from "uvu/assert";

import { wire } from "../../schemas/messages.ts";
import { cellRegion, type MemoryCell, startMemoryCell } from "../../test/support/memory-cell.ts";
import { cellLog } from "./log.ts";

const test = suite("log levels by request");
const { LogLevelReply, LogLevelRequest } = wire.control.v1;

async function ask(
  cell: MemoryCell,
  level: string,
  actor = "",
): Promise<wire.control.v1.LogLevelReply> {
  const request = LogLevelRequest.encode({ level, actor, requestedBy: "test" }).finish();
  return LogLevelReply.decode(await cell.operation("log-level", request));
}

test("ops.<region>.log-level changes what is told while the cell runs, and says what is set", async () => {
  const written: string[] = [];
  const { log, control } = cellLog({}, { write: (line) => void written.push(line) });
  const cell = await startMemoryCell({ logs: control });
  try {
    const actor = `/${cellRegion}/markets`;
    assert.is((await ask(cell, "")).level, "info");
    assert.is((await ask(cell, "error")).level, "error");
    log.info({}, "not told");
    const narrowed = await ask(cell, "info", actor);
    assert.equal({ ...narrowed.actors }, { [actor]: "info" });
    log.info({ actor: `${actor}/TEST` }, "told");
    assert.is(narrowed.cell, "test");
    assert.equal((await ask(cell, "default", actor)).actors, {});
    assert.is((await ask(cell, "default")).level, "info");
    assert.equal(
      written.map((line) => (JSON.parse(line) as { readonly msg: string }).msg),
      ["told"],
    );
  } finally {
    await cell.stop();
  }
});

test("a level that there is not and a path of another region are refused and change nothing", async () => {
  const { control } = cellLog({}, { write: () => {} });
  const cell = await startMemoryCell({ logs: control });
  try {
    assert.is((await ask(cell, "loud")).refusal?.code, "parameters_invalid");
    assert.is((await ask(cell, "warn", "/elsewhere/markets")).refusal?.code, "parameters_invalid");
    assert.is(control.level, "info");
    assert.is(control.overrides.size, 0);
  } finally {
    await cell.stop();
  }
});

test("a cell whose log has one level says so", async () => {
  const cell = await startMemoryCell();
  try {
    assert.is((await ask(cell, "warn")).refusal?.code, "unavailable");
  } finally {
    await cell.stop();
  }
});

test.run();
