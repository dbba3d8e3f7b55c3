import { computed } from "@preact/signals";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { controlSubject, type ControlVerb } from "../../../../schemas/subjects.ts";
import { access, person } from "../live/access.ts";
import { ask } from "../live/link.ts";
import { polled, type Source } from "../live/source.ts";

export type ActorStatus = wire.control.v1.ActorStatus;

const {
  ListRequest,
  ListReply,
  ActorReply,
  DescribeRequest,
  StopRequest,
  RestartRequest,
  SendRequest,
} = wire.control.v1;

/** Inventory, profit and quotes age fast; the list comes with all of them in one answer. */
const everyMs = 1_000;
/** One page of the list; more actors than that are for the tree. */
const pageSize = 500;
const actionTimeoutMs = 15_000;

const sources = new Map<string, Source<readonly ActorStatus[]>>();

/** The actors that were spawned in a region, with what each last reported. */
export function strategiesOf(region: string): Source<readonly ActorStatus[]> {
  const known = sources.get(region);
  if (known !== undefined) return known;
  const made = polled<readonly ActorStatus[]>(everyMs, () =>
    ask(
      controlSubject(region, "list"),
      ListRequest.encode({ limit: pageSize }).finish(),
      (payload) => {
        const { refusal, actors } = ListReply.decode(payload);
        const failure = decodeRefusal(refusal);
        return failure === null ? ok((actors ?? []) as ActorStatus[]) : { ok: false, failure };
      },
    ),
  );
  sources.set(region, made);
  return made;
}

/** It failed too often to be started again: the code at the begin of its detail says so. */
export const isGivenUp = (state: string, detail: string): boolean =>
  state === "stopped" && detail.startsWith("strategy_given_up");

/** Of all regions; read as long as somebody holds the sources. */
export const strategies = computed<readonly ActorStatus[]>(() =>
  (access.value?.regions ?? []).flatMap((region) => strategiesOf(region).reading.value.value ?? []),
);

function decodeActor(payload: Uint8Array): Result<ActorStatus> {
  const { refusal, actor } = ActorReply.decode(payload);
  const failure = decodeRefusal(refusal);
  return failure === null ? ok(actor as ActorStatus) : { ok: false, failure };
}

const control = (
  region: string,
  verb: ControlVerb,
  payload: Uint8Array,
): Promise<Result<ActorStatus>> =>
  ask(controlSubject(region, verb), payload, decodeActor, actionTimeoutMs);

const requester = (): string => person.peek()?.name ?? "";

export const describeActor = (region: string, id: string): Promise<Result<ActorStatus>> =>
  control(region, "describe", DescribeRequest.encode({ id }).finish());
export const stopActor = (region: string, id: string): Promise<Result<ActorStatus>> =>
  control(region, "stop", StopRequest.encode({ id, requestedBy: requester() }).finish());
export const restartActor = (region: string, id: string): Promise<Result<ActorStatus>> =>
  control(region, "restart", RestartRequest.encode({ id, requestedBy: requester() }).finish());
export const sendToActor = (
  region: string,
  id: string,
  verb: "pause" | "resume" | "flatten",
  commandId: string,
): Promise<Result<ActorStatus>> =>
  control(region, "send", SendRequest.encode({ id, commandId, verb }).finish());
