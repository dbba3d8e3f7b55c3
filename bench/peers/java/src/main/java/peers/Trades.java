package peers;

/** Receives each trade, in order; ids are those of the workload. */
interface Trades {
  void add(long maker, long taker, long price, long quantity);
}
