import { useMemo, useState } from "preact/hooks";

import { limitCommand, limitFields } from "../data/limit-rules.ts";
import {
  approveRisk,
  resumeRisk,
  type RiskLimit,
  riskSource,
  riskSubject,
  scopeText,
  stopRisk,
  utilisationOf,
} from "../data/risk.ts";
import { actionId, perform } from "../live/actions.ts";
import { mayAsk } from "../live/permissions.ts";
import { useSource } from "../live/source.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { ConfirmDialog } from "../parts/confirm.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { grouped, plural } from "../parts/format.ts";
import { Age, Command, Facts } from "../parts/panel.tsx";
import { RiskState } from "./risk.tsx";
import { LimitActions, limitText } from "./risk-limits.tsx";

/** `name`: region/name. */
export function RiskDrawer({ name: given }: { name: string }) {
  const [region = "", name = ""] = given.split("/");
  const source = useMemo(() => riskSource(region, name), [given]);
  const { value, failure } = useSource(source);
  return (
    <>
      <h1>{name}</h1>
      <p class="quiet">
        {region} <Age sources={[source]} />
      </p>
      {value === null && failure !== null && <FailureNote of={failure} />}
      {value !== null && (
        <>
          <RiskState of={value} />
          <RiskActions region={region} name={name} of={value} />
          <Facts
            of={[
              ["scope", scopeText(value.scope)],
              ["parent", value.parent || "none"],
              ["account", value.account === 0 ? "none" : grouped(value.account)],
              ["profit", grouped(value.profit)],
              ...utilisationOf(value).map(
                (each) =>
                  [
                    each.title,
                    `${grouped(each.used)} of ${grouped(each.limit)} ${each.unit}`,
                  ] as const,
              ),
            ]}
          />
          <section>
            <h2>Limits</h2>
            <Facts
              of={limitFields.map((each) => [
                each.title,
                limitText(each, value.limits?.[each.field] ?? 0),
              ])}
            />
            <LimitActions region={region} name={name} held={value.limits ?? {}} />
          </section>
        </>
      )}
      <section>
        <h2>The same by CLI</h2>
        <Command line={`npx meridian account show ${name} --region ${region}`} />
        <Command line={limitCommand(region, name, [])} />
      </section>
    </>
  );
}

function RiskActions({ region, name, of }: { region: string; name: string; of: RiskLimit }) {
  const [asked, ask] = useState<"stop" | "resume" | null>(null);
  const [reason, setReason] = useState("");
  const may = (verb: string) => mayAsk(riskSubject(region, name, verb));
  const twin = (verb: string): string =>
    `npx meridian account ${verb} ${name} --region ${region}${verb === "stop" && reason !== "" ? ` --reason '${reason}'` : ""} --as operator`;
  return (
    <div class="buttons">
      {of.stopped === "" ? (
        <ActionButton may={may("stop")} class="small danger" onClick={() => ask("stop")}>
          Kill switch…
        </ActionButton>
      ) : (
        <ActionButton may={may("resume")} class="small" onClick={() => ask("resume")}>
          Resume…
        </ActionButton>
      )}
      {of.proposal !== "" && (
        <ActionButton
          may={may("approve")}
          class="small"
          onClick={() => {
            const id = actionId();
            void perform(
              `approve ${of.proposal}`,
              `npx meridian account approve ${name} ${of.proposal} --region ${region} --as approver`,
              () => approveRisk(region, name, id, of.proposal),
              () => "approved",
              id,
            );
          }}
        >
          Approve {of.proposal}
        </ActionButton>
      )}
      {asked !== null && (
        <ConfirmDialog
          title={asked === "stop" ? `Stop ${name}` : `Resume ${name}`}
          typed={name}
          verb={asked === "stop" ? "Stop it" : "Ask for it"}
          command={twin(asked)}
          onClose={() => ask(null)}
          run={() => {
            const id = actionId();
            return perform(
              `${asked} ${name}`,
              twin(asked),
              () =>
                asked === "stop"
                  ? stopRisk(region, name, id, reason)
                  : resumeRisk(region, name, id),
              (after) =>
                after.proposal === ""
                  ? "done"
                  : `waits for a second person, proposal ${after.proposal}`,
              id,
            );
          }}
        >
          {asked === "stop" ? (
            <>
              <ul class="effects">
                <li>No order of {name}, and of what is below it, is taken from now on.</li>
                <li>
                  {plural(of.reserved, "lot")} are open now; what rests in a book is canceled there.
                </li>
                <li>Taking orders again needs a second person.</li>
              </ul>
              <label class="field">
                <span>Reason, for the audit trail</span>
                <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
              </label>
            </>
          ) : (
            <p>
              It was stopped: {of.stopped}. It takes orders again when a second person has approved
              this.
            </p>
          )}
        </ConfirmDialog>
      )}
    </div>
  );
}
