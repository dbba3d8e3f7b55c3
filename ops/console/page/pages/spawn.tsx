import { useEffect, useState } from "preact/hooks";

import type { Failure } from "../../../../actors/kernel/result.ts";
import { controlSubject } from "../../../../schemas/subjects.ts";
import { readTypes, spawn, spawnTypes, type Spawned } from "../data/spawn.ts";
import {
  faultOf,
  isAllowance,
  type Parameter,
  spawnCommand,
  type SpawnOrder,
} from "../data/spawn-rules.ts";
import { marketNamed, markets } from "../data/status.ts";
import { perform } from "../live/actions.ts";
import { link } from "../live/link.ts";
import { mayAsk } from "../live/permissions.ts";
import { ActionButton } from "../parts/action-button.tsx";
import { Badge } from "../parts/badge.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { grouped, priceText } from "../parts/format.ts";
import { Command, Facts, Panel } from "../parts/panel.tsx";
import { amend, go, hrefOf, place } from "../router.ts";

const randomKey = (type: string): string =>
  `${type}-${crypto.getRandomValues(new Uint32Array(1))[0]?.toString(16).padStart(8, "0")}`;

/** A form made from the schema that the region tells; dry run first, then spawn. */
export function SpawnPage() {
  const { query } = place.value;
  const type = query["type"] ?? "avellaneda-stoikov";
  const market = query["market"] ?? markets.value[0]?.market ?? "";
  const region = marketNamed(market)?.region ?? "";
  const [failure, setFailure] = useState<Failure | null>(null);
  const live = link.value.state === "live";
  useEffect(() => {
    if (region === "" || !live) return;
    void readTypes(region).then((read) => setFailure(read.ok ? null : read.failure));
  }, [region, live]);
  const described = spawnTypes.value.find((each) => each.type === type);
  return (
    <div class="page">
      <div class="page-head">
        <a class="link" href={hrefOf(["strategies"])}>
          Strategies
        </a>
        <h1>Spawn</h1>
      </div>
      {failure !== null && spawnTypes.value.length === 0 && <FailureNote of={failure} />}
      {described !== undefined && (
        <SpawnForm
          key={`${type}/${region}`}
          type={type}
          market={market}
          region={region}
          parameters={described.parameters}
        />
      )}
      {described === undefined && spawnTypes.value.length > 0 && (
        <p>
          No type {type} can be spawned.{" "}
          <a class="link" href={hrefOf(["strategies", "spawn"])}>
            Start over
          </a>
        </p>
      )}
    </div>
  );
}

interface FormProps {
  readonly type: string;
  readonly market: string;
  readonly region: string;
  readonly parameters: readonly Parameter[];
}

