import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";

import { atOnce } from "../../test/support/conformance-world.ts";
import { ms, probe, type ProbeWorld, probeWorld } from "../../test/support/probe-actors.ts";
import { seed } from "../../test/support/seed.ts";
import { dynamicSupervisorSpec, type Strategy, supervisorSpec } from "./child-spec.ts";

/** Single laws over random schedules; supervision-properties.test.ts has those that hold at every moment. */
const test = suite("supervision laws");

const start = seed(20_261_127);

async function check(
  property: fc.IAsyncProperty<never[]> | fc.IAsyncProperty<unknown[]>,
): Promise<void> {
  try {
    await fc.assert(property as fc.IAsyncProperty<unknown[]>, { seed: start, numRuns: 150 });
  } catch (error) {
    console.log(`SEED=${start}  replay: MERIDIAN_SEED=${start} node ${import.meta.filename}`);
    throw error;
  }
}

const ids = ["a", "b", "c", "d"] as const;
/** When which child fails, in milliseconds since the failure before. */
const failures = fc.array(fc.record({ waitMs: fc.nat(30), which: fc.nat(ids.length - 1) }), {
  minLength: 1,
  maxLength: 40,
});

interface Event {
  readonly atMs: number;
  readonly what: "start" | "exit" | "terminate";
  readonly id: string;
  readonly incarnation: number;
}

/** Plays the schedule, a failed machine a time, and gives every start and exit with its time. */
async function play(
  made: ProbeWorld,
  parent: string,
  schedule: readonly { readonly waitMs: number; readonly which: number }[],
  after: (id: string, events: readonly Event[]) => void = () => {},
): Promise<readonly Event[]> {
  const all: Event[] = [];
  const read = (): readonly Event[] => {
    const atMs = made.clock.monotonic() / 1_000_000;
    const fresh = made.news().flatMap((line): Event[] => {
      const found = /^(start|exit|terminate) (\w+)(?:#(\d+))?$/.exec(line);
      if (found === null) return [];
      const [, what, id, incarnation] = found as unknown as [
        string,
        Event["what"],
        string,
        string?,
      ];
      return [{ atMs, what, id, incarnation: Number(incarnation ?? 0) }];
    });
    all.push(...fresh);
    return fresh;
  };
  for (const { waitMs, which } of schedule) {
    for (let waited = 0; waited < waitMs; waited += 1) {
      await made.pass(1);
      read();
    }
    const id = ids[which] as string;
    if (!made.system.childSpec(`${parent}/${id}`).ok) continue;
    made.ref(`${parent}/${id}`).send({ do: "fail_machine" });
    await made.clock.settle();
    after(id, read());
  }
  return all;
}

test("B7.8 no supervisor restarts more often than its intensity allows, in any window of its period", async () => {
  let gaveUp = 0;
  await check(
    fc.asyncProperty(
      fc.constantFrom<Strategy>("one_for_one", "one_for_all", "rest_for_one"),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 120 }),
      failures,
      async (strategy, maximumRestarts, within, schedule) => {
        const made = probeWorld({ parkAfter: 1 }, start);
        const children = ids.map((id) => probe(id));
        const intensity = { maximumRestarts, within: ms(within) };
        await made.system.start(
          supervisorSpec("top", children, { strategy, intensity, backoff: atOnce }),
        );
        made.news();
        const times: number[] = [];
        let restarted = made.system.counters().restarts;
        await play(made, "/top", schedule, (id, events) => {
          // A group is one restart: that of the child that failed.
          if (events.some((event) => event.what === "start" && event.id === id)) {
            times.push(made.clock.monotonic() / 1_000_000);
          }
          restarted = made.system.counters().restarts;
        });
        for (const [index, first] of times.entries()) {
          const inWindow = times.slice(index).filter((time) => time - first <= within).length;
          assert.ok(
            inWindow <= maximumRestarts,
            `${inWindow} restarts within ${within} ms, at most ${maximumRestarts} are allowed`,
          );
        }
        gaveUp += made.system.counters().escalations;
        assert.ok(restarted >= times.length);
      },
    ),
  );
  assert.ok(gaveUp > 30, `only ${gaveUp} supervisors gave up`);
});

