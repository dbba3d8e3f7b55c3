import { EVENT_SLOT_BYTES } from "../../actors/kernel/ports/matching-engine.ts";
import { readEventFields } from "../../native/event-slots.ts";
import { eventKinds } from "../../native/slots.ts";
import type { Truth } from "../simulation/oracle.ts";
import type { Execution, OuchAnswer } from "./ledger.ts";

/** What clients of OUCH were told against the chain. */
export interface OuchVerdict {
  /** Answers that promise something: accepted orders, and rejections that the chain has. */
  readonly answers: number;
  readonly resent: number;
  readonly lost: number;
  readonly violations: readonly string[];
}

export function judgeOuch(
  truth: Truth,
  answered: readonly OuchAnswer[],
  executed: readonly Execution[],
): OuchVerdict {
  const violations: string[] = [];
  let answers = 0;
  let resent = 0;
  let lost = 0;
  for (const answer of answered) {
    const { market, client, session, number, orderId, reason, epoch } = answer;
    const name = `${market}: OUCH answer to ${session}:${number} (epoch ${epoch}, client ${client})`;
    const found = truth.outcomes.get(`${session}:${number}`);
    const isRefused = (found?.refusal ?? null) !== null;
    // A gateway rejects what the market never sees.
    if (reason !== 0 && found === undefined) continue;
    answers += 1;
    resent += answer.resent ? 1 : 0;
    if (found === undefined) {
      lost += 1;
      violations.push(`${name} is not on the chain`);
    } else if (reason !== 0 && !isRefused) {
      violations.push(`${name} was a rejection (${reason}), the chain accepted it`);
    } else if (reason === 0 && (isRefused || found.orderId !== orderId)) {
      lost += 1;
      violations.push(
        `${name} was order ${orderId}, the chain has ${found.refusal?.code ?? found.orderId}`,
      );
    }
  }
  for (const execution of executed) {
    const fault = faultOf(truth, execution);
    if (fault === null) continue;
    lost += 1;
    const { market, client, sequence, index, quantity, price } = execution;
    violations.push(
      `${market}: client ${client} was told by OUCH of ${quantity} at ${price} at ${sequence}/${index}, ${fault}`,
    );
  }
  return { answers, resent, lost, violations };
}

/** What the chain has instead of the execution; null: the same. */
function faultOf(truth: Truth, execution: Execution): string | null {
  const { sequence, index, quantity, price, session, number } = execution;
  const bytes = truth.events.get(sequence);
  if (bytes === undefined) return "which the chain does not have";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; at += EVENT_SLOT_BYTES) {
    const event = readEventFields(view, at);
    if (event.index !== index || eventKinds[event.kind] !== "executed") continue;
    if (event.quantity !== quantity || Number(event.price) !== price) {
      return `the chain has ${event.quantity} at ${event.price}`;
    }
    const order = truth.outcomes.get(`${session}:${number}`)?.orderId;
    const sides = [Number(event.orderId), Number(event.otherOrderId)];
    return order !== undefined && order !== null && sides.includes(order)
      ? null
      : `the chain has it of orders ${sides.join(" and ")}`;
  }
  return "which is no execution on the chain";
}
