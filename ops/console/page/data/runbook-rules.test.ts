import { test } from "uvu";
import * as assert from "uvu/assert";

import { missingIn, sectionsOf, textOf, titleOf } from "./runbook-rules.ts";

const text = `# RB-14: A region has no cell that lives

## Check

\`\`\`meridian check
npx meridian status
\`\`\`

\`\`\`promql check
meridian_ready
\`\`\`

## Do

1. \`<target>\` takes the markets of <affected>.

\`\`\`meridian do
npx meridian region failover <affected> --to <target> --confirm <affected>
\`\`\`
`;

test("B1.5 a runbook is told section by section, with what the incident knows filled in", () => {
  assert.is(titleOf(text), "A region has no cell that lives");
  assert.equal(sectionsOf(text, { affected: "eu-central", target: "" }), [
    {
      title: "Check",
      lines: [
        { kind: "command", text: "npx meridian status" },
        { kind: "query", text: "meridian_ready" },
      ],
    },
    {
      title: "Do",
      lines: [
        { kind: "text", text: "1. `<target>` takes the markets of eu-central." },
        {
          kind: "command",
          text: "npx meridian region failover eu-central --to <target> --confirm eu-central",
        },
      ],
    },
  ]);
});

test("B1.5 what a person has to decide of a runbook is named once", () => {
  assert.equal(missingIn(sectionsOf(text, { affected: "eu-central" })), ["target"]);
  assert.equal(missingIn(sectionsOf(text, {})), ["affected", "target"]);
});

test("B1.5 a runbook is found by its id alone", () => {
  const texts = { "../RB-01-cell-down.md": "one", "../RB-14-region-down.md": "fourteen" };
  assert.is(textOf(texts, "RB-14"), "fourteen");
  assert.is(textOf(texts, "RB-1"), null);
});

test.run();
