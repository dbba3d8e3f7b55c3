import { useEffect, useState } from "preact/hooks";

import type { Incident } from "../data/incidents.ts";
import { missingIn, type RunbookLine, sectionsOf, textOf, titleOf } from "../data/runbook-rules.ts";
import { Command } from "../parts/panel.tsx";

/** What to do about an incident: the runbook with its values filled in, and the line that runs all of it. */
export function RunbookSection({ of, id }: { of: Incident; id: string }) {
  const runbook = of.finding?.runbook ?? "";
  const [text, setText] = useState<string | null>(null);
  useEffect(() => {
    void import("../data/runbook-texts.ts").then(
      ({ runbookTexts }) => setText(textOf(runbookTexts, runbook)),
      () => setText(null),
    );
  }, [runbook]);
  const sections = sectionsOf(text ?? "", valuesOf(of, id));
  const missing = missingIn(sections)
    .map((name) => ` --set ${name}=<${name}>`)
    .join("");
  const run = `npx meridian runbook run ${runbook} --incident ${id}${missing} --as operator`;
  return (
    <section class="runbook">
      <h2>
        Runbook {runbook}
        {text !== null && `: ${titleOf(text)}`}
      </h2>
      <p class="second">
        All its steps at once, each kept in the timeline; --drill changes nothing:
      </p>
      <Command line={run} />
      {text === null ? (
        <Command line={`npx meridian runbook show ${runbook}`} />
      ) : (
        sections.map(({ title, lines }) => (
          <details key={title}>
            <summary>{title}</summary>
            <div class="stack">
              {lines.map((line) => (
                <Line key={line.text} of={line} />
              ))}
            </div>
          </details>
        ))
      )}
    </section>
  );
}

function Line({ of: { kind, text } }: { of: RunbookLine }) {
  if (kind === "command") return <Command line={text} />;
  if (kind === "query") {
    return (
      <p class="mono second" title="of the metrics">
        {text}
      </p>
    );
  }
  return <p>{text.replaceAll("`", "")}</p>;
}

/** As `meridian runbook run --incident` takes them. */
function valuesOf({ finding }: Incident, id: string): Readonly<Record<string, string>> {
  const { affected = "", subject = "", kind = "" } = finding ?? {};
  return {
    affected: affected ?? "",
    subject: subject ?? "",
    incident: id,
    market: kind?.startsWith("market_") === true ? (subject ?? "") : "",
    cell: kind === "cell_down" ? (subject ?? "") : "",
  };
}
