/**
 * Traces of orders that come by OUCH or shared memory. Their protocols carry no trace context, so ids
 * are made of what everybody who handles the order knows in the end: its market, and the sequence that
 * the market gave the command.
 */

export interface OrderTraceIds {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** Of the span of the process that sent it, when that tells of one; 16 hexadecimal digits. */
  readonly clientSpanId: string;
  /** Of the span of the cell, below which its hops are. */
  readonly cellSpanId: string;
}

const sixtyFourBits = 64;
/** 2^64 divided by the golden ratio: neighbouring sequences become far numbers. */
const golden = 0x9e3779b97f4a7c15n;
const goldenOf32Bits = 0x9e3779b1;

const cut = (value: bigint): bigint => BigInt.asUintN(sixtyFourBits, value);

/** FNV-1a of 64 bits. */
function hashOf(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = cut((hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash;
}

/** The output function of SplitMix64 (Steele, Lea, Flood 2014). */
function mixed(value: bigint): bigint {
  const first = cut((value ^ (value >> 30n)) * 0xbf58476d1ce4e5b9n);
  const second = cut((first ^ (first >> 27n)) * 0x94d049bb133111ebn);
  return second ^ (second >> 31n);
}

/** Both ids of W3C Trace Context must not be all 0. */
const digits = (word: bigint): string => (word === 0n ? 1n : word).toString(16).padStart(16, "0");

/** `sequence`: of the command, as its events have it. */
export function orderTraceIds(market: string, sequence: number): OrderTraceIds {
  const order = mixed(cut(hashOf(market) + BigInt(sequence) * golden));
  const word = (index: bigint): string => digits(mixed(cut(order + index * golden)));
  return { traceId: word(1n) + word(2n), clientSpanId: word(3n), cellSpanId: word(4n) };
}

/** The part of the commands that is traced, of 2^32, from one between 0 and 1. */
export const pickedOf = (ratio: number): number => Math.round(ratio * 2 ** 32);

/** Whether the command of this sequence is among `picked` of 2^32; native/edge/order_stamps.hpp has the same rule. */
export const isPicked = (sequence: number, picked: number): boolean =>
  Math.imul(sequence, goldenOf32Bits) >>> 0 < picked;
