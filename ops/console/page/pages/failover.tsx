import { useEffect, useState } from "preact/hooks";

import type { Failure } from "../../../../actors/kernel/result.ts";
import { operationsSubject } from "../../../../schemas/subjects.ts";
import {
  abort,
  abortCommand,
  approve,
  approveCommand,
  failover,
  failoverCommand,
  type FailoverAnswer,
  type FailoverPlan,
  steps as heardSteps,
} from "../data/failover.ts";
import { silentAfterMs } from "../data/problems.ts";
import { type RegionView, regions } from "../data/status.ts";
import { actionId, perform } from "../live/actions.ts";
import { now } from "../live/clock.ts";
import { mayAsk } from "../live/permissions.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Badge, type Meaning } from "../parts/badge.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { ageText, grouped, millisecondText } from "../parts/format.ts";
import { Command, Panel } from "../parts/panel.tsx";
import { amend, hrefOf, place } from "../router.ts";
import { regionMeaning } from "./region-meaning.ts";

/** Four steps: checks, dry run, confirmation, and the move itself as it happens. */
export function FailoverPage({ of }: { of: RegionView }) {
  const { name } = of;
  const others = regions.value.filter((each) => each.name !== name);
  const { query } = place.value;
  const to =
    query["to"] ??
    others.find((each) => each.status?.ready === true)?.name ??
    others[0]?.name ??
    "";
  const [id] = useState(() => query["id"] ?? actionId());
  const [answer, setAnswer] = useState<FailoverAnswer | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const silent = of.at === 0 || now.value - of.at > silentAfterMs;
  const at = silent ? to : name;
  const wish = { from: name, to, at, reason: "" };
  const may = mayAsk(operationsSubject(at, "failover"));
  const dryRun = async (): Promise<void> => {
    const planned = await failover({ ...wish, id: actionId(), dryRun: true, acceptLoss: false });
    setFailure(planned.ok ? null : planned.failure);
    if (planned.ok) setAnswer(planned.value);
  };
  const begun = heardSteps.value.some((step) => step.id === id);
  const plan = answer?.plan ?? null;
  return (
    <div class="page failover">
      <div class="page-head">
        <a class="link" href={hrefOf(["regions"])}>
          Regions
        </a>
        <h1>Fail over {name}</h1>
        <Badge is={regionMeaning(of, now.value)[0]}>{regionMeaning(of, now.value)[1]}</Badge>
        <label class="push">
          to{" "}
          <select value={to} onChange={(event) => amend({ to: event.currentTarget.value })}>
            {others.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Stepper
        at={begun ? 4 : plan === null ? 1 : 3}
        titles={["Checks", "Dry run", "Confirm", "Run"]}
      />
      {failure !== null && <FailureNote of={failure} />}
      {begun ? (
        <Progress id={id} at={at} />
      ) : (
        <div class="failover-grid">
          <Panel title="1 Checks and 2 Dry run" flush>
            <div class="stack padded">
              <p class="second">
                {silent
                  ? `${name} is silent: ${to} would claim what it follows. What ${name} alone had on its disks stays there.`
                  : `${name} lives: it drains, writes its last record, and hands over. Nothing that was acknowledged is lost.`}
              </p>
              <div class="buttons">
                <ActionButton
                  may={may}
                  class={plan === null ? "primary" : ""}
                  onClick={() => void dryRun()}
                >
                  {plan === null ? "Run the checks" : "Check again"}
                </ActionButton>
              </div>
              {plan !== null && <Plan of={plan} />}
              <h3>The same by CLI</h3>
              <Command line={failoverCommand(name, to, true)} />
            </div>
          </Panel>
          <Confirm plan={plan} wish={{ ...wish, id }} may={may} onFailure={setFailure} />
        </div>
      )}
    </div>
  );
}

function Stepper({ at, titles }: { at: number; titles: readonly string[] }) {
  return (
    <ol class="stepper" aria-label="steps">
      {titles.map((title, index) => (
        <li
          key={title}
          aria-current={index + 1 === at ? "step" : undefined}
          class={index + 1 < at ? "done" : ""}
        >
          <span class="mono">{index + 1 < at ? "●" : index + 1}</span> {title}
        </li>
      ))}
    </ol>
  );
}

const levels: Readonly<Record<string, Meaning>> = { ok: "ok", warning: "warn", fault: "fail" };

function Plan({ of }: { of: FailoverPlan }) {
  return (
    <>
      <ul class="checks" aria-label="checks">
        {(of.checks ?? []).map((check) => (
          <li key={`${check.name}/${check.what}`}>
            <Badge is={levels[check.level ?? ""] ?? "info"}>{check.name}</Badge>{" "}
            <span>{check.what}</span>
          </li>
        ))}
      </ul>
      <div class="scroll" tabIndex={0} role="group" aria-label="markets that would move">
        <table>
          <thead>
            <tr>
              <th scope="col">Market</th>
              <th scope="col">Mode</th>
              <th scope="col" class="number">
                Epoch
              </th>
              <th scope="col" class="number">
                Last sequence
              </th>
              <th scope="col" class="number">
                Standby at
              </th>
              <th scope="col" class="number">
                Lag
              </th>
              <th scope="col">Expected loss</th>
            </tr>
          </thead>
          <tbody>
            {(of.markets ?? []).map((market) => (
              <tr key={market.market}>
                <td class="strong">{market.market}</td>
                <td>{market.mode}</td>
                <td class="number">{grouped(market.epoch ?? 0)}</td>
                <td class="number">{grouped(market.matched || market.committed || 0)}</td>
                <td class="number">{grouped(market.standbySequence ?? 0)}</td>
                <td class="number">{grouped(market.lagRecords ?? 0)}</td>
                <td>
                  {market.loss === "none" ? (
                    <Badge is="ok">none</Badge>
                  ) : (
                    <Badge is="fail">
                      {market.loss}
                      {(market.lossRecords ?? 0) > 0 &&
                        `, at least ${grouped(market.lossRecords ?? 0)} records`}
                    </Badge>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

interface ConfirmProps {
  readonly plan: FailoverPlan | null;
  readonly wish: {
    readonly id: string;
    readonly from: string;
    readonly to: string;
    readonly at: string;
  };
  readonly may: ReturnType<typeof mayAsk>;
  readonly onFailure: (failure: Failure | null) => void;
}

function Confirm({ plan, wish, may, onFailure }: ConfirmProps) {
  const [typed, setTyped] = useState("");
  const [reason, setReason] = useState("");
  const [acceptLoss, setAcceptLoss] = useState(false);
  const faults = (plan?.checks ?? []).filter(({ level }) => level === "fault");
  const lossy = (plan?.markets ?? []).some(({ loss }) => loss !== "none");
  const held =
    plan === null
      ? "The checks come first."
      : faults.length > 0
        ? "A check says no."
        : lossy && !acceptLoss
          ? "The expected loss is not accepted."
          : typed.trim() !== wish.from
            ? `Type ${wish.from}.`
            : null;
  const command = failoverCommand(wish.from, wish.to, false, acceptLoss);
  const run = async (): Promise<void> => {
    if (held !== null) return;
    amend({ id: wish.id });
    const outcome = await perform(
      `fail over ${wish.from} to ${wish.to}`,
      command,
      () => failover({ ...wish, reason, dryRun: false, acceptLoss }),
      ({ status }) =>
        status?.state === "awaiting_approval" ? "waits for a second person" : "begun",
      wish.id,
    );
    onFailure(outcome.ok ? null : outcome.failure);
  };
  return (
    <Panel title="3 Confirm" flush>
      <form
        class="stack padded"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        <label class="field">
          <span>Reason, for the audit trail</span>
          <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        {lossy && (
          <label class="fail">
            <input
              type="checkbox"
              checked={acceptLoss}
              onChange={(event) => setAcceptLoss(event.currentTarget.checked)}
            />{" "}
            I have read the expected loss and take it
          </label>
        )}
        <label class="field">
          <span>
            Type <code>{wish.from}</code> to confirm
          </span>
          <input
            class="mono"
            autocomplete="off"
            spellcheck={false}
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <p class="second">
          {plan?.approvalNeeded === true
            ? "Then a second person approves it on a screen of their own."
            : "In this profile it begins at once; in production a second person approves it first."}
        </p>
        {held !== null && <p class="quiet">{held}</p>}
        <div class="buttons">
          {held === null ? (
            <ActionButton may={may} class="danger" submits onClick={() => void run()}>
              Move its markets to {wish.to}
            </ActionButton>
          ) : (
            <button type="submit" class="danger" disabled>
              Move its markets to {wish.to}
            </button>
          )}
        </div>
        <h3>The same by CLI</h3>
        <Command line={command} />
      </form>
    </Panel>
  );
}

const words: Readonly<Record<string, string>> = {
  requested: "asked for",
  awaiting_approval: "waits for a second person",
  approved: "approved",
  draining: "takes no more orders, drains",
  handed_over: "last record written, handed over",
  taken: "is being claimed",
  market_moved: "serves at its new place",
  actors_leaving: "strategies and risk limits leave",
  actors_moved: "strategies and risk limits work at their new place",
  drained: "drained",
  done: "done",
  aborting: "is to end where it stands",
  aborted: "aborted: what had not moved stayed",
  failed: "failed",
};

function Progress({ id, at }: { id: string; at: string }) {
  const steps = heardSteps.value.filter((step) => step.id === id);
  const first = steps[0]?.atUnixMs ?? 0;
  const last = steps.at(-1);
  const ended = ["done", "failed", "aborted"].includes(last?.step ?? "");
  const waits = last?.step === "awaiting_approval";
  const told = last?.at ?? at;
  useEffect(() => {
    document.querySelector(".failover .trail li:last-child")?.scrollIntoView({ block: "nearest" });
  }, [steps.length]);
  return (
    <Panel
      title="4 Run"
      flush
      aside={
        <Badge is={last?.step === "done" ? "ok" : last?.step === "failed" ? "fail" : "info"}>
          {ended
            ? `${last?.step} after ${ageText((last?.atUnixMs ?? 0) - first)}`
            : `since ${ageText(now.value - first)}`}
        </Badge>
      }
    >
      <div class="stack padded">
        <ol class="trail run-steps" aria-live="polite">
          {steps.map((step) => (
            <li key={`${step.at}/${step.number}`}>
              <time class="mono quiet">{millisecondText(step.atUnixMs)}</time>{" "}
              <span class="mono quiet number">+{grouped(step.atUnixMs - first)} ms</span>{" "}
              <span>
                {step.market !== "" && <b>{step.market} </b>}
                <span class={step.step === "failed" ? "fail" : step.step === "done" ? "ok" : ""}>
                  {words[step.step] ?? step.step.replaceAll("_", " ")}
                </span>{" "}
                <span class="second">
                  {step.detail !== "claiming" && step.detail} {step.by !== "" && `by ${step.by}`}
                </span>
              </span>
            </li>
          ))}
        </ol>
        <div class="buttons">
          {waits && (
            <ActionButton
              may={mayAsk(operationsSubject(told, "approve"))}
              onClick={() =>
                void perform(
                  `approve ${id}`,
                  approveCommand(told, id),
                  () => approve(told, id),
                  ({ status }) => status?.state ?? "approved",
                )
              }
            >
              Approve, as the second person
            </ActionButton>
          )}
          {!ended && (
            <ActionButton
              may={mayAsk(operationsSubject(told, "failover-abort"))}
              class="danger"
              onClick={() =>
                void perform(
                  `abort ${id}`,
                  abortCommand(told, id),
                  () => abort(told, id),
                  () => "asked for",
                )
              }
            >
              Abort
            </ActionButton>
          )}
        </div>
        {!ended && (
          <>
            <p class="second">
              Abort holds until a market's last record is written here: it goes on at once. What has
              moved stays moved.
            </p>
            <h3>The same by CLI</h3>
            {waits && <Command line={approveCommand(told, id)} />}
            <Command line={abortCommand(told, id)} />
          </>
        )}
        {ended && (
          <p>
            <a class="link" href={hrefOf(["audit"], { id })}>
              Audit trail of {id}
            </a>
          </p>
        )}
      </div>
    </Panel>
  );
}
