import { type ActorRefFrom, createActor, setup } from "xstate";

import { receivers, type Subject } from "./subject.ts";

const counted = { worked: 0 };

/** The same idle machine, and a message is an event that it takes without changing its state. */
const machine = setup({
  types: { events: {} as { readonly type: "work" } },
  actions: {
    work: () => {
      counted.worked += 1;
    },
  },
}).createMachine({ initial: "open", states: { open: { on: { work: { actions: "work" } } } } });

/** Raw XState: root actors, each observed, nothing above them. */
export async function xstateSubject(): Promise<Subject> {
  const actors: ActorRefFrom<typeof machine>[] = [];
  return {
    async spawn(count) {
      for (let index = 0; index < count; index += 1) {
        const actor = createActor(machine);
        actor.subscribe({ next() {}, error() {}, complete() {} });
        actor.start();
        actors.push(actor);
      }
    },
    async messages(count) {
      counted.worked = 0;
      const taking = Math.min(receivers, actors.length);
      for (let sent = 0; sent < count; sent += 1) actors[sent % taking]?.send({ type: "work" });
      if (counted.worked !== count) throw new Error(`${counted.worked} of ${count} were taken`);
    },
    crash: null,
  };
}
