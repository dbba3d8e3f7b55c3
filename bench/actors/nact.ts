import { createRequire } from "node:module";
import { join } from "node:path";

import { repository } from "../../test/support/shared-data.ts";
import { receivers, type Subject } from "./subject.ts";

/** Where the package of npm/package-lock.json is installed: not among the product's own. */
export const installed = join(repository, "build", "bench", "actors", "npm");

interface Context {
  readonly resume: unknown;
  readonly reset: unknown;
}
interface Nact {
  start(): object;
  spawnStateless(
    parent: object,
    receive: (message: "work" | "crash") => void,
    name: string,
    options: { readonly onCrash: (message: unknown, error: Error, context: Context) => unknown },
  ): object;
  dispatch(ref: object, message: "work" | "crash"): void;
}

/** nact: actors under its system, a crash answered by a reset, which is its restart. */
export async function nactSubject(): Promise<Subject> {
  const require = createRequire(join(installed, "package.json"));
  const nact = require("nact") as Nact;
  const system = nact.start();
  const counted = { worked: 0 };
  let onWork: (() => void) | null = null;
  const receive = (message: "work" | "crash"): void => {
    if (message === "crash") throw new Error("told to");
    counted.worked += 1;
    onWork?.();
  };
  const onCrash = (_message: unknown, _error: Error, context: Context): unknown => context.reset;
  const refs: object[] = [];
  return {
    async spawn(count) {
      for (let index = 0; index < count; index += 1) {
        refs.push(nact.spawnStateless(system, receive, `w${index}`, { onCrash }));
      }
    },
    async messages(count) {
      counted.worked = 0;
      const taking = Math.min(receivers, refs.length);
      for (let sent = 0; sent < count; sent += 1) {
        nact.dispatch(refs[sent % taking] as object, "work");
        // Its mailboxes have no bound: as many wait as ours hold.
        if (sent % (taking * 256) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      while (counted.worked < count) await new Promise((resolve) => setImmediate(resolve));
    },
    crash() {
      return new Promise((resolve) => {
        onWork = () => {
          onWork = null;
          resolve();
        };
        nact.dispatch(refs[0] as object, "crash");
        nact.dispatch(refs[0] as object, "work");
      });
    },
  };
}
