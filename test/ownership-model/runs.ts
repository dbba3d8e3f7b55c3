/** What is explored: counterexamples of rules left out, and runs in which everything holds. */

export interface Counterexample {
  /** The rules that are left out, as the program names them. */
  readonly without: string;
  /** The test's title behind the acceptance id. */
  readonly title: string;
  readonly bounds: string;
  readonly broken: "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7";
  /** Steps on the way there, in order. */
  readonly steps: readonly RegExp[];
}

export const counterexamples: readonly Counterexample[] = [
  {
    without: "C1",
    title: "without C1 a resend is answered before its order is safe",
    bounds: "--crashes=0",
    broken: "I1",
    steps: [/^A executes x$/, /^A answers a resend of x$/],
  },
  {
    without: "C2",
    title: "without C2 a block acked behind a foreign fence is lost",
    bounds: "--crashes=0 --doubles=1",
    broken: "I1",
    steps: [
      /^A publishes block \[x\]/,
      /^FENCE 2\(B\) is stored at 2/,
      /^block \[x\] .*, checked before, is stored at 3/,
      /^A gets the ack of block \[x\]/,
    ],
  },
  {
    without: "C2,C3",
    title: "without C3 a block published again on a foreign tail is lost, once its ack suffices",
    bounds: "--crashes=0",
    broken: "I1",
    steps: [/^FENCE 2\(B\) is stored at 2/, /^A reads the tail at 2: FENCE 2/, /stored at 3/],
  },
  {
    without: "C4",
    title: "without C4 a crash during the takeover loses a durable order",
    bounds: "--mode=durable",
    broken: "I4",
    steps: [
      /^A executes x/,
      /^A crashes/,
      /^A crashes/,
      /^FENCE 2\(A\) is stored/,
      /^FENCE 3\(A\) is stored/,
    ],
  },
  {
    without: "C4",
    title: "without C4 a power cut that takes the seal loses a durable order",
    bounds: "--mode=durable --commands=2 --crashes=1 --power",
    broken: "I4",
    steps: [
      /^A publishes block \[x\]/,
      /^A crashes; its log keeps 3 of 4/,
      /^block \[x\] .* stored/,
    ],
  },
  {
    without: "C5",
    title: "without C5 a claim made early takes a durable market from its disk",
    bounds: "--mode=durable --crashes=0",
    broken: "I4",
    steps: [
      /^B claims epoch 2/,
      /^FENCE 1\(A\) is stored/,
      /^A executes x/,
      /^FENCE 2\(B\) is stored/,
    ],
  },
  {
    without: "C6",
    title: "without C6 a change to durable loses what was acked behind it",
    bounds: "--changes=1 --crashes=0",
    broken: "I4",
    steps: [/^A executes the change of mode/, /^A executes x/, /^FENCE 2\(B\) is stored/],
  },
  {
    without: "C6",
    title: "without C6 a change to replicated loses what was acked behind it",
    bounds: "--changes=1 --crashes=0 --mode=durable",
    broken: "I4",
    steps: [/^block \[change of mode\] .* is stored/, /^FENCE 2\(B\) is stored/],
  },
  {
    without: "C7",
    title: "without C7 an order taken after HANDOVER is lost",
    bounds: "--handovers=1 --crashes=0 --mode=durable",
    broken: "I4",
    steps: [
      /^A writes HANDOVER/,
      /^A executes x/,
      /^block \[HANDOVER 1\] .* stored/,
      /^FENCE 2\(B\)/,
    ],
  },
  {
    without: "C7",
    title:
      "without C7 an order taken after HANDOVER is lost, also when HANDOVER is a fence of nobody",
    bounds: "--handovers=1 --handover=fence --crashes=0 --mode=durable",
    broken: "I4",
    steps: [/^A publishes HANDOVER fence 2/, /^A executes x/, /^HANDOVER fence 2 is stored at 2/],
  },
  {
    without: "C8",
    title: "without C8 nobody lists the tail of an owner that may not take the market back",
    bounds: "--mode=durable --policy=operator --grants=1 --live --crashes=1",
    broken: "I6",
    steps: [/^A executes x/, /^an operator lets B take/, /^FENCE 2\(B\) is stored/],
  },
  {
    without: "C9",
    title: "without C9 an idle owner serves for ever behind a foreign fence",
    bounds: "--live --crashes=0",
    broken: "I6",
    steps: [/^A gets the ack of FENCE 1\(A\)/, /^FENCE 2\(B\) is stored at 2/],
  },
  {
    without: "C9",
    title: "without C9 an idle owner never notices that its journal is lost",
    bounds: "--live --crashes=0 --rolls=1",
    broken: "I6",
    steps: [/^A gets the ack of FENCE 1\(A\)/, /^JetStream loses everything/],
  },
  {
    without: "C10",
    title: "without C10 a fence of a passed epoch waits for ever to be accepted",
    bounds: "--live --crashes=0",
    broken: "I6",
    steps: [/^A claims epoch 1/, /^B claims epoch 2/, /^FENCE 2\(B\) is stored/],
  },
  {
    without: "C11",
    title: "without C11 an epoch is given twice when LEASE and the journal are lost",
    bounds: "--rolls=1 --losses=1 --crashes=0 --epochs=2",
    broken: "I3",
    steps: [/^JetStream loses/, /^the bucket LEASE is lost/, /^B claims epoch 1/],
  },
  {
    without: "C12",
    title: "without C12 a snapshot off the chain is followed",
    bounds: "--rolls=1 --snapshots --crashes=0 --epochs=2",
    broken: "I7",
    steps: [/^JetStream loses/, /^FENCE 2\(B\) is stored at 1/, /^block \[x\] .* stored at 2/],
  },
  {
    without: "C13",
    title: "without C13 an owner whose block is stored behind a gap serves for ever off the chain",
    bounds: "--rolls=1 --live --crashes=0",
    broken: "I6",
    steps: [/^JetStream loses/, /^FENCE 2\(B\) is stored at 1/, /^block \[x\] .* stored at 2/],
  },
  {
    without: "deduplication",
    title: "without deduplication an order is executed twice",
    bounds: "--crashes=0",
    broken: "I2",
    steps: [/^A executes x/, /^A executes x/],
  },
];

