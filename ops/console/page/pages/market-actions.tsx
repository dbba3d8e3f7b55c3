import { useState } from "preact/hooks";

import { operationsSubject } from "../../../../schemas/subjects.ts";
import type { Result } from "../../../../actors/kernel/result.ts";
import {
  changeCommand,
  type Changed,
  changeMode,
  changePhase,
  changeState,
  type ModeName,
  modes,
  type PhaseName,
  phases,
} from "../data/market-changes.ts";
import { isAuction, type MarketView, stateOf } from "../data/status.ts";
import { perform } from "../live/actions.ts";
import { mayAsk } from "../live/permissions.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { ConfirmDialog } from "../parts/confirm.tsx";
import { plural } from "../parts/format.ts";
import { amend, place } from "../router.ts";

/** Each change has an address, `?do=`; what will happen is said before, and the market's name is typed. */
const changes = ["halt", "resume", "phase", "mode"] as const;
type Change = (typeof changes)[number];

export function MarketActions({ of }: { of: MarketView }) {
  const { region, status } = of;
  const asked = changes.find((name) => name === place.value.query["do"]) ?? null;
  const may = (which: Change) => mayAsk(operationsSubject(region, `market-${which}`));
  const ask = (which: Change) => (): void => amend({ do: which });
  const trading = stateOf(status) === "open";
  return (
    <>
      <ActionButton may={may("phase")} onClick={ask("phase")} class="small">
        Auction…
      </ActionButton>
      <ActionButton may={may("mode")} onClick={ask("mode")} class="small">
        Mode…
      </ActionButton>
      {trading ? (
        <ActionButton may={may("halt")} onClick={ask("halt")} class="small danger">
          Halt…
        </ActionButton>
      ) : (
        <ActionButton may={may("resume")} onClick={ask("resume")} class="small primary">
          {isAuction(status) ? "Uncross…" : "Resume…"}
        </ActionButton>
      )}
      {asked !== null && may(asked).ok && <Dialogs key={asked} of={of} asked={asked} />}
    </>
  );
}

const close = (): void => amend({ do: null });

/** What every change has: a name typed, a reason for the trail, the same by CLI, an id. */
function Change({
  of,
  title,
  verb,
  words,
  held = null,
  run,
  children,
}: {
  of: MarketView;
  title: string;
  verb: string;
  /** Of the command line. */
  words: string;
  held?: string | null;
  run: (reason: string) => Promise<Result<Changed>>;
  children: preact.ComponentChildren;
}) {
  const [reason, setReason] = useState("");
  const command = changeCommand(words, reason);
  return (
    <ConfirmDialog
      title={title}
      typed={of.market}
      verb={verb}
      command={command}
      held={held}
      onClose={close}
      run={() =>
        perform(
          words,
          command,
          () => run(reason),
          ({ status: after }) => `${stateOf(after).replaceAll("_", " ")}, ${after.mode}`,
        )
      }
    >
      {children}
      <label class="field">
        <span>Reason, for the audit trail</span>
        <input value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
    </ConfirmDialog>
  );
}

function Dialogs({ of, asked }: { of: MarketView; asked: Change }) {
  if (asked === "phase") return <PhaseDialog of={of} />;
  if (asked === "mode") return <ModeDialog of={of} />;
  return asked === "halt" ? <HaltDialog of={of} /> : <ResumeDialog of={of} />;
}

function HaltDialog({ of }: { of: MarketView }) {
  const { market, region, status } = of;
  return (
    <Change
      of={of}
      title={`Halt ${market}`}
      verb="Halt the market"
      words={`halt ${market}`}
      run={(reason) => changeState(region, market, "halt", reason)}
    >
      <ul class="effects">
        <li>New orders and replacements are refused: market_halted.</li>
        <li>
          Cancels are taken; {plural(status.restingOrders, "resting order")} stay in the book.
        </li>
        <li>Market makers see it and wait; nothing is lost.</li>
      </ul>
    </Change>
  );
}

function ResumeDialog({ of }: { of: MarketView }) {
  const { market, region, status } = of;
  const auction = isAuction(status);
  return (
    <Change
      of={of}
      title={auction ? `Uncross ${market}` : `Resume ${market}`}
      verb={auction ? "Uncross the market" : "Resume the market"}
      words={`resume ${market}`}
      run={(reason) => changeState(region, market, "resume", reason)}
    >
      <p>
        {auction
          ? "What the auction would trade now is traded, at one price; then orders are matched as they come."
          : `Orders are taken again at once; ${plural(status.restingOrders, "order")} rest in the book.`}
      </p>
    </Change>
  );
}

const phaseWords: Readonly<Record<PhaseName, string>> = {
  pre_open: "Orders gather; no price is told yet.",
  opening_auction: "Orders gather for the opening price; nothing is matched until it is uncrossed.",
  volatility_auction: "Orders gather until the price is found again; nothing is matched meanwhile.",
  closing_auction: "Orders gather for the closing price; nothing is matched until it is uncrossed.",
  open: "What is in the auction is traded at one price; then orders are matched as they come.",
  closed:
    "The auction is uncrossed; orders for the day are canceled, new ones refused: market_closed.",
};

function PhaseDialog({ of }: { of: MarketView }) {
  const { market, region, status } = of;
  const now = stateOf(status);
  const [phase, setPhase] = useState<PhaseName>(isAuction(status) ? "open" : "closing_auction");
  return (
    <Change
      of={of}
      title={`Phase of ${market}`}
      verb="Change the phase"
      words={`phase ${market} ${phase}`}
      held={phase === now ? `It is ${now.replaceAll("_", " ")} already.` : null}
      run={(reason) => changePhase(region, market, phase, reason)}
    >
      <label class="field">
        <span>From {now.replaceAll("_", " ")} to</span>
        <select
          value={phase}
          onChange={(event) => setPhase(event.currentTarget.value as PhaseName)}
        >
          {phases.map((each) => (
            <option key={each} value={each}>
              {each.replaceAll("_", " ")}
            </option>
          ))}
        </select>
      </label>
      <p class="second">{phaseWords[phase]}</p>
    </Change>
  );
}

const promises: Readonly<Record<ModeName, string>> = {
  replicated: "An acknowledged order survives the loss of any one region.",
  durable:
    "An acknowledged order survives a crash and a power cut when the market comes back on its disk; the loss of the region loses what is not committed yet.",
  matched: "Acknowledgements promise nothing: a crash can lose what was acknowledged.",
};

function ModeDialog({ of }: { of: MarketView }) {
  const { market, region, status } = of;
  const [mode, setMode] = useState<ModeName>(
    modes.find((each) => each !== status.mode) ?? "replicated",
  );
  return (
    <Change
      of={of}
      title={`Mode of ${market}`}
      verb="Change the mode"
      words={`mode ${market} ${mode}`}
      held={mode === status.mode ? `It is ${mode} already.` : null}
      run={(reason) => changeMode(region, market, mode, reason)}
    >
      <label class="field">
        <span>From {status.mode} to</span>
        <select value={mode} onChange={(event) => setMode(event.currentTarget.value as ModeName)}>
          {modes.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <p class={modes.indexOf(mode) > modes.indexOf(status.mode as ModeName) ? "warn" : "second"}>
        {promises[mode]}
      </p>
      <p class="second">
        What follows is acknowledged as replicated until the change is in the journal.
      </p>
    </Change>
  );
}
