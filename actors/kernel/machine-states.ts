import type { AnyStateMachine } from "xstate";

/** A state of a machine and what leads out of it, as plain data. */
export interface MachineState {
  /** Dotted: `open`, `recovering.reading`; empty for the machine itself. */
  readonly name: string;
  readonly kind: string;
  /** Entered with its parent. */
  readonly initial: boolean;
  readonly transitions: readonly MachineTransition[];
}
export interface MachineTransition {
  readonly event: string;
  /** Name of the state, empty when none is left. */
  readonly target: string;
  readonly guarded: boolean;
}

type StateNode = AnyStateMachine["root"];

/** Parents before children. */
export function machineStates(machine: AnyStateMachine): readonly MachineState[] {
  const states: MachineState[] = [];
  const add = (node: StateNode, initial: boolean): void => {
    const transitions = [...node.transitions.values()].flat().flatMap((transition) => {
      const { eventType, guard } = transition;
      const targets = (transition.target ?? []).map((target) => nameOf(target));
      return (targets.length === 0 ? [""] : targets).map((target) => ({
        event: eventText(String(eventType)),
        target,
        guarded: guard !== undefined,
      }));
    });
    states.push({ name: nameOf(node), kind: node.type, initial, transitions });
    const first = node.initial?.target ?? [];
    for (const child of Object.values(node.states)) {
      add(child, node.type === "parallel" || first.includes(child));
    }
  };
  add(machine.root, true);
  return states;
}

const nameOf = (node: StateNode): string => node.path.join(".");

/** XState's names for delays and completions carry the machine's id; people read what happened. */
function eventText(type: string): string {
  const [, after] = /^xstate\.after\.([^.]+)\./.exec(type) ?? [];
  if (after !== undefined) return `after ${after} ms`;
  return type.startsWith("xstate.done.") ? "done" : type;
}