export interface Run {
  readonly name: string;
  readonly bounds: string;
}

/** Everything holds although a rule is left out: why each of them needs the fault that it needs. */
export const needless: readonly Run[] = [
  { name: "C2 needs a block that is stored although the tail has moved", bounds: "--without=C2" },
  { name: "C3 loses nothing while accepted is what the follower read", bounds: "--without=C3" },
  { name: "C11 needs the journal lost as well as LEASE", bounds: "--without=C11 --losses=1" },
  {
    name: "C11 needs LEASE lost as well as the journal",
    bounds: "--without=C11 --rolls=1 --crashes=0",
  },
  {
    name: "C12 needs a journal that loses messages",
    bounds: "--without=C12 --snapshots --doubles=1 --crashes=1",
  },
];

/** Complete within seconds: every test run has them. */
export const slice: readonly Run[] = [
  { name: "replicated", bounds: "--commands=2 --live" },
  {
    name: "durable, power cuts",
    bounds: "--mode=durable --power --commands=2 --epochs=4 --crashes=3 --messages=8 --live",
  },
  { name: "change to durable", bounds: "--changes=1 --live" },
  { name: "change to replicated, power cuts", bounds: "--changes=1 --mode=durable --power --live" },
  {
    name: "durable, operator's takeover",
    bounds: "--mode=durable --policy=operator --grants=1 --commands=2 --live",
  },
  { name: "HANDOVER, durable", bounds: "--mode=durable --handovers=1 --commands=2 --live" },
  {
    name: "HANDOVER as a fence of nobody, durable",
    bounds: "--mode=durable --handovers=1 --handover=fence --commands=2 --epochs=4 --live",
  },
  {
    name: "stored although the tail has moved, two copies",
    bounds: "--doubles=1 --copies=2 --live",
  },
  { name: "journal loses its end, two copies", bounds: "--rolls=1 --copies=2 --crashes=0 --live" },
  { name: "journal and LEASE lost", bounds: "--rolls=1 --losses=1 --crashes=0 --live" },
  { name: "stale reads, two copies", bounds: "--stale=2 --copies=2 --live" },
  {
    name: "snapshots, stored although the tail has moved",
    bounds: "--snapshots --doubles=1 --live",
  },
  { name: "three cells, replicated", bounds: "--cells=3 --live" },
  { name: "three cells, durable, lossy", bounds: "--cells=3 --mode=durable --policy=lossy --live" },
];

