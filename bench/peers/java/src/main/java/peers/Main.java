package peers;

import com.sun.management.OperatingSystemMXBean;
import exchange.core2.core.common.api.ApiCommand;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;

/**
 * One repetition of workload W through one engine of Maven's central repository:
 *
 * <pre>peers.Main ENGINE LIVE BLOCK OPERATIONS</pre>
 *
 * Prints one JSON object, times in nanoseconds. Runs over fresh books: one that folds the trades into
 * the hash and, with the next, lets the compilers see all code; then the one that is timed as a whole;
 * last, for the engines that are called, two with a reading of the clock around each operation, of
 * which the second counts.
 */
public final class Main {
  public static void main(String[] words) {
    if (words.length != 4) usage();
    try {
      run(words);
    } catch (Throwable failure) {
      // The threads of a pipeline would keep the process alive.
      failure.printStackTrace();
      System.exit(1);
    }
  }

  private static void run(String[] words) throws Exception {
    Workload workload =
        new Workload(
            Integer.parseInt(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]));
    switch (words[0]) {
      case "exchange-core-book" -> called(workload, ExchangeCoreBook::new);
      case "exchange-core-stages" -> called(workload, ExchangeCoreStages::new);
      case "parity-match" -> called(workload, ParityBook::new);
      case "exchange-core-pipeline" -> piped(workload);
      default -> usage();
    }
  }

  private static void usage() {
    System.err.println(
        "usage: peers.Main exchange-core-book|exchange-core-stages|exchange-core-pipeline|parity-match"
            + " LIVE BLOCK OPERATIONS");
    System.exit(2);
  }

  /** The least that reads every trade. */
  private static final class Counted implements Trades {
    long trades;
    long volume;

    @Override
    public void add(long maker, long taker, long price, long quantity) {
      trades += 1;
      volume += quantity;
    }
  }

  private static void called(Workload workload, BiFunction<Workload, Trades, Book> engine) {
    Checksum checksum = new Checksum();
    Folding folding = new Folding(checksum);
    Book book = filled(workload, engine, folding);
    folding.isOn = true;
    for (int index = workload.preloaded; index < workload.count; index += 1) book.apply(index);
    demand(checksum, workload);
    whole(workload, engine);
    System.gc();
    double[] costs = whole(workload, engine);
    each(workload, engine);
    System.gc();
    print(workload, checksum, costs, each(workload, engine));
  }

  private static Book filled(
      Workload workload, BiFunction<Workload, Trades, Book> engine, Trades trades) {
    Book book = engine.apply(workload, trades);
    for (int index = 0; index < workload.preloaded; index += 1) book.apply(index);
    return book;
  }

  /** Time that passed, and time of this thread on a processor, an operation. */
  private static double[] whole(Workload workload, BiFunction<Workload, Trades, Book> engine) {
    Counted counted = new Counted();
    Book book = filled(workload, engine, counted);
    long trades = counted.trades;
    long volume = counted.volume;
    var threads = ManagementFactory.getThreadMXBean();
    long ran = threads.getCurrentThreadCpuTime();
    long begin = System.nanoTime();
    for (int index = workload.preloaded; index < workload.count; index += 1) book.apply(index);
    double passed = System.nanoTime() - begin;
    double processor = threads.getCurrentThreadCpuTime() - ran;
    demand(counted.trades - trades, counted.volume - volume, workload);
    double operations = workload.count - workload.preloaded;
    return new double[] {passed / operations, processor / operations};
  }

  /** Rising. */
  private static long[] each(Workload workload, BiFunction<Workload, Trades, Book> engine) {
    Book book = filled(workload, engine, new Counted());
    long[] latencies = new long[workload.count - workload.preloaded];
    long clock = clockCost();
    for (int index = 0; index < latencies.length; index += 1) {
      long begin = System.nanoTime();
      book.apply(workload.preloaded + index);
      latencies[index] = Math.max(0, System.nanoTime() - begin - clock);
    }
    Arrays.sort(latencies);
    return latencies;
  }

  /** The least that two readings of the clock are apart. */
  private static long clockCost() {
    long least = Long.MAX_VALUE;
    for (int round = 0; round < 100_000; round += 1) {
      long begin = System.nanoTime();
      least = Math.min(least, System.nanoTime() - begin);
    }
    return least;
  }

  private static void piped(Workload workload) throws Exception {
    List<ApiCommand> preload = ExchangeCorePipeline.commands(workload, 0, workload.preloaded);
    List<ApiCommand> timed =
        ExchangeCorePipeline.commands(workload, workload.preloaded, workload.count);
    Checksum checksum = new Checksum();
    Folding folding = new Folding(checksum);
    try (ExchangeCorePipeline core = new ExchangeCorePipeline(folding)) {
      core.play(preload);
      folding.isOn = true;
      core.play(timed);
    }
    demand(checksum, workload);
    pipedWhole(workload, preload, timed);
    System.gc();
    double[] costs = pipedWhole(workload, preload, timed);
    print(workload, checksum, costs, null);
  }

  /** Time that passed, and time of all threads on processors, an operation. */
  private static double[] pipedWhole(
      Workload workload, List<ApiCommand> preload, List<ApiCommand> timed) throws Exception {
    Counted counted = new Counted();
    var system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    try (ExchangeCorePipeline core = new ExchangeCorePipeline(counted)) {
      core.play(preload);
      long trades = counted.trades;
      long volume = counted.volume;
      long ran = system.getProcessCpuTime();
      long begin = System.nanoTime();
      core.play(timed);
      double passed = System.nanoTime() - begin;
      double processor = system.getProcessCpuTime() - ran;
      demand(counted.trades - trades, counted.volume - volume, workload);
      double operations = workload.count - workload.preloaded;
      return new double[] {passed / operations, processor / operations};
    }
  }

  /** Folds what is traded after the preload. */
  private static final class Folding implements Trades {
    private final Checksum checksum;
    volatile boolean isOn;

    Folding(Checksum checksum) {
      this.checksum = checksum;
    }

    @Override
    public void add(long maker, long taker, long price, long quantity) {
      if (isOn) checksum.add(maker, taker, price, quantity);
    }
  }

  private static void demand(Checksum checksum, Workload workload) {
    if (!checksum.sameAs(workload.checksum)) {
      voided(checksum + ", where due were " + workload.checksum);
    }
  }

  private static void demand(long trades, long volume, Workload workload) {
    if (trades != workload.checksum.trades || volume != workload.checksum.volume) {
      voided("a run traded differently");
    }
  }

  private static void voided(String reason) {
    System.err.println(reason + ": the result is void");
    System.exit(1);
  }

  private static void print(Workload workload, Checksum checksum, double[] costs, long[] each) {
    System.out.printf(
        Locale.ROOT,
        "{\"operations\":%d,\"trades\":%d,\"volume\":%d,\"hash\":\"%016x\",\"passed\":%.2f,"
            + "\"processor\":%.2f,\"p50\":%s,\"p99\":%s,\"p999\":%s,\"maximum\":%s}%n",
        workload.count - workload.preloaded,
        checksum.trades,
        checksum.volume,
        checksum.hash,
        costs[0],
        costs[1],
        quantile(each, 0.5),
        quantile(each, 0.99),
        quantile(each, 0.999),
        quantile(each, 1));
  }

  private static String quantile(long[] rising, double share) {
    if (rising == null) return "null";
    return String.valueOf(rising[Math.min(rising.length - 1, (int) (rising.length * share))]);
  }
}
