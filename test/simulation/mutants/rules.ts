import type { Mutant } from "./mutants.ts";

const shipper = "actors/market/shipper.ts";
const recovery = "actors/market/recovery.ts";
const reader = "actors/market/journal-reader.ts";
const decide = "actors/market/decide.ts";
const trading = "actors/market/trading.ts";
const ownership = "actors/region/ownership.ts";

/**
 * Each rule that a counterexample brought into the ownership protocol, taken out of the sources. The
 * trace of that counterexample must fail then.
 */
export const withoutRules: readonly (Mutant & { readonly trace: string })[] = [
  {
    name: "a-resend-is-answered-at-once",
    about: "the outcome repeated to a resend leaves when it is matched",
    edits: [
      {
        file: trading,
        find: "    this.#events.push(event, foreign);",
        replace:
          '    if (event.kind === "repeated") this.#committed = event.sequence;\n    this.#events.push(event, foreign);',
      },
    ],
    by: "traces",
    trace: "C1",
  },
  {
    name: "acknowledged-is-accepted",
    about: "JetStream's acknowledgement counts as accepted",
    edits: [
      {
        file: shipper,
        find: "    this.#inFlight = null;\n    this.#tail = streamSequence;",
        replace:
          "    this.#inFlight = null;\n    if (sealed.type === 'block') this.#ports.onCommitted(sealed.last);\n    this.#tail = streamSequence;",
      },
    ],
    by: "traces",
    trace: "C2",
  },
  {
    name: "builds-on-a-foreign-tail",
    about: "a foreign tail and a foreign message do not end an ownership",
    edits: [
      {
        file: decide,
        find: '  if (index < 0) return { tail: "foreign" };',
        replace: '  if (index < 0) return { tail: "unchanged" };',
      },
      {
        file: shipper,
        find: "    if (message === null || !this.#isOwn(message.hash)) {",
        replace:
          "    if (message !== null && !this.#isOwn(message.hash)) {\n      this.#follower = { ...this.#follower, position: stored.streamSequence };\n      return;\n    }\n    if (message === null) {",
      },
    ],
    by: "traces",
    trace: "C3",
  },
  {
    name: "own-fences-cut-off",
    about: "a tail is cut off by any fence behind it, the log's own ones too",
    edits: [
      {
        file: decide,
        find: "(fence) => fence.log !== log && fence.epoch > tailEpoch",
        replace: "(fence) => fence.epoch > tailEpoch",
      },
    ],
    by: "traces",
    trace: "C4",
  },
  {
    name: "policy-is-checked-once",
    about: "the policy is checked before a claim and not before each fence",
    edits: [
      {
        file: recovery,
        find: "      const blocked = await this.#blocked();\n      if (blocked === null || this.#lossAccepted) {",
        replace:
          "      const blocked: string | null = null;\n      if (blocked === null || this.#lossAccepted) {",
      },
    ],
    by: "traces",
    trace: "C5",
  },
  {
    name: "change-of-mode-at-once",
    about: "a change of mode holds before it is accepted",
    edits: [
      {
        file: decide,
        find: '  return committed < changedAt ? "replicated" : mode;',
        replace: "  return changedAt < 0 ? 'replicated' : mode;",
      },
    ],
    by: "traces",
    trace: "C6",
  },
  {
    name: "orders-behind-a-handover",
    about: "orders are taken while the fate of a HANDOVER is not known",
    edits: [
      {
        file: "actors/market/behaviour.ts",
        find: '    return state === "open" || state === "halted" ? this.#trading : null;',
        replace:
          '    return ["open", "halted", "handing_over"].includes(state) ? this.#trading : null;',
      },
    ],
    by: "traces",
    trace: "C7",
  },
  {
    name: "only-owners-list",
    about: "a log's tail is compared with the chain only by whoever has claimed the market",
    edits: [
      {
        file: recovery,
        find: "    let blocked = await this.#blocked();",
        replace: "    let blocked: string | null = null;",
      },
      {
        file: recovery,
        find: "      await this.#reader.foldToTail(expectsMore);\n      blocked = await this.#blocked();\n    };",
        replace: "      await this.#reader.foldToTail(expectsMore);\n    };",
      },
    ],
    by: "traces",
    trace: "C8",
  },
  {
    name: "idle-owners-do-not-look",
    about: "an idle owner does not read its tail",
    edits: [
      {
        file: shipper,
        find: "    if (!tail.ok) return;\n    await this.#settle(tail.value);",
        replace: "    if (tail.ok || !tail.ok) return;",
      },
    ],
    by: "traces",
    trace: "C9",
  },
  {
    name: "fences-of-a-passed-epoch",
    about: "a fence is published again with an epoch that the journal has passed",
    edits: [
      {
        file: recovery,
        find: "    if (this.#reader.highestEpoch >= epoch) {",
        replace: "    if (this.#reader.highestEpoch < 0) {",
      },
    ],
    by: "traces",
    trace: "C10",
  },
  {
    name: "a-lost-owner-is-no-owner",
    about: "an ownership record that is missing counts as never written",
    edits: [
      {
        file: ownership,
        find: "    if (mark.value === null && floor === 0) return ok(undefined);",
        replace: "    if (mark.ok) return ok(undefined);",
      },
    ],
    by: "traces",
    trace: "C11",
  },
  {
    name: "root-is-not-looked-at",
    about: "a stored root is believed without a look at the journal",
    edits: [
      {
        file: reader,
        find: "    if (!(await this.#areInPlace(root.anchors))) {",
        replace: "    if (root.anchors.length < 0) {",
      },
      {
        file: reader,
        find: "    if (await this.#areInPlace(this.#anchors)) return;",
        replace: "    if (this.#anchors.length >= 0) return;",
      },
    ],
    by: "traces",
    trace: "C12",
  },
  {
    name: "owners-look-at-the-tail-only",
    about: "an owner whose tail is its own does not look at what is below it",
    edits: [
      {
        file: shipper,
        find: "    if (one === undefined || (await this.#isInPlace(one))) return;",
        replace: "    if (one === undefined || this.#looks > 0) return;",
      },
    ],
    by: "traces",
    trace: "C13",
  },
];