/** The table of README.md: `npm run soak -- ownership-model`. */
export const table: readonly Run[] = [
  { name: "replicated", bounds: "--commands=3 --live" },
  {
    name: "replicated, 4 epochs, 3 crashes, 8 messages",
    bounds: "--commands=2 --epochs=4 --crashes=3 --messages=8 --live",
  },
  {
    name: "durable, power cuts, 4 epochs, 3 crashes, 8 messages",
    bounds: "--mode=durable --power --commands=3 --epochs=4 --crashes=3 --messages=8 --live",
  },
  { name: "change to durable, power cuts", bounds: "--changes=1 --power --commands=2 --live" },
  {
    name: "change to replicated, power cuts",
    bounds: "--changes=1 --mode=durable --power --commands=2 --live",
  },
  {
    name: "durable, operator's takeover, power cuts",
    bounds: "--mode=durable --policy=operator --grants=2 --power --commands=2 --live",
  },
  {
    name: "durable, lossy, power cuts",
    bounds: "--mode=durable --policy=lossy --power --commands=2 --live",
  },
  {
    name: "HANDOVER twice, durable, power cuts",
    bounds: "--mode=durable --handovers=2 --power --commands=2 --live",
  },
  {
    name: "HANDOVER twice as a fence of nobody, durable, power cuts",
    bounds: "--mode=durable --handovers=2 --handover=fence --power --epochs=5 --messages=8 --live",
  },
  {
    name: "(b) once, two copies",
    bounds: "--doubles=1 --copies=2 --commands=2 --crashes=1 --live",
  },
  { name: "(b) twice, two copies", bounds: "--doubles=2 --copies=2" },
  { name: "(c) once, two copies", bounds: "--rolls=1 --copies=2 --live" },
  { name: "(c) once", bounds: "--rolls=1 --commands=2 --crashes=1" },
  {
    name: "(c) once, change of mode, power cuts",
    bounds: "--rolls=1 --changes=1 --power --crashes=1",
  },
  { name: "(c) and LEASE lost, replicated", bounds: "--rolls=1 --losses=1 --live" },
  {
    name: "(c) and LEASE lost, durable, lossy",
    bounds: "--rolls=1 --losses=1 --mode=durable --policy=lossy",
  },
  { name: "LEASE lost", bounds: "--losses=1 --commands=2 --live" },
  { name: "(b) and (c), two copies", bounds: "--doubles=1 --rolls=1 --copies=2" },
  { name: "snapshots, (b)", bounds: "--snapshots --doubles=1 --live" },
  { name: "snapshots, (c)", bounds: "--snapshots --rolls=1 --crashes=1" },
  {
    name: "stale reads, two copies",
    bounds: "--stale=3 --copies=2 --commands=2 --crashes=1 --live",
  },
  { name: "three cells, replicated", bounds: "--cells=3 --commands=2 --live" },
  {
    name: "three cells, durable, lossy",
    bounds: "--cells=3 --mode=durable --policy=lossy --commands=2 --live",
  },
  { name: "three cells, (b)", bounds: "--cells=3 --doubles=1 --live" },
  { name: "three cells, (c)", bounds: "--cells=3 --rolls=1 --crashes=1" },
];
