import { suite } from "uvu";
import * as assert from "uvu/assert";

import { cellLog } from "./log.ts";

const test = suite("log of a cell");

const seed = `SU${"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".repeat(2).slice(0, 56)}`;
const token = "0f".repeat(32);
const jwt = "eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJhYmMifQ.c2lnbmF0dXJl";

interface Line {
  readonly level: number;
  readonly time: string;
  readonly msg: string;
  readonly region: string;
  readonly actor?: string;
  readonly [field: string]: unknown;
}

function recorded(): ReturnType<typeof cellLog> & {
  readonly lines: () => readonly Line[];
  readonly text: () => string;
} {
  const written: string[] = [];
  const made = cellLog({ region: "home" }, { write: (line) => void written.push(line) });
  return {
    ...made,
    text: () => written.join(""),
    lines: () => written.map((line) => JSON.parse(line) as Line),
  };
}

test("a line is JSON with the time, the region, the actor and the ids it was given", () => {
  const { log, lines } = recorded();
  log.child({ actor: "/home/markets/A" }).warn({ traceId: "ab12", orderId: 7 }, "late");
  const [line] = lines();
  assert.is(line?.region, "home");
  assert.is(line?.actor, "/home/markets/A");
  assert.equal([line?.["traceId"], line?.["orderId"], line?.msg], ["ab12", 7, "late"]);
  assert.match(line?.time ?? "", /^\d{4}-\d\d-\d\dT/);
});

test("planted seeds, tokens, passwords and names are in no line, wherever they stand", () => {
  const { log, text } = recorded();
  const error = new Error(`connecting with ${seed} as ann.example@example.org`);
  log.info({ password: "hunter2", nested: { clients: [{ token, account: 7 }] } }, `seed ${seed}`);
  log.error({ error, requestedBy: "Ann Example", request: { by: "Ann Example" } }, "refused");
  log.child({ email: "ann.example@example.org" }).warn({ jwt, note: `as ${jwt}` }, "expired");
  log.warn({ server: "nats://ann:hunter2@127.0.0.1:4222" }, `header Bearer ${token}`);
  log.error({ error: `${String(error.stack)} ${token}` }, "failed");
  const key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END PRIVATE KEY-----";
  log.error({ file: key }, "unreadable");
  for (const secret of [seed, token, jwt, "hunter2", "Ann Example", "ann.example", "MC4CAQ"]) {
    assert.not.ok(text().includes(secret), secret);
  }
  assert.ok(text().includes('"account":7'), "what is no secret stays");
});

test("what is too deep or too long is cut, and a circle ends", () => {
  const { log, text } = recorded();
  const circle: { self?: unknown; many: readonly number[] } = {
    many: Array.from({ length: 1_000 }, (_, index) => index),
  };
  circle.self = circle;
  log.info({ circle, long: "x".repeat(100_000), bytes: new Uint8Array(4), big: 5n }, "large");
  assert.ok(text().length < 20_000, `${text().length} characters`);
  assert.match(text(), /4 bytes/);
});

test("levels change while it runs: of everything, of an actor and what is below it, and back", () => {
  const { log, control, lines } = recorded();
  const market = log.child({ actor: "/home/markets/A" });
  const other = log.child({ actor: "/home/risk" });
  const said = (): readonly string[] => lines().map(({ msg }) => msg);
  control.set("error", "");
  market.info({}, "1");
  market.error({}, "2");
  control.set("info", "/home/markets");
  market.info({}, "3");
  other.info({}, "4");
  other.info({ actor: "/home/markets/B" }, "5");
  control.clear("/home/markets");
  market.info({}, "6");
  control.clear("");
  market.info({}, "7");
  assert.equal(said(), ["2", "3", "5", "7"]);
});

test("levels of actors are bounded", () => {
  const { control } = recorded();
  for (let index = 0; index < 64; index += 1) assert.ok(control.set("warn", `/home/${index}`).ok);
  const refused = control.set("warn", "/home/more");
  assert.is(refused.ok ? "" : refused.failure.code, "limit_reached");
  assert.ok(control.set("error", "/home/1").ok, "one that has a level may get another");
});

test.run();
