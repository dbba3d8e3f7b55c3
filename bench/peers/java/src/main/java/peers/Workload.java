package peers;

import java.util.Arrays;

/**
 * Workload W, the same stream as bench/workloads, written from its description alone. A plain
 * price-time book inside the generator keeps cancels and replaces on live orders, and says what an
 * engine has to trade. The operations are kept in arrays: the adds that fill the book, then the
 * measured ones.
 */
final class Workload {
  static final byte ADD = 0;
  static final byte CANCEL = 1;
  /** The order leaves the book and enters again with the same id; it loses its priority. */
  static final byte REPLACE = 2;
  /** What does not trade at once is dropped. */
  static final byte IMMEDIATE = 3;

  /** Operations that fill the book before the measurement. */
  final int preloaded;
  /** All operations. */
  final int count;
  /** What the measured operations trade. */
  final Checksum checksum;

  byte[] kind = new byte[1 << 16];
  boolean[] isSell = new boolean[1 << 16];
  int[] id = new int[1 << 16];
  /** Ticks and lots; 0 for a cancel. */
  int[] price = new int[1 << 16];
  int[] quantity = new int[1 << 16];

  /** live: orders the book is filled up to; block: ticks of a block of distances from the mid. */
  Workload(int live, int block, int operations) {
    Generator generator = new Generator(live, block);
    while (generator.size < live) {
      generator.walk();
      generator.add();
    }
    preloaded = generator.made;
    generator.checksum = new Checksum();
    for (int done = 0; done < operations; done += 1) generator.next();
    count = generator.made;
    checksum = generator.checksum;
  }

  private final class Generator {
    static final long LARGEST_DISTANCE = 60_000;
    static final long LOWEST_MID = 90_000;
    static final long HIGHEST_MID = 110_000;
    /** Above the highest mid and the largest distance. */
    static final int PRICES = 200_000;

    final int target;
    final long block;
    long random = 0x9E3779B97F4A7C15L;
    long mid = 100_000;
    Checksum checksum = new Checksum();
    int made;

    /** Live orders; a hole is filled with the last one. */
    int[] live = new int[1 << 16];
    int size;

    // By order id; 0 is none.
    int nextId = 1;
    boolean[] sells = new boolean[1 << 16];
    int[] prices = new int[1 << 16];
    int[] remaining = new int[1 << 16];
    int[] place = new int[1 << 16];
    int[] older = new int[1 << 16];
    int[] younger = new int[1 << 16];

    // Buy and sell, by price.
    final int[][] oldest = new int[2][PRICES];
    final int[][] youngest = new int[2][PRICES];
    /** No buy is above, no sell below. */
    final int[] best = {0, PRICES - 1};

    Generator(int target, int block) {
      this.target = target;
      this.block = block;
    }

    long draw() {
      random ^= random >>> 12;
      random ^= random << 25;
      random ^= random >>> 27;
      return random * 0x2545F4914F6CDD1DL;
    }

    long below(long bound) {
      return ((draw() >>> 32) * bound) >>> 32;
    }

    boolean bit() {
      return draw() < 0;
    }

    void walk() {
      if ((draw() & 63) != 0) return;
      mid = Math.max(LOWEST_MID, Math.min(HIGHEST_MID, bit() ? mid + 1 : mid - 1));
    }

    void next() {
      long percent = below(100);
      walk();
      if (percent < 60 || (percent < 95 && size == 0)) add();
      else if (percent < 90) cancel();
      else if (percent < 95) replace();
      else immediate();
    }

    void add() {
      int taker = newId();
      boolean sell = bit();
      int limit = price(sell);
      int lots = 1 + (int) below(100);
      emit(ADD, sell, taker, limit, lots);
      enter(taker, sell, limit, lots);
    }

    void cancel() {
      int order = live[(int) below(size)];
      emit(CANCEL, sells[order], order, 0, 0);
      takeOut(order);
    }

