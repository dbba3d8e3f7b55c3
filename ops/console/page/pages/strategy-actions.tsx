import { useState } from "preact/hooks";

import { mayAsk } from "../live/permissions.ts";
import { actionId, perform } from "../live/actions.ts";
import { restartActor, sendToActor, stopActor } from "../data/strategies.ts";
import { controlSubject } from "../../../../schemas/subjects.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { ConfirmDialog } from "../parts/confirm.tsx";
import { grouped } from "../parts/format.ts";

/** What can be done to an actor that was spawned: pause and resume lose nothing; stop and restart ask first. */
export function ActorActions({
  region,
  id,
  state = "",
  inventory = null,
}: {
  region: string;
  id: string;
  state?: string;
  /** Units; null: it has none to flatten. */
  inventory?: number | null;
}) {
  const [asked, ask] = useState<"stop" | "restart" | "flatten" | null>(null);
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
      {inventory !== null && (
        <ActionButton may={may("send")} onClick={() => ask("flatten")} class="small">
          Flatten…
        </ActionButton>
      )}
      {asked === "flatten" && (
        <Flatten
          region={region}
          id={id}
          inventory={inventory ?? 0}
          command={twin("flatten")}
          onClose={() => ask(null)}
        />
      )}
      {asked !== null && asked !== "flatten" && (
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

function Flatten({
  region,
  id,
  inventory,
  command,
  onClose,
}: {
  region: string;
  id: string;
  inventory: number;
  command: string;
  onClose: () => void;
}) {
  const [own] = useState(actionId);
  return (
    <ConfirmDialog
      title={`Flatten ${id}`}
      typed={id}
      verb="Flatten it"
      command={`${command} --command-id ${own}`}
      onClose={onClose}
      run={() =>
        perform(
          `flatten ${id}`,
          `${command} --command-id ${own}`,
          () => sendToActor(region, id, "flatten", own),
          (actor) => actor.state,
          own,
        )
      }
    >
      <ul class="effects">
        <li>Its quotes are canceled.</li>
        <li>
          {inventory === 0
            ? "It holds nothing now; what is filled meanwhile is traded away."
            : `${grouped(Math.abs(inventory))} units are ${inventory > 0 ? "sold" : "bought"} at the best price of the other side, until none are left.`}
        </li>
        <li>Then it is paused, until somebody resumes it.</li>
      </ul>
    </ConfirmDialog>
  );
}
