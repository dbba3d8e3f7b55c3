import { suite } from "uvu";
import * as assert from "uvu/assert";

import type { ActorStatus } from "../control/messages.ts";
import type { NodeView } from "../kernel/actor.ts";
import { durationNs } from "../kernel/units.ts";
import { crashLoopRestarts, FailingActors } from "./failing-actors.ts";

const test = suite("actors that fail");

interface Made {
  readonly path: string;
  readonly restarts?: number;
  readonly children?: readonly Made[];
}

/** Counts whose nodes were looked at, so that a branch left out is seen. */
function node(made: Made, looked: string[]): NodeView {
  const { path, restarts = 0, children = [] } = made;
  const sum = (of: Made): number =>
    (of.children ?? []).reduce((total, each) => total + (each.restarts ?? 0) + sum(each), 0);
  return {
    path,
    vitals: {
      recentRestarts: () => (looked.push(path), restarts),
      counts: () => ({ nodes: 0, failed: 0, restarting: 0, recentRestarts: sum(made) }),
    },
    childNodes: () => children.map((each) => node(each, looked)),
    row: () => ({ lastFailure: `Error: ${path} is torn` }),
  } as unknown as NodeView;
}

const status = (id: string, state: string, detail: string): ActorStatus =>
  ({ record: { id }, state, detail, report: new Uint8Array(1) }) as ActorStatus;
const none = (): readonly ActorStatus[] => [];

test("B8.7 an actor that restarts again and again is found with its cause, and quiet branches are not gone through", () => {
  const looked: string[] = [];
  const root = node(
    {
      path: "/a",
      children: [
        { path: "/a/quiet", children: [{ path: "/a/quiet/1", restarts: crashLoopRestarts - 1 }] },
        { path: "/a/busy", children: [{ path: "/a/busy/1", restarts: crashLoopRestarts }] },
      ],
    },
    looked,
  );
  assert.equal(new FailingActors().look(root, none, durationNs(0)), [
    {
      subject: "/a/busy/1",
      title: "/a/busy/1 restarts again and again",
      detail: `${crashLoopRestarts} restarts in ten minutes; Error: /a/busy/1 is torn`,
    },
  ]);
  assert.not.ok(looked.includes("/a/quiet/1"));
});

test("B8.7 a strategy that was given up is found with the line that failed, one that somebody stopped is not", () => {
  const spawned = [
    status("mine", "stopped", ""),
    status("once", "stopped", "strategy_failed: strategy.ts:7: Error: torn"),
    status("loop", "stopped", "strategy_given_up: strategy.ts:7 (5 failures within a minute)"),
    status("again", "working", "strategy_given_up: as it was before"),
  ];
  assert.equal(
    new FailingActors().look(null, () => spawned, durationNs(0)),
    [
      {
        subject: "loop",
        title: "strategy loop failed too often and was stopped",
        detail: "strategy.ts:7 (5 failures within a minute)",
      },
    ],
  );
});

test("B8.7 one that was given up in another cell has been told there", () => {
  const elsewhere = {
    ...status("loop", "stopped", "strategy_given_up: torn"),
    report: new Uint8Array(),
  };
  assert.equal(
    new FailingActors().look(null, () => [elsewhere], durationNs(0)),
    [],
  );
});

test("B8.7 all actors are looked at every five seconds; each is told once, and again when it failed again", () => {
  const failing = new FailingActors();
  let looks = 0;
  let state = "stopped";
  const spawned = (): readonly ActorStatus[] => {
    looks += 1;
    return [status("loop", state, "strategy_given_up: torn")];
  };
  const told = (seconds: number): number =>
    failing.look(null, spawned, durationNs(seconds * 1e9)).length;
  assert.equal([0, 1, 4.9].map(told), [1, 1, 1]);
  assert.is(looks, 1);
  assert.equal([5, 10].map(told), [0, 0]);
  state = "working";
  assert.is(told(15), 0);
  state = "stopped";
  assert.is(told(20), 1);
});

test.run();
