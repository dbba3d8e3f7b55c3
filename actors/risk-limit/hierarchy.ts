import type { Result } from "../kernel/result.ts";
import { done, type RiskLimitState } from "./decide.ts";
import type { Outcome, RiskLimitCommand, RiskLimitMessage, RiskLimitReply } from "./messages.ts";

export type Climbing = Extract<RiskLimitCommand, { readonly type: "reserve" | "release" | "hold" }>;
type Hold = Extract<RiskLimitCommand, { readonly type: "hold" }>;
type Asked = Extract<RiskLimitCommand, { readonly type: "reserve" | "release" }>;

/** Null: nobody knows what came of it; the sender sends the same command id again. */
export type Answered = RiskLimitReply | null;

export interface Levels {
  /** The name itself. Failures are ambiguous or passing. */
  readonly self: (message: RiskLimitMessage) => Promise<Result<RiskLimitReply>>;
  /** Another name, with everything above it. */
  readonly parent: (name: string, message: Climbing) => Promise<Answered>;
}

/** Of a level, at its parent: all that its members hold. */
const heldBelow = (name: string, { held, revision, markets }: Outcome) => ({
  type: "hold" as const,
  from: name,
  epoch: 0,
  number: revision,
  quantity: held,
  markets,
});
export const holdOf = (name: string, state: RiskLimitState) => heldBelow(name, done(state).outcome);

/**
 * What a member holds, at the level `name`. With an order to follow every level up to the root is asked, also
 * when nothing has changed: each says whether it takes orders, and one that cannot be reached takes none.
 * What a parent refuses stays counted here until the member says what it holds after all; so more may be
 * counted than is open, never less. Without an order nobody waits for the parent: it is told until it knows.
 */
export async function holdThroughLevels(
  levels: Levels,
  name: string,
  command: Hold,
): Promise<Answered> {
  const own = await levels.self(command);
  if (!own.ok) return null;
  const { value: reply } = own;
  const { parent } = reply.outcome;
  if (reply.type === "refused" || parent === "" || command.largest === 0) return reply;
  const { commandId, largest } = command;
  const above = await levels.parent(parent, {
    ...heldBelow(name, reply.outcome),
    commandId,
    largest,
  });
  if (above === null || above.type === "done") return above === null ? null : reply;
  return { ...above, outcome: reply.outcome };
}

/**
 * A reservation holds when every level up to the root has taken it, and then each of them counts it. When
 * a parent refuses, this level takes its own back under an id that is remembered, so that a resend is
 * refused too and never counted by the parent alone. A crash in between leaves at most a reservation that
 * a resend completes or takes back: more reserved than used, never less.
 */
export async function throughLevels(levels: Levels, command: Asked): Promise<Answered> {
  const own = await levels.self(command);
  if (!own.ok) return null;
  const { value: reply } = own;
  const { parent } = reply.outcome;
  if (reply.type === "refused" || parent === "") return reply;
  if (command.type === "release") {
    const above = await levels.parent(parent, command);
    return above?.type === "done" ? reply : above;
  }
  if (reply.repeated) {
    const now = await levels.self({ type: "describe", reservation: command.commandId });
    if (!now.ok) return null;
    if (now.value.outcome.undone) return undone(command, now.value);
  }
  const above = await levels.parent(parent, command);
  if (above === null || above.type === "done") return above === null ? null : reply;
  const taken = await levels.self({
    type: "undo",
    commandId: `undo/${command.commandId}`.slice(0, 128),
    reservation: command.commandId,
    quantity: command.quantity,
  });
  if (!taken.ok) return null;
  return { ...above, outcome: taken.value.outcome };
}

function undone(command: Asked, { outcome }: RiskLimitReply): RiskLimitReply {
  return {
    type: "refused",
    failure: {
      code: "limit_exceeded",
      reason: `${outcome.parent} refused ${command.commandId}, so it was taken back`,
      next: "reserve again under another id",
      limit: 0,
      requested: command.quantity,
    },
    outcome,
  };
}