test("B7.8 one_for_one never touches a sibling, and neither does simple_one_for_one", async () => {
  let crashes = 0;
  await check(
    fc.asyncProperty(fc.boolean(), failures, async (dynamic, schedule) => {
      const made = probeWorld({ parkAfter: 1 }, start);
      const options = {
        backoff: atOnce,
        intensity: { maximumRestarts: 1_000, within: ms(1) },
      };
      const template = { type: "probe", restart: "permanent", shutdown: ms(10) } as const;
      await made.system.start(
        dynamic
          ? dynamicSupervisorSpec("top", template, options)
          : supervisorSpec(
              "top",
              ids.map((id) => probe(id)),
              options,
            ),
      );
      if (dynamic) for (const id of ids) await made.system.startChild("/top", { id, start: {} });
      made.news();
      await play(made, "/top", schedule, (id, events) => {
        crashes += 1;
        assert.equal(
          events.map((event) => `${event.what} ${event.id}`),
          [`exit ${id}`, `start ${id}`],
        );
      });
    }),
  );
  assert.ok(crashes > 500, `only ${crashes} crashes`);
});

test("B7.8 a group is stopped in reverse and started in order, and only the group", async () => {
  await check(
    fc.asyncProperty(
      fc.constantFrom<Strategy>("one_for_all", "rest_for_one"),
      failures,
      async (strategy, schedule) => {
        const made = probeWorld({ parkAfter: 1 }, start);
        await made.system.start(
          supervisorSpec(
            "top",
            ids.map((id) => probe(id)),
            {
              strategy,
              backoff: atOnce,
              intensity: { maximumRestarts: 1_000, within: ms(1) },
            },
          ),
        );
        made.news();
        await play(made, "/top", schedule, (id, events) => {
          const group =
            strategy === "one_for_all"
              ? [...ids]
              : ids.slice(ids.indexOf(id as (typeof ids)[number]));
          const others = group.filter((one) => one !== id).reverse();
          const named = (what: Event["what"]): string[] =>
            events.filter((event) => event.what === what).map((event) => event.id);
          assert.equal(named("exit"), [id, ...others]);
          assert.equal(named("terminate"), others);
          assert.equal(named("start"), group);
        });
      },
    ),
  );
});

test("B7.8 with links drawn at random an exit reaches exactly those that are linked, directly or not", async () => {
  const pairs = fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { maxLength: 5 });
  let reached = 0;
  await check(
    fc.asyncProperty(pairs, fc.nat(3), async (links, which) => {
      const made = probeWorld({ parkAfter: 1 }, start);
      await made.system.start(
        supervisorSpec(
          "top",
          ids.map((id) => probe(id)),
          {
            backoff: atOnce,
            intensity: { maximumRestarts: 1_000, within: ms(1) },
          },
        ),
      );
      for (const [from, to] of links) {
        made.ref(`/top/${ids[from]}`).send({ do: "link", path: `/top/${ids[to]}` });
      }
      await made.clock.settle();
      made.news();
      made.ref(`/top/${ids[which]}`).send({ do: "fail_machine" });
      await made.clock.settle();
      const linked = new Set([which]);
      for (let grown = true; grown; ) {
        const before = linked.size;
        for (const [from, to] of links) {
          if (linked.has(from)) linked.add(to);
          if (linked.has(to)) linked.add(from);
        }
        grown = linked.size > before;
      }
      const exits = made
        .news()
        .filter((line) => line.startsWith("exit"))
        .map((line) => line.slice("exit ".length, "exit ".length + 1));
      assert.equal(exits.sort(), [...linked].map((index) => ids[index] as string).sort());
      reached += linked.size - 1;
    }),
  );
  assert.ok(reached > 50, `only ${reached} were reached by a link`);
});

test.run();
