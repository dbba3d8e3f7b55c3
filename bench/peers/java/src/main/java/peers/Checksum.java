package peers;

/** Folds trades, in order, into the three numbers by which runs are compared. */
final class Checksum {
  long trades;
  long volume;
  long hash = 1469598103934665603L;

  void add(long maker, long taker, long price, long quantity) {
    trades += 1;
    volume += quantity;
    long trade =
        maker * 0x9E3779B97F4A7C15L
            + taker * 0xC2B2AE3D27D4EB4FL
            + price * 0x165667B19E3779F9L
            + quantity;
    hash = (hash ^ trade) * 1099511628211L;
  }

  boolean sameAs(Checksum other) {
    return trades == other.trades && volume == other.volume && hash == other.hash;
  }

  @Override
  public String toString() {
    return trades + " trades, volume " + volume + ", hash " + Long.toHexString(hash);
  }
}