function SpawnForm({ type, market, region, parameters }: FormProps) {
  const [key, setKey] = useState(() => randomKey(type));
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>({});
  const [checked, setChecked] = useState<Spawned | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [running, setRunning] = useState(false);
  const own = parameters.filter(({ name }) => name !== "market");
  const groups = [
    [`Parameters of ${type}`, own.filter((each) => !isAllowance(each))],
    ["Account and risk limit, its own when left empty", own.filter(isAllowance)],
  ] as const;
  const faults = own
    .map((parameter) => [parameter.name, faultOf(parameter, texts[parameter.name] ?? "")] as const)
    .filter(([, fault]) => fault !== null);
  const order: SpawnOrder = {
    key,
    type,
    parameters: {
      market,
      ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== "")),
    },
  };
  const command = spawnCommand(region, order);
  const allowed = mayAsk(controlSubject(region === "" ? "none" : region, "spawn"));
  const change = (name: string, text: string): void => {
    setTexts({ ...texts, [name]: text });
    setChecked(null);
    setFailure(null);
  };
  const attempt = async (verb: "check" | "spawn"): Promise<void> => {
    if (faults.length > 0 || running) return;
    setRunning(true);
    const outcome =
      verb === "check"
        ? await spawn(region, verb, order)
        : await perform(
            `spawn ${key}`,
            command,
            () => spawn(region, verb, order),
            ({ actor }) => actor.state,
          );
    setRunning(false);
    setFailure(outcome.ok ? null : outcome.failure);
    if (!outcome.ok) return;
    if (verb === "check") setChecked(outcome.value);
    else go(["strategies"], { open: `strategy:${region}/${key}` });
  };
  return (
    <form
      class="spawn"
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(checked === null ? "check" : "spawn");
      }}
    >
      <Panel title="What and where" flush class="spawn-what">
        <div class="form-grid">
          <label class="field">
            <span>Type</span>
            <select value={type} onChange={(event) => amend({ type: event.currentTarget.value })}>
              {spawnTypes.value.map((each) => (
                <option key={each.type} value={each.type}>
                  {each.type}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Market</span>
            <select
              value={market}
              onChange={(event) => amend({ market: event.currentTarget.value })}
            >
              {markets.value.map((each) => (
                <option key={each.market} value={each.market}>
                  {each.market} · {each.region}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            <span>Name, for ever</span>
            <input
              class="mono"
              value={key}
              aria-invalid={!/^[A-Za-z0-9_-]{1,64}$/.test(key)}
              onInput={(event) => {
                setKey(event.currentTarget.value);
                setChecked(null);
              }}
            />
          </label>
        </div>
      </Panel>
      <div class="spawn-parameters">
        {groups.map(([title, group]) => (
          <Panel key={title} title={title} flush>
            <div class="form-grid">
              {group.map((parameter) => (
                <Field
                  key={parameter.name}
                  of={parameter}
                  text={texts[parameter.name] ?? ""}
                  change={(text) => change(parameter.name, text)}
                />
              ))}
            </div>
          </Panel>
        ))}
      </div>
      <Panel title="Dry run, then spawn" flush class="spawn-run">
        <div class="stack padded">
          {failure !== null && <FailureNote of={failure} />}
          {faults.length > 0 && (
            <p class="second">
              Not yet: {faults.map(([name, fault]) => `${name}: ${fault}`).join("; ")}.
            </p>
          )}
          {checked !== null && <WhatWouldHappen of={checked} market={market} />}
          <div class="buttons">
            <ActionButton
              may={allowed}
              onClick={() => void attempt("check")}
              class={checked === null ? "primary" : ""}
              submits={checked === null}
            >
              {running && checked === null ? "checking…" : "Dry run"}
            </ActionButton>
            <ActionButton
              may={
                checked === null
                  ? {
                      ok: false,
                      failure: {
                        code: "not_checked",
                        reason: "not before the dry run",
                        next: "run it first",
                      },
                    }
                  : mayAsk(controlSubject(region, "spawn"))
              }
              onClick={() => void attempt("spawn")}
              class="primary"
              submits={checked !== null}
            >
              {running && checked !== null ? "spawning…" : "Spawn"}
            </ActionButton>
            <span class="quiet">
              {allowed.ok
                ? "Enter runs what is next."
                : `${allowed.failure.reason}; ${allowed.failure.next}.`}
            </span>
          </div>
          <h3>The same by CLI</h3>
          <Command line={command} />
        </div>
      </Panel>
    </form>
  );
}

function Field({
  of,
  text,
  change,
}: {
  of: Parameter;
  text: string;
  change: (text: string) => void;
}) {
  const fault = text === "" ? null : faultOf(of, text);
  const id = `parameter-${of.name}`;
  const range =
    of.minimum === null && of.maximum === null
      ? ""
      : `${of.minimum ?? ""} … ${of.maximum === 2 ** 40 ? "2⁴⁰" : (of.maximum ?? "")}`;
  const common = {
    id,
    "aria-describedby": `${id}-hint`,
    "aria-invalid": fault !== null,
    "aria-required": of.required,
  } as const;
  return (
    <div class={of.format === "typescript" ? "field wide-field" : "field"}>
      <label for={id}>
        {of.name} {of.unit !== "" && <span class="unit">{of.unit}</span>}
        {of.required && <span class="warn"> needed</span>}
      </label>
      {of.choices.length > 0 ? (
        <select {...common} value={text} onChange={(event) => change(event.currentTarget.value)}>
          <option value="">choose…</option>
          {of.choices.map((choice) => (
            <option key={choice} value={choice}>
              {choice}
            </option>
          ))}
        </select>
      ) : of.format === "typescript" ? (
        <textarea
          {...common}
          rows={12}
          spellcheck={false}
          placeholder="export default …"
          value={text}
          onInput={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <input
          {...common}
          class="mono"
          inputMode={range === "" ? "text" : "decimal"}
          autocomplete="off"
          placeholder={of.fallback}
          value={text}
          onInput={(event) => change(event.currentTarget.value)}
        />
      )}
      <span id={`${id}-hint`} class={fault === null ? "hint" : "hint fail"}>
        {fault ?? [of.description, range].filter((part) => part !== "").join(" · ")}
      </span>
    </div>
  );
}

/** What it would quote now with nothing in its inventory, as its own model says. */
function QuotesNow({
  of: { bid, ask, mid },
  decimals,
}: {
  of: NonNullable<Spawned["actor"]["strategy"]>;
  decimals: number;
}) {
  const side = (name: "bid" | "ask", quote: typeof bid) => (
    <div>
      <dt>would {name}</dt>
      <dd class={`mono ${name}`}>
        {quote == null
          ? "nothing"
          : `${grouped(quote.quantity ?? 0)} @ ${priceText(quote.price ?? 0, decimals)}`}
      </dd>
    </div>
  );
  const spread = bid == null || ask == null ? null : (ask.price ?? 0) - (bid.price ?? 0);
  return (
    <dl class="indicative" aria-label="quotes it would have now">
      {side("bid", bid)}
      {side("ask", ask)}
      <div>
        <dt>spread</dt>
        <dd class="mono">{spread === null ? "–" : priceText(spread, decimals)}</dd>
      </div>
      <div>
        <dt>around</dt>
        <dd class="mono">{(mid ?? 0) > 0 ? priceText(mid ?? 0, decimals) : "no price yet"}</dd>
      </div>
    </dl>
  );
}

function WhatWouldHappen({ of, market }: { of: Spawned; market: string }) {
  const { actor, repeated } = of;
  const found = marketNamed(market);
  const touch = found?.status.touch;
  const decimals = found?.status.definition?.priceDecimals ?? 0;
  const mid = ((touch?.bidPrice ?? 0) + (touch?.askPrice ?? 0)) / 2;
  return (
    <div class="note info-note">
      <Badge is={repeated ? "warn" : "ok"}>
        {repeated
          ? "It is there already, with these parameters: spawning it again changes nothing."
          : `It would be spawned in ${actor.region}, shard ${actor.shard}.`}
      </Badge>
      {!repeated && actor.strategy != null && <QuotesNow of={actor.strategy} decimals={decimals} />}
      <Facts
        of={[
          ...(actor.strategy == null || repeated
            ? [
                [
                  "market now",
                  mid > 0 ? `around ${priceText(mid, decimals)}` : "one side of the book is empty",
                ] as const,
              ]
            : []),
          ...Object.entries(actor.parameters)
            .filter(([name]) => name !== "source")
            .map(([name, value]) => [name, value] as const),
        ]}
      />
    </div>
  );
}
