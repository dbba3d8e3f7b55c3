/**
 * The layouts of SoupBinTCP 3.0, OUCH 5.0 and ITCH 5.0 as data: what both codecs are made of. The TypeScript one reads
 * this table as it runs; `native/protocols/layouts.hpp` is generated from it (`node native/protocols/generate.ts`).
 *
 * Everything is big-endian. Fields lie side by side in the order given, behind the letter of the message.
 */

/** How a field stands in the bytes: unsigned and signed integers, one letter, text filled up with spaces. */
export type FieldKind =
  | "u8"
  | "u16"
  | "u32"
  | "u48"
  | "u64"
  | "i32"
  | "letter"
  | "text2"
  | "text4"
  | "text6"
  | "text8"
  | "text10"
  | "text14"
  | "text20";

export const widths: Readonly<Record<FieldKind, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u48: 6,
  u64: 8,
  i32: 4,
  letter: 1,
  text2: 2,
  text4: 4,
  text6: 6,
  text8: 8,
  text10: 10,
  text14: 14,
  text20: 20,
};

export type FieldLayout = readonly [name: string, kind: FieldKind];

export interface MessageLayout {
  readonly letter: string;
  /** Bytes with the letter, without an appendage. As the specification gives it, so that a slip in the fields shows. */
  readonly size: number;
  readonly fields: readonly FieldLayout[];
  /** Ends in a 2-byte length and an appendage of that many bytes. `size` counts the length. */
  readonly appendage?: true;
}

/** Packets of SoupBinTCP behind their 2-byte length. Those with data (U, S, +) are a letter and the data. */
export const soupPackets = {
  loginRequest: {
    letter: "L",
    size: 47,
    fields: [
      ["username", "text6"],
      ["password", "text10"],
      ["session", "text10"],
      ["sequence", "text20"],
    ],
  },
  loginAccepted: {
    letter: "A",
    size: 31,
    fields: [
      ["session", "text10"],
      ["sequence", "text20"],
    ],
  },
  loginRejected: { letter: "J", size: 2, fields: [["reason", "letter"]] },
  clientHeartbeat: { letter: "R", size: 1, fields: [] },
  serverHeartbeat: { letter: "H", size: 1, fields: [] },
  logoutRequest: { letter: "O", size: 1, fields: [] },
  endOfSession: { letter: "Z", size: 1, fields: [] },
} as const satisfies Readonly<Record<string, MessageLayout>>;

/** What a client of OUCH sends. Prices are in 10^-4, a user reference number (URN) is the client's name of an order. */
export const ouchInbound = {
  enterOrder: {
    letter: "O",
    size: 47,
    fields: [
      ["userRef", "u32"],
      ["side", "letter"],
      ["quantity", "u32"],
      ["symbol", "text8"],
      ["price", "u64"],
      ["timeInForce", "letter"],
      ["display", "letter"],
      ["capacity", "letter"],
      ["intermarketSweep", "letter"],
      ["crossType", "letter"],
      ["clientOrderId", "text14"],
    ],
    appendage: true,
  },
  replaceOrder: {
    letter: "U",
    size: 40,
    fields: [
      ["originalUserRef", "u32"],
      ["userRef", "u32"],
      ["quantity", "u32"],
      ["price", "u64"],
      ["timeInForce", "letter"],
      ["display", "letter"],
      ["intermarketSweep", "letter"],
      ["clientOrderId", "text14"],
    ],
    appendage: true,
  },
  cancelOrder: {
    letter: "X",
    size: 9,
    fields: [
      ["userRef", "u32"],
      ["quantity", "u32"],
    ],
  },
  modifyOrder: {
    letter: "M",
    size: 10,
    fields: [
      ["userRef", "u32"],
      ["side", "letter"],
      ["quantity", "u32"],
    ],
  },
  accountQuery: { letter: "Q", size: 1, fields: [] },
} as const satisfies Readonly<Record<string, MessageLayout>>;

