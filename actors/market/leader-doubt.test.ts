import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { JournalReplicas } from "../kernel/ports/journal-replicas.ts";
import type { Log } from "../kernel/ports/log.ts";
import { ok, refuse } from "../kernel/result.ts";
import { LeaderDoubt } from "./leader-doubt.ts";

const test = suite("doubt of a leader");
const silent: Log = { info() {}, warn() {}, error() {}, child: () => silent };
const stored = { streamSequence: 33, payload: new Uint8Array([1, 2, 3]) };

/** Three servers; who is asked to lead leads at the next question. */
function servers(up: readonly string[] = ["eu", "us", "ap"]) {
  const state = { leader: up[0] ?? "", asked: [] as (string | null)[] };
  const replicas: JournalReplicas = {
    holders: async () => ok({ leader: state.leader, up, down: [] }),
    open: async () => refuse("unavailable", "not asked here", ""),
    stepDown: async (_stream, preferred) => {
      state.asked.push(preferred);
      state.leader = preferred ?? state.leader;
      return ok(undefined);
    },
  };
  return { state, doubt: new LeaderDoubt(replicas, silent, "JRN") };
}

test("B9.7 what one leader shows is read again and then asked of another server", async () => {
  const { state, doubt } = servers();
  assert.not.equal(await doubt.ask(stored, "damaged"), "as_written");
  assert.equal(
    state.asked,
    [],
    "it led when the answer came, not surely when the message was read",
  );
  assert.not.equal(await doubt.ask(stored, "damaged"), "as_written");
  assert.equal(state.asked, ["us"]);
});

test("B9.7 what two servers show alike was written like that", async () => {
  const { doubt } = servers();
  for (let times = 0; times < 3; times += 1) {
    assert.not.equal(await doubt.ask(stored, "missing"), "as_written");
  }
  assert.equal(await doubt.ask(stored, "missing"), "as_written");
});

test("B9.7 two servers that show different bytes are no two witnesses", async () => {
  const { doubt } = servers();
  const other = { ...stored, payload: new Uint8Array([1, 2, 4]) };
  await doubt.ask(stored, "damaged");
  await doubt.ask(stored, "damaged");
  await doubt.ask(other, "damaged");
  assert.not.equal(await doubt.ask(other, "damaged"), "as_written");
});

test("B9.7 a lone server is not believed, and the reason says what is missing", async () => {
  const { state, doubt } = servers(["eu"]);
  for (let times = 0; times < 5; times += 1) {
    const answer = await doubt.ask(stored, "damaged");
    const reason = answer === "as_written" ? answer : answer.reason;
    assert.match(reason, times === 0 ? /reading it again/ : /no other server is up/);
  }
  assert.equal(state.asked, []);
});

test("B9.7 without a leader nothing is decided", async () => {
  const { state, doubt } = servers();
  state.leader = "";
  for (let times = 0; times < 4; times += 1) {
    const answer = await doubt.ask(stored, "damaged");
    assert.match(answer === "as_written" ? answer : answer.reason, /no leader/);
  }
});

test.run();
