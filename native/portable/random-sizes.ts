/** Random refresh sizes of icebergs: xorshift64*, seeded by a command. */

const FIRST_STATE = 0x9e3779b97f4a7c15n;
const MULTIPLIER = 0x2545f4914f6cdd1dn;

const wrap = (value: bigint): bigint => BigInt.asUintN(64, value);

export class RandomSizes {
  state = FIRST_STATE;

  /** An integer of 0 … bound - 1. */
  below(bound: number): number {
    let x = this.state;
    x ^= x >> 12n;
    x ^= wrap(x << 25n);
    x ^= x >> 27n;
    this.state = x;
    const drawn = wrap(x * MULTIPLIER);
    return Number(((drawn >> 32n) * BigInt(bound)) >> 32n);
  }
}