/** What the exchange answers. Timestamps are nanoseconds after midnight. */
export const ouchOutbound = {
  systemEvent: {
    letter: "S",
    size: 10,
    fields: [
      ["timestamp", "u64"],
      ["event", "letter"],
    ],
  },
  orderAccepted: {
    letter: "A",
    size: 64,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["side", "letter"],
      ["quantity", "u32"],
      ["symbol", "text8"],
      ["price", "u64"],
      ["timeInForce", "letter"],
      ["display", "letter"],
      ["orderReference", "u64"],
      ["capacity", "letter"],
      ["intermarketSweep", "letter"],
      ["crossType", "letter"],
      ["state", "letter"],
      ["clientOrderId", "text14"],
    ],
    appendage: true,
  },
  orderReplaced: {
    letter: "U",
    size: 68,
    fields: [
      ["timestamp", "u64"],
      ["originalUserRef", "u32"],
      ["userRef", "u32"],
      ["side", "letter"],
      ["quantity", "u32"],
      ["symbol", "text8"],
      ["price", "u64"],
      ["timeInForce", "letter"],
      ["display", "letter"],
      ["orderReference", "u64"],
      ["capacity", "letter"],
      ["intermarketSweep", "letter"],
      ["crossType", "letter"],
      ["state", "letter"],
      ["clientOrderId", "text14"],
    ],
    appendage: true,
  },
  orderCanceled: {
    letter: "C",
    size: 18,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["quantity", "u32"],
      ["reason", "letter"],
    ],
  },
  selfMatchCanceled: {
    letter: "D",
    size: 31,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["decrement", "u32"],
      ["reason", "letter"],
      ["quantityPrevented", "u32"],
      ["executionPrice", "u64"],
      ["liquidity", "letter"],
    ],
  },
  orderExecuted: {
    letter: "E",
    size: 36,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["quantity", "u32"],
      ["price", "u64"],
      ["liquidity", "letter"],
      ["match", "u64"],
    ],
    appendage: true,
  },
  brokenTrade: {
    letter: "B",
    size: 36,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["match", "u64"],
      ["reason", "letter"],
      ["clientOrderId", "text14"],
    ],
  },
  tradeCorrection: {
    letter: "F",
    size: 49,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["quantity", "u32"],
      ["price", "u64"],
      ["liquidity", "letter"],
      ["match", "u64"],
      ["reason", "letter"],
      ["clientOrderId", "text14"],
    ],
  },
  orderRejected: {
    letter: "J",
    size: 29,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["reason", "u16"],
      ["clientOrderId", "text14"],
    ],
  },
  cancelPending: {
    letter: "P",
    size: 13,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
    ],
  },
  cancelReject: {
    letter: "I",
    size: 13,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
    ],
  },
  priorityUpdate: {
    letter: "T",
    size: 30,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["price", "u64"],
      ["display", "letter"],
      ["orderReference", "u64"],
    ],
  },
  orderModified: {
    letter: "M",
    size: 18,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["side", "letter"],
      ["quantity", "u32"],
    ],
  },
  orderRestated: {
    letter: "R",
    size: 16,
    fields: [
      ["timestamp", "u64"],
      ["userRef", "u32"],
      ["reason", "letter"],
    ],
    appendage: true,
  },
  accountQueryResponse: {
    letter: "Q",
    size: 13,
    fields: [
      ["timestamp", "u64"],
      ["nextUserRef", "u32"],
    ],
  },
} as const satisfies Readonly<Record<string, MessageLayout>>;

/** Options of an appendage: `u8 length` (1 + value), `u8 tag`, value. A tag that is not here is skipped by its length. */
export const ouchOptions = {
  secondaryOrderReference: { tag: 1, kind: "u64" },
  firm: { tag: 2, kind: "text4" },
  minimumQuantity: { tag: 3, kind: "u32" },
  customerType: { tag: 4, kind: "letter" },
  maxFloor: { tag: 5, kind: "u32" },
  priceType: { tag: 6, kind: "letter" },
  pegOffset: { tag: 7, kind: "i32" },
  discretionPrice: { tag: 9, kind: "u64" },
  discretionPriceType: { tag: 10, kind: "letter" },
  discretionPegOffset: { tag: 11, kind: "i32" },
  postOnly: { tag: 12, kind: "letter" },
  randomReserves: { tag: 13, kind: "u32" },
  route: { tag: 14, kind: "text4" },
  expireTime: { tag: 15, kind: "u32" },
  tradeNow: { tag: 16, kind: "letter" },
  handleInstruction: { tag: 17, kind: "letter" },
  bboWeight: { tag: 18, kind: "letter" },
  referencePrice: { tag: 19, kind: "u64" },
  referencePriceType: { tag: 20, kind: "letter" },
  displayQuantity: { tag: 22, kind: "u32" },
  displayPrice: { tag: 23, kind: "u64" },
} as const satisfies Readonly<Record<string, { readonly tag: number; readonly kind: FieldKind }>>;

const itchHeader = [
  ["stockLocate", "u16"],
  ["tracking", "u16"],
  ["timestamp", "u48"],
] as const satisfies readonly FieldLayout[];

