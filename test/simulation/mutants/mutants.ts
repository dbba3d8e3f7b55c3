import type { ScenarioName } from "../options.ts";
import { withoutRules } from "./rules.ts";

export interface Edit {
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

/** A defect planted into the sources, and what looks for it: scenarios by turns, or the traces. */
export interface Mutant {
  readonly name: string;
  /** What the defect does. */
  readonly about: string;
  readonly edits: readonly Edit[];
  readonly by: readonly ScenarioName[] | "traces";
  /** Of the traces, the one that has to fail; without it any. */
  readonly trace?: string;
}

const shipper = "actors/market/shipper.ts";
const reader = "actors/market/journal-reader.ts";
const heldLog = "actors/market/held-log.ts";
const decide = "actors/market/decide.ts";
const trading = "actors/market/trading.ts";
const ownership = "actors/region/ownership.ts";

export const mutants: readonly Mutant[] = [
  ...withoutRules,
  {
    name: "old-number-is-stored",
    about: "an acknowledgement with an old number is taken",
    edits: [
      {
        file: shipper,
        find: "    if (streamSequence <= this.#tail) {",
        replace: "    if (streamSequence < 0) {",
      },
    ],
    by: ["lost-suffix"],
  },
  {
    name: "a-copy-is-a-loss",
    about: "an older own message at the tail puts the follower back without a look at the journal",
    edits: [
      {
        file: shipper,
        find: "    while (!(await this.#isInPlace(this.#last()))) {",
        replace: "    for (let back = 0; back < 3 && this.#sealed.length > 1; back += 1) {",
      },
      {
        file: shipper,
        find: "    if (this.#follower.position > base.at) this.#followFrom(base);",
        replace: "    this.#followFrom({ ...base, at: tail });",
      },
    ],
    by: "traces",
  },
  {
    name: "durable-for-replicated",
    about: "replicated acknowledgements leave when the local log is fsynced",
    edits: [
      {
        file: trading,
        find: '      durable: mode === "durable" ? this.#engine.progress().durable : 0,\n      committed: this.#committed,',
        replace:
          "      durable: this.#engine.progress().durable,\n      committed: this.#engine.progress().durable,",
      },
    ],
    by: ["dying-sites"],
  },
  {
    name: "matched-for-durable",
    about: "durable acknowledgements leave before the fsync",
    edits: [
      {
        file: trading,
        find: '      durable: mode === "durable" ? this.#engine.progress().durable : 0,',
        replace: "      durable: this.#drained,",
      },
    ],
    by: ["torn-writes"],
  },
  {
    name: "durable-before-fsync",
    about: "the log counts records as durable before the fsync",
    edits: [
      {
        file: "native/portable/log.ts",
        find: "    await file.sync();",
        replace: "    void file.sync();",
      },
    ],
    by: ["torn-writes"],
  },
  {
    name: "adopted-and-not-applied",
    about: "records adopted from the journal are logged and do not change the book",
    edits: [
      {
        file: "native/portable/portable-market.ts",
        find: "      this.#book.applyRaw(fields, sequence, timestamp);\n      this.#epoch",
        replace:
          "      if (fields === null) this.#book.applyRaw(fields, sequence, timestamp);\n      this.#epoch",
      },
    ],
    by: ["everything", "dying-sites"],
  },
  {
    name: "torn-record-counts",
    about: "a record whose checksum is wrong is replayed when its sequence is right",
    edits: [
      {
        file: "native/portable/log-recovery.ts",
        find: '  if (fault === "checksum") return null;',
        replace:
          '  if (fault === "checksum" && readRecordHeader(view, offset).sequence !== position.sequence + 1) return null;',
      },
    ],
    by: ["torn-writes"],
  },
  {
    name: "no-comparison",
    about: "a taker does not compare its log with the journal",
    edits: [
      {
        file: heldLog,
        find: "    if (shared > 0) {",
        replace: "    if (shared > 0 && shared < 0) {",
      },
    ],
    by: ["everything", "crashes", "pauses"],
  },
  {
    name: "no-adoption",
    about: "a taker does not adopt what its log lacks",
    edits: [
      {
        file: heldLog,
        find: "    if (block.last > held) {",
        replace: "    if (block.last > held && held < 0) {",
      },
    ],
    by: ["everything", "crashes"],
  },
  {
    name: "durable-market-is-taken",
    about: "a durable market is taken by a cell without its log",
    edits: [
      {
        file: decide,
        find: '  if (isElsewhere && acceptedMode === "durable") {',
        replace: "  if (lastFenceLog === '') {",
      },
    ],
    by: ["everything", "crashes"],
  },
  {
    name: "old-epoch",
    about: "a claim gives the epoch of the last owner again",
    edits: [
      {
        file: ownership,
        find: "      const epochNow = Math.max(found?.epoch ?? 0, floor) + 1;",
        replace: "      const epochNow = Math.max(found?.epoch ?? 0, floor, 1);",
      },
    ],
    by: ["crashes", "everything"],
  },
  {
    name: "dead-cells-keep-shards",
    about: "a silent cell is never fenced",
    edits: [
      {
        file: ownership,
        find: "    if (!silence.value.silent) {",
        replace: "    if (!silence.value.silent || owner.epoch > 0) {",
      },
    ],
    by: ["everything", "dying-sites"],
  },
  {
    name: "tail-is-not-sent",
    about: "what an owner finds in its log beyond the journal is not sent",
    edits: [
      {
        file: shipper,
        find: "    this.#shipped = owned.chain.lastSequence;",
        replace: "    this.#shipped = ports.engine.progress().durable;",
      },
    ],
    by: ["dying-sites", "crashes", "everything"],
  },
  {
    name: "opens-too-early",
    about: "outputs of the first commands of an owner are taken as released",
    edits: [
      {
        file: trading,
        find: "    this.#released = this.#drained;",
        replace: "    this.#released = this.#drained + 2;",
      },
    ],
    by: ["calm", "everything"],
  },
  {
    name: "a-record-is-left-out",
    about: "a record between two blocks is not sent",
    edits: [
      {
        file: shipper,
        find: "      this.#shipped = block.last;",
        replace: "      this.#shipped = block.last + (block.last > block.first ? 1 : 0);",
      },
    ],
    by: ["calm", "everything"],
  },
  {
    name: "sessions-are-forgotten",
    about: "a resend is executed again",
    edits: [
      {
        file: "native/portable/sessions.ts",
        find: '    if (session === undefined || number > session.highest) return { answer: "process" };',
        replace: '    if (session === undefined || number > 0n) return { answer: "process" };',
      },
    ],
    by: ["network", "everything"],
  },
  {
    name: "reads-short",
    about: "a reader stops one message before the end",
    edits: [
      {
        file: reader,
        find: "    const tail = await this.#tailSequence();\n    const next = await asked;",
        replace:
          "    const tail = (await this.#tailSequence()) - 1;\n    const next = await asked;",
      },
    ],
    by: ["crashes", "everything"],
  },
  {
    name: "skips-a-message",
    about: "a market recovers from a root and leaves out the message behind it",
    edits: [
      {
        file: reader,
        find: "    this.#position = root.streamSequence;",
        replace: "    this.#position = root.streamSequence + 1;",
      },
    ],
    by: ["crashes", "everything"],
  },
  {
    name: "resends-are-answered-early",
    about: "outcomes leave before their sequence is safe",
    edits: [
      {
        file: trading,
        find: "    const safe = safeSequence(mode, positions, leaseValid);",
        replace:
          "    const safe = Math.max(safeSequence(mode, positions, leaseValid), this.#drained - 1);",
      },
    ],
    by: ["dying-sites"],
  },
  {
    name: "events-are-left-out",
    about: "an event block lacks events",
    edits: [
      {
        file: "actors/market/publication.ts",
        find: "    this.#used += EVENT_SLOT_BYTES;",
        replace: "    if (sequence % 7 !== 0) this.#used += EVENT_SLOT_BYTES;",
      },
    ],
    by: ["calm", "everything"],
  },
];
