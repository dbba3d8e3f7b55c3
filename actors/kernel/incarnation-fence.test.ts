import { suite } from "uvu";
import * as assert from "uvu/assert";

import { IncarnationFence } from "./incarnation-fence.ts";
import { ok, refuse, type Result } from "./result.ts";
import { epoch, type Epoch } from "./units.ts";

const test = suite("incarnation fence");

const sender = (incarnation: number, shard = "act-eu-00") => ({ actor: "a", shard, incarnation });
const code = (failure: { readonly code: string } | null): string => failure?.code ?? "passes";

function fenceOver(recorded: Map<string, number>): {
  readonly fence: IncarnationFence;
  readonly reads: string[];
} {
  const reads: string[] = [];
  const fence = new IncarnationFence((shard): Promise<Result<Epoch | null>> => {
    reads.push(shard);
    const found = recorded.get(shard);
    return Promise.resolve(ok(found === undefined ? null : epoch(found)));
  });
  return { fence, reads };
}

test("B6.2 the recorded epoch passes, a lower one is stale, a higher one is looked up and is nobody's", async () => {
  const recorded = new Map([["act-eu-00", 4]]);
  const { fence, reads } = fenceOver(recorded);
  assert.is(fence.check(sender(4)), "unknown", "nothing is known before the record was read");
  assert.is(code(await fence.admit(sender(4))), "passes");
  assert.is(code(await fence.admit(sender(3))), "stale_epoch");
  assert.is(code(await fence.admit(sender(5))), "not_owner");
  assert.is(reads.length, 2, "what is known is not read again");
});

test("B6.2 once a successor is known its predecessor is out, whatever the sender claimed before", async () => {
  const recorded = new Map([["act-eu-00", 4]]);
  const { fence } = fenceOver(recorded);
  assert.is(code(await fence.admit(sender(4))), "passes");
  recorded.set("act-eu-00", 5);
  assert.is(fence.check(sender(4)), "passes", "before the successor has said a word");
  assert.is(code(await fence.admit(sender(5))), "passes");
  assert.is(code(fence.check(sender(4)) as { code: string }), "stale_epoch");
});

test("a shard without a record has no actors, and many askers make one question", async () => {
  const { fence, reads } = fenceOver(new Map());
  const answers = await Promise.all([1, 2, 3].map(() => fence.admit(sender(1, "act-eu-07"))));
  assert.equal(answers.map(code), ["not_owner", "not_owner", "not_owner"]);
  assert.is(reads.length, 1);
});

test("a record that cannot be read lets nobody in, and is read again", async () => {
  let reachable = false;
  const fence = new IncarnationFence(() =>
    Promise.resolve(reachable ? ok(epoch(2)) : refuse("unavailable", "no leader")),
  );
  assert.is(code(await fence.admit(sender(2))), "unavailable");
  reachable = true;
  assert.is(code(await fence.admit(sender(2))), "passes");
});

test("shards are remembered up to a bound, and the forgotten ones are read again", async () => {
  const recorded = new Map(Array.from({ length: 5_000 }, (_, index) => [`s${index}`, 1]));
  const { fence } = fenceOver(recorded);
  for (const shard of recorded.keys()) await fence.admit(sender(1, shard));
  assert.is(fence.check(sender(1, "s0")), "unknown");
  assert.is(fence.check(sender(1, "s4999")), "passes");
});

test.run();
