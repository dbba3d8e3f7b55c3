import { useState } from "preact/hooks";

import { mayAsk } from "../live/permissions.ts";
import { actionId, perform } from "../live/actions.ts";
import { restartActor, sendToActor, stopActor } from "../data/strategies.ts";
import { controlSubject } from "../../../../schemas/subjects.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { ConfirmDialog } from "../parts/confirm.tsx";

/** What can be done to an actor that was spawned: pause and resume lose nothing; stop and restart ask first. */
export function ActorActions({
  region,
  id,
  state = "",
}: {
  region: string;
  id: string;
  state?: string;
}) {
  const [asked, ask] = useState<"stop" | "restart" | null>(null);
  const may = (verb: "stop" | "restart" | "send") => mayAsk(controlSubject(region, verb));
  const twin = (verb: string): string =>
    `npx meridian strategy ${verb} ${id} --region ${region} --as operator`;
  const send = (verb: "pause" | "resume"): void => {
    const command = actionId();
    void perform(
      `${verb} ${id}`,
      `${twin(verb)} --command-id ${command}`,
      () => sendToActor(region, id, verb, command),
      (actor) => actor.state,
      command,
    );
  };
  return (
    <div class="buttons">
      {state === "paused" ? (
        <ActionButton may={may("send")} onClick={() => send("resume")} class="small">
          Resume
        </ActionButton>
      ) : (
        <ActionButton may={may("send")} onClick={() => send("pause")} class="small">
          Pause
        </ActionButton>
      )}
      <ActionButton may={may("restart")} onClick={() => ask("restart")} class="small">
        Restart…
      </ActionButton>
      <ActionButton may={may("stop")} onClick={() => ask("stop")} class="small danger">
        Stop…
      </ActionButton>
      {asked !== null && (
        <ConfirmDialog
          title={`${asked === "stop" ? "Stop" : "Restart"} ${id}`}
          typed={id}
          verb={asked === "stop" ? "Stop it" : "Restart it"}
          command={twin(asked)}
          onClose={() => ask(null)}
          run={() =>
            perform(
              `${asked} ${id}`,
              twin(asked),
              () => (asked === "stop" ? stopActor : restartActor)(region, id),
              (actor) => actor.state,
            )
          }
        >
          {asked === "stop" ? (
            <p>
              Its quotes and orders are canceled, then it ends. Its inventory stays in its account;
              its record stays, and Restart brings it back with its state.
            </p>
          ) : (
            <p>
              It is put away and started again with its state. Its orders stay in the book
              meanwhile.
            </p>
          )}
        </ConfirmDialog>
      )}
    </div>
  );
}
