/**
 * How an actor's life ends. OTP's words: `normal` (its machine reached a final state), `shutdown`
 * (its supervisor or an operator stopped it), `killed` (stopped without being asked, or it did not
 * stop in the time its child specification gives), `failed` (an error), `noproc` (a watched path
 * has no actor).
 */
export type ExitReason =
  | { readonly kind: "normal" }
  | { readonly kind: "shutdown" }
  | { readonly kind: "killed" }
  | { readonly kind: "failed"; readonly failure: ActorFailure }
  | { readonly kind: "noproc" };

/** An error as plain data, for the tree, the log and dead letters; at most 4 KiB of text. */
export interface ActorFailure {
  /** Class of the error, `Error` when something else was thrown. */
  readonly name: string;
  readonly message: string;
  /** Where it was thrown, with the chain of causes; empty when unknown. */
  readonly stack: string;
  /** What the actor was doing: `create`, `restore`, `receive`, `lifecycle`, `task`, `timer`, `callback`, `process`, `link`, `children`. */
  readonly during: FailurePhase;
}
export type FailurePhase =
  | "create"
  | "restore"
  | "receive"
  | "lifecycle"
  | "task"
  | "timer"
  | "callback"
  | "process"
  | "link"
  | "children";

/** What a death watch tells: every end of every incarnation of the watched path. */
export interface Exit {
  /** Path in the tree, for example `/eu-central/markets/BTC-EUR`. */
  readonly path: string;
  /** 1 for the first start of this path, one more with each restart; 0 with `noproc`. */
  readonly incarnation: number;
  readonly reason: ExitReason;
}

const textLimit = 2_048;

/** How the other end of a link ends: for the same reason, which names who ended first. Not for `normal`. */
export function linkedExit(exit: Exit): ExitReason {
  const { path, reason } = exit;
  if (reason.kind === "shutdown" || reason.kind === "killed") return reason;
  if (reason.kind !== "failed") {
    const message = `no actor runs at ${path}`;
    return { kind: "failed", failure: { name: "NoProcError", message, stack: "", during: "link" } };
  }
  const { failure } = reason;
  if (failure.during === "link") return reason;
  const message = `linked to ${path}: ${failure.message}`.slice(0, textLimit);
  return { kind: "failed", failure: { ...failure, message, during: "link" } };
}

/** Any thrown value as plain data. Never throws. */
export function failureOf(error: unknown, during: FailurePhase): ActorFailure {
  if (!(error instanceof Error)) {
    return { name: "Error", message: describe(error).slice(0, textLimit), stack: "", during };
  }
  return {
    name: error.name,
    message: error.message.slice(0, textLimit),
    stack: stackOf(error).slice(0, textLimit),
    during,
  };
}

/** One line for the tree: `TypeError: x is undefined (receive)`; empty for an exit without failure. */
export function summary(reason: ExitReason | null): string {
  if (reason === null) return "";
  if (reason.kind !== "failed") return reason.kind === "killed" ? "killed" : "";
  const { name, message, during } = reason.failure;
  return `${name}: ${message.split("\n", 1)[0] ?? ""} (${during})`;
}

function stackOf(error: Error): string {
  const own = error.stack ?? "";
  return error.cause instanceof Error ? `${own}\ncaused by: ${stackOf(error.cause)}` : own;
}

function describe(value: unknown): string {
  try {
    return typeof value === "string" ? value : (JSON.stringify(value) ?? typeof value);
  } catch {
    return typeof value;
  }
}
