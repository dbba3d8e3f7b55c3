import { useState } from "preact/hooks";

import type { Failure } from "../../../../actors/kernel/result.ts";
import {
  changesOf,
  type LimitChange,
  limitCommand,
  type LimitField,
  limitFault,
  limitFields,
  type Limits,
  limitsAfter,
  type LimitTexts,
} from "../data/limit-rules.ts";
import { riskSubject, setLimits, tryLimits } from "../data/risk.ts";
import { actionId, perform } from "../live/actions.ts";
import { mayAsk } from "../live/permissions.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Badge } from "../parts/badge.tsx";
import { ConfirmDialog } from "../parts/confirm.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { grouped } from "../parts/format.ts";
import { Command } from "../parts/panel.tsx";

/** What a value means: 0 is none of two kinds. */
export const limitText = ({ zero, unit }: LimitField, value: number): string =>
  value > 0 ? `${grouped(value)} ${unit}` : zero === "nothing" ? "nothing is allowed" : "no limit";

/** The form of a name's limits: what is written, a dry run by its actor, the name typed. */
export function LimitActions({
  region,
  name,
  held,
}: {
  region: string;
  name: string;
  held: Limits;
}) {
  const [open, setOpen] = useState(false);
  const may = mayAsk(riskSubject(region, name, "set-limits"));
  return (
    <>
      <div class="buttons">
        <ActionButton may={may} class="small" onClick={() => setOpen(true)}>
          Set limits…
        </ActionButton>
      </div>
      {open && may.ok && (
        <LimitForm region={region} name={name} held={held} onClose={() => setOpen(false)} />
      )}
    </>
  );
}

function LimitForm({
  region,
  name,
  held,
  onClose,
}: {
  region: string;
  name: string;
  held: Limits;
  onClose: () => void;
}) {
  // What it was when the form was opened: the actor goes on telling.
  const [before] = useState(held);
  const [texts, setTexts] = useState<LimitTexts>({});
  const [tried, setTried] = useState<{ readonly approvalNeeded: boolean } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const changes = changesOf(before, texts);
  const after = limitsAfter(before, changes);
  const faults = limitFields.filter(({ field }) => limitFault(texts[field] ?? "") !== null);
  const command = limitCommand(region, name, changes);
  const attempt = async (): Promise<void> => {
    const answer = await tryLimits(region, name, after);
    setFailure(answer.ok ? null : answer.failure);
    setTried(answer.ok ? answer.value : null);
  };
  const missing =
    faults.length > 0
      ? `Not yet: ${faults.map(({ title }) => `${title}: a whole number, 0 or more`).join("; ")}.`
      : changes.length === 0
        ? "Nothing is changed yet."
        : tried === null
          ? "The dry run comes first."
          : null;
  return (
    <ConfirmDialog
      title={`Limits of ${name}`}
      typed={name}
      verb={tried?.approvalNeeded === true ? "Ask for them" : "Set them"}
      command={command}
      held={missing}
      onClose={onClose}
      class="wide"
      run={() => {
        const id = actionId();
        return perform(
          `limits of ${name}`,
          command,
          () => setLimits(region, name, id, after),
          ({ proposal }) =>
            proposal === "" ? "they hold" : `waits for a second person, proposal ${proposal}`,
          id,
        );
      }}
    >
      <div class="form-grid limit-grid">
        {limitFields.map((each) => (
          <LimitInput
            key={each.field}
            of={each}
            held={before[each.field] ?? 0}
            text={texts[each.field] ?? ""}
            change={(text) => {
              setTexts({ ...texts, [each.field]: text });
              setTried(null);
            }}
          />
        ))}
      </div>
      <div class="buttons">
        <button
          type="button"
          disabled={changes.length === 0 || faults.length > 0}
          onClick={() => void attempt()}
        >
          Dry run
        </button>
        <span class="quiet">asks its actor; nothing is changed</span>
      </div>
      {failure !== null && <FailureNote of={failure} />}
      {tried !== null && <WouldBe changes={changes} approvalNeeded={tried.approvalNeeded} />}
      <Command line={limitCommand(region, name, changes, true)} />
    </ConfirmDialog>
  );
}

function LimitInput({
  of,
  held,
  text,
  change,
}: {
  of: LimitField;
  held: number;
  text: string;
  change: (text: string) => void;
}) {
  const id = `limit-${of.flag}`;
  const fault = limitFault(text);
  return (
    <div class="field">
      <label for={id}>
        {of.title} <span class="unit">{of.unit}</span>
      </label>
      <input
        id={id}
        class="mono"
        inputMode="numeric"
        autocomplete="off"
        placeholder={String(held)}
        value={text}
        aria-invalid={fault !== null}
        aria-describedby={`${id}-hint`}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <span id={`${id}-hint`} class={fault === null ? "hint" : "hint fail"}>
        {fault ?? `${of.hint}${held === 0 ? `; now ${limitText(of, 0)}` : ""}`}
      </span>
    </div>
  );
}

function WouldBe({
  changes,
  approvalNeeded,
}: {
  changes: readonly LimitChange[];
  approvalNeeded: boolean;
}) {
  return (
    <div class="note info-note" role="status">
      <Badge is={approvalNeeded ? "warn" : "ok"}>
        {approvalNeeded
          ? "More is allowed than now: a second person has to approve it."
          : "Nothing more is allowed than now: it holds at once."}
      </Badge>
      <ul class="effects">
        {changes.map((each) => (
          <li key={each.field}>
            {each.title}: {limitText(each, each.from)} → <b>{limitText(each, each.to)}</b>
          </li>
        ))}
      </ul>
    </div>
  );
}
