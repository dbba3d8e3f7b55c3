import * as assert from "uvu/assert";

import type { ChildInfo } from "../../actors/kernel/actor.ts";
import {
  type Backoff,
  type ChildSpec,
  dynamicSupervisorSpec,
  type SupervisorStart,
  supervisorSpec,
} from "../../actors/kernel/child-spec.ts";
import type { Result } from "../../actors/kernel/result.ts";
import { ms, type ProbeMessage, type ProbeWorld, probeWorld } from "./probe-actors.ts";

/** OTP restarts at once: so do the trees in which its rules are re-expressed. */
export const atOnce: Backoff = {
  initial: ms(0),
  maximum: ms(0),
  jitter: 0,
  resetAfter: ms(1_000_000),
};

type Options = Partial<Omit<SupervisorStart, "children" | "template">>;

/** A started tree whose root supervises the children; what happened at the start is read already. */
export async function tree(
  children: readonly ChildSpec[],
  options: Options = {},
): Promise<ProbeWorld> {
  const made = probeWorld();
  const spec = supervisorSpec("top", children, { backoff: atOnce, ...options });
  const started = await made.system.start(spec);
  assert.ok(started.ok, JSON.stringify(started));
  made.news();
  return made;
}

export function inner(
  children: readonly ChildSpec[],
  options: Options = {},
  spec: Partial<ChildSpec> = {},
): ChildSpec {
  return {
    ...supervisorSpec("inner", children, { backoff: atOnce, ...options }),
    ...spec,
  };
}

/** A dynamic supervisor of probes at /top/pool. */
export function pool(
  template: Partial<ChildSpec> = {},
  options: Omit<Options, "strategy"> = {},
): ChildSpec {
  const { restart = "permanent", shutdown = ms(1_000), significant = false } = template;
  return dynamicSupervisorSpec(
    "pool",
    { type: "probe", restart, shutdown, significant },
    { backoff: atOnce, intensity: { maximumRestarts: 100, within: ms(1_000) }, ...options },
  );
}

export async function tell(made: ProbeWorld, path: string, message: ProbeMessage): Promise<void> {
  assert.ok(made.ref(path).send(message).ok, path);
  await made.clock.settle();
}

/** Ends the actor as a failure while no message is in work. */
export async function fail(made: ProbeWorld, path: string): Promise<void> {
  await tell(made, path, { do: "throw_in_timer", text: "failed" });
  await made.pass(5);
}

export const finish = (made: ProbeWorld, path: string): Promise<void> =>
  tell(made, path, { do: "finish" });

export const stateOf = (made: ProbeWorld, path: string): string =>
  made.system.tree().find((node) => node.path === path)?.state ?? "absent";

export const restartsOf = (made: ProbeWorld, path: string): number =>
  made.system.tree().find((node) => node.path === path)?.restarts ?? -1;

export const code = (result: Result<unknown>): string => (result.ok ? "ok" : result.failure.code);

export const listed = (made: ProbeWorld, path: string): string[] => {
  const children = made.system.whichChildren(path);
  assert.ok(children.ok);
  return (children as { value: readonly ChildInfo[] }).value.map(
    ({ id, kind, status }) => `${id} ${kind} ${status}`,
  );
};

/** Ids whose incarnations came to life, in order: `a#2`. */
export const startsIn = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.startsWith("start ")).map((line) => line.slice("start ".length));