    void replace() {
      int order = live[(int) below(size)];
      boolean sell = sells[order];
      int limit = price(sell);
      int lots = 1 + (int) below(100);
      if (limit == prices[order]) limit += sell ? 1 : -1;
      emit(REPLACE, sell, order, limit, lots);
      takeOut(order);
      enter(order, sell, limit, lots);
    }

    void immediate() {
      int taker = newId();
      boolean sell = bit();
      int limit = (int) (sell ? mid - 4 * block : mid + 4 * block);
      int lots = 1 + (int) below(size > target ? 1_200 : 200);
      emit(IMMEDIATE, sell, taker, limit, lots);
      trade(taker, sell, limit, lots);
    }

    int price(boolean sell) {
      long zeros = Long.numberOfTrailingZeros(draw() | 1L << 20);
      long distance = Math.min(LARGEST_DISTANCE, 1 + block * zeros + below(block));
      return (int) (sell ? mid + distance : mid - distance);
    }

    void enter(int order, boolean sell, int limit, int lots) {
      int left = trade(order, sell, limit, lots);
      if (left == 0) return;
      int side = sell ? 1 : 0;
      int last = youngest[side][limit];
      youngest[side][limit] = order;
      if (last == 0) oldest[side][limit] = order;
      else younger[last] = order;
      sells[order] = sell;
      prices[order] = limit;
      remaining[order] = left;
      older[order] = last;
      younger[order] = 0;
      if (size == live.length) live = Arrays.copyOf(live, 2 * size);
      place[order] = size;
      live[size] = order;
      size += 1;
      best[side] = sell ? Math.min(best[1], limit) : Math.max(best[0], limit);
    }

    /** Returns what is left. */
    int trade(int taker, boolean sell, int limit, int lots) {
      int left = lots;
      while (left > 0) {
        int maker = first(sell ? 0 : 1);
        if (maker == 0 || (sell ? prices[maker] < limit : prices[maker] > limit)) break;
        int traded = Math.min(left, remaining[maker]);
        left -= traded;
        remaining[maker] -= traded;
        checksum.add(maker, taker, prices[maker], traded);
        if (remaining[maker] == 0) takeOut(maker);
      }
      return left;
    }

    /** The oldest order at the best price of a side, or 0. */
    int first(int side) {
      int end = side == 0 ? 0 : PRICES - 1;
      while (best[side] != end && oldest[side][best[side]] == 0) best[side] += side == 0 ? -1 : 1;
      return oldest[side][best[side]];
    }

    void takeOut(int order) {
      int side = sells[order] ? 1 : 0;
      if (older[order] == 0) oldest[side][prices[order]] = younger[order];
      else younger[older[order]] = younger[order];
      if (younger[order] == 0) youngest[side][prices[order]] = older[order];
      else older[younger[order]] = older[order];
      size -= 1;
      int last = live[size];
      live[place[order]] = last;
      place[last] = place[order];
    }

    int newId() {
      if (nextId == prices.length) {
        int capacity = 2 * nextId;
        sells = Arrays.copyOf(sells, capacity);
        prices = Arrays.copyOf(prices, capacity);
        remaining = Arrays.copyOf(remaining, capacity);
        place = Arrays.copyOf(place, capacity);
        older = Arrays.copyOf(older, capacity);
        younger = Arrays.copyOf(younger, capacity);
      }
      nextId += 1;
      return nextId - 1;
    }

    void emit(byte operation, boolean sell, int order, int limit, int lots) {
      if (made == id.length) {
        int capacity = 2 * made;
        kind = Arrays.copyOf(kind, capacity);
        isSell = Arrays.copyOf(isSell, capacity);
        id = Arrays.copyOf(id, capacity);
        Workload.this.price = Arrays.copyOf(Workload.this.price, capacity);
        quantity = Arrays.copyOf(quantity, capacity);
      }
      kind[made] = operation;
      isSell[made] = sell;
      id[made] = order;
      Workload.this.price[made] = limit;
      quantity[made] = lots;
      made += 1;
    }
  }
}
