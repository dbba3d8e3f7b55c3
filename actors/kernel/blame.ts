import { AsyncLocalStorage } from "node:async_hooks";

/**
 * Whose code is running. Timers, promises and callbacks started while an actor runs carry its scope
 * along, so an error that nobody caught can be laid at the right door.
 */
export interface Scope {
  readonly path: string;
  /** Makes the error that actor's failure; counted and logged when the incarnation has ended. */
  blame(error: unknown): void;
}

const current = new AsyncLocalStorage<Scope>();

/** Runs the body as the scope's actor. */
export function runAs<T>(scope: Scope, body: () => T): T {
  return current.run(scope, body);
}

/** Whose code is running now; undefined for nobody's. */
export function currentScope(): Scope | undefined {
  return current.getStore();
}

/** Runs the body as nobody's: what the kernel does for an actor is not that actor's doing. */
export function runUnowned<T>(body: () => T): T {
  return current.exit(body);
}

/**
 * Catches what escapes to the process: an uncaught exception or an unhandled rejection fails the
 * actor that started the work instead of ending the process. What no actor started goes to
 * `unowned`, which should end the process: its state is unknown. Returns a function that removes the
 * trap. One trap serves all actor systems of the process.
 */
export function trapProcessFailures(unowned: (error: unknown) => void): () => void {
  const trap = (error: unknown): void => {
    const scope = current.getStore();
    if (scope === undefined) unowned(error);
    else scope.blame(error);
  };
  process.on("uncaughtException", trap);
  process.on("unhandledRejection", trap);
  return () => {
    process.off("uncaughtException", trap);
    process.off("unhandledRejection", trap);
  };
}
