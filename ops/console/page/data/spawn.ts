import { signal } from "@preact/signals";

import { ok, type Result } from "../../../../actors/kernel/result.ts";
import { wire } from "../../../../schemas/messages.ts";
import { decodeRefusal } from "../../../../schemas/sdk/codec.ts";
import { controlSubject } from "../../../../schemas/subjects.ts";
import { person } from "../live/access.ts";
import { ask } from "../live/link.ts";
import {
  type ParameterSchema,
  parametersOf,
  type SpawnOrder,
  type SpawnType,
} from "./spawn-rules.ts";
import type { ActorStatus } from "./strategies.ts";

/** Asks the region's cell what can be spawned, and spawns. */

const { TypesRequest, TypesReply, SpawnRequest, ActorReply } = wire.control.v1;

export const spawnTypes = signal<readonly SpawnType[]>([]);

export async function readTypes(region: string): Promise<Result<readonly SpawnType[]>> {
  const asked = await ask(
    controlSubject(region, "types"),
    TypesRequest.encode({}).finish(),
    (payload) => {
      const { refusal, types } = TypesReply.decode(payload);
      const failure = decodeRefusal(refusal);
      if (failure !== null) return { ok: false, failure };
      return ok(
        (types ?? []).map(({ type, group, schema }) => ({
          type: type ?? "",
          group: group ?? "",
          parameters: parametersOf(JSON.parse(schema ?? "{}") as ParameterSchema),
        })),
      );
    },
  );
  if (asked.ok) spawnTypes.value = asked.value;
  return asked;
}

export interface Spawned {
  readonly actor: ActorStatus;
  readonly repeated: boolean;
  readonly auditId: string;
}

/** `check` says what `spawn` would do. */
export function spawn(
  region: string,
  verb: "check" | "spawn",
  order: SpawnOrder,
): Promise<Result<Spawned>> {
  const requestedBy = person.peek()?.name ?? "";
  const request = SpawnRequest.encode({
    ...order,
    parameters: { ...order.parameters },
    requestedBy,
  }).finish();
  return ask(
    controlSubject(region, verb),
    request,
    (payload) => {
      const { refusal, actor, repeated, auditId } = ActorReply.decode(payload);
      const failure = decodeRefusal(refusal);
      return failure === null
        ? ok({ actor: actor as ActorStatus, repeated, auditId })
        : { ok: false, failure };
    },
    15_000,
  );
}
