import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { RiskLevel as Level } from "../../test/support/risk-level.ts";
import { seed } from "../../test/support/seed.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { quantityLots } from "../kernel/units.ts";
import { type Answered, type Climbing, throughLevels } from "./hierarchy.ts";
import type { RiskLimitMessage, RiskLimitReply } from "./messages.ts";

const test = suite("levels of risk limits");

type Command = Extract<RiskLimitMessage, { readonly type: "reserve" | "release" }>;
/** Whether the next message to a level arrives, and whether its answer comes back. */
type Fate = "both" | "no answer" | "never arrives";

class Tree {
  readonly strategy = new Level("account", 40);
  readonly account = new Level("desk", 30);
  readonly desk = new Level("", 20);
  readonly fates: Fate[] = [];

  climb(name: "strategy" | "account" | "desk", command: Climbing): Promise<Answered> {
    if (command.type === "hold") throw new Error("nobody holds here");
    return throughLevels(
      {
        self: async (message) => this.#through(() => this[name].ask(message)),
        parent: async (parent, message) => {
          const answer = await this.climb(parent as "account" | "desk", message);
          return this.#lost() ? null : answer;
        },
      },
      command,
    );
  }

  #through(work: () => RiskLimitReply): Result<RiskLimitReply> {
    const fate = this.fates.shift() ?? "both";
    if (fate === "never arrives") return refuse("timeout", "no answer");
    const reply = work();
    return fate === "both" ? ok(reply) : refuse("timeout", "no answer");
  }

  #lost(): boolean {
    return (this.fates.shift() ?? "both") !== "both";
  }

  reserved(): readonly number[] {
    return [this.strategy, this.account, this.desk].map(({ state }) => state.reserved);
  }
}

const command = (type: "reserve" | "release", commandId: string, quantity: number): Command => ({
  type,
  commandId,
  quantity: quantityLots(quantity),
});
const said = (answer: Answered): string =>
  answer === null ? "nobody knows" : answer.type === "done" ? "done" : answer.failure.code;

test("B5.3 a reservation is counted at every level, and a release taken off at each", async () => {
  const tree = new Tree();
  assert.is(said(await tree.climb("strategy", command("reserve", "a", 12))), "done");
  assert.equal(tree.reserved(), [12, 12, 12]);
  assert.is(said(await tree.climb("strategy", command("release", "b", 5))), "done");
  assert.equal(tree.reserved(), [7, 7, 7]);
});

test("B5.3 what a level above refuses is taken back below, and a resend is refused as well", async () => {
  const tree = new Tree();
  await tree.climb("strategy", command("reserve", "a", 15));
  const refused = await tree.climb("strategy", command("reserve", "b", 6));
  assert.is(said(refused), "limit_exceeded");
  assert.is(refused?.type === "refused" ? refused.failure.limit : 0, 20);
  assert.equal(tree.reserved(), [15, 15, 15]);
  await tree.climb("strategy", command("release", "c", 10));
  assert.is(said(await tree.climb("strategy", command("reserve", "b", 6))), "limit_exceeded");
  assert.equal(tree.reserved(), [5, 5, 5]);
});

test("B5.3 B7.7 lost messages and answers at any level: after resends every level counts the same", async () => {
  const start = seed(20_261_126);
  const sent = fc.array(
    fc.tuple(
      fc.constantFrom("reserve" as const, "release" as const),
      fc.integer({ min: 1, max: 12 }),
    ),
    { minLength: 1, maxLength: 12 },
  );
  const fates = fc.array(fc.constantFrom<Fate>("both", "no answer", "never arrives"), {
    maxLength: 60,
  });
  const property = fc.asyncProperty(sent, fates, async (commands, lost) => {
    const tree = new Tree();
    tree.fates.push(...lost);
    let held = 0;
    for (const [index, [type, wanted]] of commands.entries()) {
      const quantity = type === "release" ? Math.min(wanted, held) : wanted;
      if (quantity === 0) continue;
      let answer: Answered = null;
      for (let tries = 0; answer === null && tries < 100; tries += 1) {
        const [strategy = 0, account = 0, desk = 0] = tree.reserved();
        if (type === "reserve") assert.ok(strategy >= desk && account >= desk, "never less below");
        answer = await tree.climb("strategy", command(type, `c${index}`, quantity));
      }
      assert.ok(answer !== null);
      if (answer?.type === "done") held += type === "reserve" ? quantity : -quantity;
      assert.equal(tree.reserved(), [held, held, held]);
      assert.ok(held <= 20);
    }
  });
  try {
    await fc.assert(property, { seed: start, numRuns: 400 });
  } catch (error) {
    console.log(`SEED=${start}  replay: MERIDIAN_SEED=${start} node ${import.meta.filename}`);
    throw error;
  }
});

test.run();