/** Messages of ITCH 5.0. Timestamps are nanoseconds after midnight, prices are in 10^-4. */
export const itchMessages = {
  systemEvent: { letter: "S", size: 12, fields: [...itchHeader, ["event", "letter"]] },
  stockDirectory: {
    letter: "R",
    size: 39,
    fields: [
      ...itchHeader,
      ["stock", "text8"],
      ["category", "letter"],
      ["financialStatus", "letter"],
      ["roundLot", "u32"],
      ["roundLotsOnly", "letter"],
      ["classification", "letter"],
      ["subtype", "text2"],
      ["authenticity", "letter"],
      ["shortSaleThreshold", "letter"],
      ["newIssue", "letter"],
      ["luldTier", "letter"],
      ["etp", "letter"],
      ["etpLeverage", "u32"],
      ["inverse", "letter"],
    ],
  },
  tradingAction: {
    letter: "H",
    size: 25,
    fields: [
      ...itchHeader,
      ["stock", "text8"],
      ["state", "letter"],
      ["reserved", "letter"],
      ["reason", "text4"],
    ],
  },
  shortSaleRestriction: {
    letter: "Y",
    size: 20,
    fields: [...itchHeader, ["stock", "text8"], ["action", "letter"]],
  },
  participantPosition: {
    letter: "L",
    size: 26,
    fields: [
      ...itchHeader,
      ["participant", "text4"],
      ["stock", "text8"],
      ["isPrimary", "letter"],
      ["mode", "letter"],
      ["state", "letter"],
    ],
  },
  breakerLevels: {
    letter: "V",
    size: 35,
    fields: [...itchHeader, ["level1", "u64"], ["level2", "u64"], ["level3", "u64"]],
  },
  breakerStatus: { letter: "W", size: 12, fields: [...itchHeader, ["level", "letter"]] },
  quotingPeriod: {
    letter: "K",
    size: 28,
    fields: [
      ...itchHeader,
      ["stock", "text8"],
      ["releaseTime", "u32"],
      ["qualifier", "letter"],
      ["price", "u32"],
    ],
  },
  auctionCollar: {
    letter: "J",
    size: 35,
    fields: [
      ...itchHeader,
      ["stock", "text8"],
      ["referencePrice", "u32"],
      ["upperPrice", "u32"],
      ["lowerPrice", "u32"],
      ["extension", "u32"],
    ],
  },
  operationalHalt: {
    letter: "h",
    size: 21,
    fields: [...itchHeader, ["stock", "text8"], ["market", "letter"], ["action", "letter"]],
  },
  addOrder: {
    letter: "A",
    size: 36,
    fields: [
      ...itchHeader,
      ["reference", "u64"],
      ["side", "letter"],
      ["shares", "u32"],
      ["stock", "text8"],
      ["price", "u32"],
    ],
  },
  addAttributedOrder: {
    letter: "F",
    size: 40,
    fields: [
      ...itchHeader,
      ["reference", "u64"],
      ["side", "letter"],
      ["shares", "u32"],
      ["stock", "text8"],
      ["price", "u32"],
      ["participant", "text4"],
    ],
  },
  orderExecuted: {
    letter: "E",
    size: 31,
    fields: [...itchHeader, ["reference", "u64"], ["shares", "u32"], ["match", "u64"]],
  },
  orderExecutedAtPrice: {
    letter: "C",
    size: 36,
    fields: [
      ...itchHeader,
      ["reference", "u64"],
      ["shares", "u32"],
      ["match", "u64"],
      ["printable", "letter"],
      ["price", "u32"],
    ],
  },
  orderReduced: {
    letter: "X",
    size: 23,
    fields: [...itchHeader, ["reference", "u64"], ["shares", "u32"]],
  },
  orderDeleted: { letter: "D", size: 19, fields: [...itchHeader, ["reference", "u64"]] },
  orderReplaced: {
    letter: "U",
    size: 35,
    fields: [
      ...itchHeader,
      ["reference", "u64"],
      ["newReference", "u64"],
      ["shares", "u32"],
      ["price", "u32"],
    ],
  },
  hiddenTrade: {
    letter: "P",
    size: 44,
    fields: [
      ...itchHeader,
      ["reference", "u64"],
      ["side", "letter"],
      ["shares", "u32"],
      ["stock", "text8"],
      ["price", "u32"],
      ["match", "u64"],
    ],
  },
  crossTrade: {
    letter: "Q",
    size: 40,
    fields: [
      ...itchHeader,
      ["shares", "u64"],
      ["stock", "text8"],
      ["price", "u32"],
      ["match", "u64"],
      ["crossType", "letter"],
    ],
  },
  brokenTrade: { letter: "B", size: 19, fields: [...itchHeader, ["match", "u64"]] },
  imbalance: {
    letter: "I",
    size: 50,
    fields: [
      ...itchHeader,
      ["paired", "u64"],
      ["imbalance", "u64"],
      ["direction", "letter"],
      ["stock", "text8"],
      ["farPrice", "u32"],
      ["nearPrice", "u32"],
      ["referencePrice", "u32"],
      ["crossType", "letter"],
      ["variation", "letter"],
    ],
  },
  /** Of a snapshot over SoupBinTCP: the sequence of the first message that is not in it. Has no header. */
  endOfSnapshot: { letter: "G", size: 21, fields: [["sequence", "text20"]] },
  retailInterest: {
    letter: "N",
    size: 20,
    fields: [...itchHeader, ["stock", "text8"], ["interest", "letter"]],
  },
  directListing: {
    letter: "O",
    size: 48,
    fields: [
      ...itchHeader,
      ["stock", "text8"],
      ["openEligibility", "letter"],
      ["minimumPrice", "u32"],
      ["maximumPrice", "u32"],
      ["nearPrice", "u32"],
      ["nearTime", "u64"],
      ["lowerCollar", "u32"],
      ["upperCollar", "u32"],
    ],
  },
} as const satisfies Readonly<Record<string, MessageLayout>>;

/** The groups of messages within which a letter means one thing. */
export const groups = { soupPackets, ouchInbound, ouchOutbound, itchMessages } as const;
