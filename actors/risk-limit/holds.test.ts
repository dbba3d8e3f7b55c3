import { suite } from "uvu";
import * as assert from "uvu/assert";

import { RiskLevel } from "../../test/support/risk-level.ts";
import { seed } from "../../test/support/seed.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import { type SeededRandomness, seededRandomness } from "../kernel/seeded-randomness.ts";
import { quantityLots } from "../kernel/units.ts";
import { type Answered, type Climbing, holdOf, holdThroughLevels } from "./hierarchy.ts";
import type { RiskLimitReply } from "./messages.ts";
import { heldOf } from "./taken.ts";

/** What actors that trade hold at their limits, with messages lost, late and out of order. */
const test = suite("holds of risk limits");

type Name = "one" | "two" | "account" | "desk";

class Tree {
  readonly levels: Readonly<Record<Name, RiskLevel>> = {
    one: new RiskLevel("account", 30),
    two: new RiskLevel("account", 30),
    account: new RiskLevel("desk", 40),
    desk: new RiskLevel("", 25),
  };
  readonly late: (() => unknown)[] = [];
  trouble = 0;
  #told = 0;
  readonly #random: SeededRandomness;

  constructor(random: SeededRandomness) {
    this.#random = random;
  }

  climb(name: Name, command: Climbing): Promise<Answered> {
    if (command.type !== "hold") throw new Error("nobody reserves here");
    return holdThroughLevels(
      {
        self: async (message) => {
          await this.passing();
          return this.#through(() => this.levels[name].ask(message));
        },
        parent: async (parent, message) => {
          await this.passing();
          const answer = await this.#maybe(() => this.climb(parent as Name, message));
          await this.passing();
          return answer !== null && this.#random.below(100) >= this.trouble ? answer : null;
        },
      },
      name,
      command,
    );
  }

  /** Others get a turn; now and then a message that was late arrives. */
  async passing(): Promise<void> {
    for (let turn = this.#random.below(4); turn > 0; turn -= 1) await Promise.resolve();
    if (this.#random.below(3) === 0) await this.late.shift()?.();
  }

  #through(work: () => RiskLimitReply): Result<RiskLimitReply> {
    if (this.#random.below(100) >= this.trouble) return ok(work());
    if (this.#random.below(2) === 0) work();
    return refuse("timeout", "no answer");
  }

  async #maybe(work: () => Promise<Answered>): Promise<Answered> {
    if (this.#random.below(100) >= this.trouble) return await work();
    if (this.#random.below(2) === 0) this.late.push(work);
    return null;
  }

  /** What a level tells its parent until it knows. */
  async tell(name: Name): Promise<void> {
    const { state } = this.levels[name];
    const message = { ...holdOf(name, state), largest: quantityLots(0) };
    if (state.parent !== "")
      await this.climb(state.parent as Name, { ...message, commandId: `t${(this.#told += 1)}` });
  }
}

/** As an actor that trades asks: a number rises when it asks for something else, or does not know. */
class Member {
  open = 0;
  #held = -1;
  #number = 0;
  #asked = 0;
  readonly #level: "one" | "two";
  readonly #tree: Tree;

  constructor(level: "one" | "two", tree: Tree) {
    this.#level = level;
    this.#tree = tree;
  }

  async hold(quantity: number, largest: number): Promise<string> {
    if (quantity !== this.#held) this.#number += 1;
    this.#held = -1;
    this.#asked += 1;
    const answer = await this.#tree.climb(this.#level, {
      type: "hold",
      commandId: `${this.#level}-${this.#asked}`,
      from: `member-${this.#level}`,
      epoch: 1,
      number: this.#number,
      quantity: quantityLots(quantity),
      largest: quantityLots(largest),
      markets: [],
    });
    if (answer?.type !== "done") return answer?.failure.code ?? "nobody knows";
    this.#held = quantity;
    return "done";
  }

  /** Places an order when it may, else gives back what it asked for; sometimes something is filled. */
  async turn(random: SeededRandomness): Promise<void> {
    if (random.below(2) === 0) this.open -= random.below(this.open + 1);
    const more = 1 + random.below(12);
    if (random.below(4) > 0 && (await this.hold(this.open + more, more)) === "done") {
      this.open += more;
    }
    if (random.below(3) === 0) await this.hold(this.open, 0);
  }
}

test("B5.3 B7.7 whatever is lost or late, every level counts at least what is open, and in the end the same", async () => {
  const first = seed(20_261_127);
  let placed = 0;
  for (let run = 0; run < 300; run += 1) {
    const random = seededRandomness(first + run);
    const tree = new Tree(random);
    tree.trouble = random.below(2) * 25;
    const members = { one: new Member("one", tree), two: new Member("two", tree) };
    const opened = (): number => members.one.open + members.two.open;
    const check = (): void => {
      const said = `SEED=${first + run}`;
      const { one, two, account, desk } = tree.levels;
      assert.ok(heldOf(one.state) >= members.one.open, said);
      assert.ok(heldOf(two.state) >= members.two.open, said);
      assert.ok(heldOf(account.state) >= opened(), said);
      assert.ok(heldOf(desk.state) >= opened(), said);
      assert.ok(opened() <= 25, said);
    };
    const live = async (member: Member): Promise<void> => {
      for (let turn = 0; turn < 20; turn += 1) {
        await member.turn(random);
        placed += member.open > 0 ? 1 : 0;
        check();
        if (random.below(4) === 0) await tree.tell("account");
      }
    };
    await Promise.all([live(members.one), live(members.two)]);
    tree.trouble = 0;
    while (tree.late.length > 0) await tree.late.shift()?.();
    check();
    for (const member of Object.values(members)) {
      assert.is(await member.hold(member.open, 0), "done");
    }
    for (const name of ["one", "two", "account"] as const) await tree.tell(name);
    const counts = [tree.levels.account, tree.levels.desk].map(({ state }) => heldOf(state));
    assert.equal(counts, [opened(), opened()], `SEED=${first + run}`);
  }
  assert.ok(placed > 300 * 10, `orders were placed in ${placed} turns`);
});

test("B5.3 a level that cannot be reached or is stopped lets no order follow, and takes what is given back", async () => {
  const tree = new Tree(seededRandomness(1));
  const member = new Member("one", tree);
  assert.is(await member.hold(10, 10), "done");
  const stop = { type: "stop", commandId: "s", reason: "enough", requestedBy: "operator" } as const;
  tree.levels.desk.ask(stop);
  assert.is(await member.hold(10, 1), "account_killed");
  assert.is(await member.hold(4, 0), "done");
  await tree.tell("one");
  await tree.tell("account");
  assert.is(heldOf(tree.levels.desk.state), 4);
  tree.trouble = 100;
  assert.is(await member.hold(4, 1), "nobody knows");
});

test.run();
