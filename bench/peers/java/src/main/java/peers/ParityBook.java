package peers;

import com.paritytrading.parity.match.OrderBook;
import com.paritytrading.parity.match.OrderBookListener;
import com.paritytrading.parity.match.Side;

/**
 * The book of the Parity exchange. It has neither replace nor immediate orders: the first is a cancel
 * and a new order, the second a new order whose rest is canceled.
 */
final class ParityBook implements Book, OrderBookListener {
  private final Workload workload;
  private final Trades trades;
  private final OrderBook book = new OrderBook(this);

  ParityBook(Workload workload, Trades trades) {
    this.workload = workload;
    this.trades = trades;
  }

  @Override
  public void apply(int index) {
    byte kind = workload.kind[index];
    long id = workload.id[index];
    if (kind == Workload.CANCEL || kind == Workload.REPLACE) book.cancel(id, 0);
    if (kind == Workload.CANCEL) return;
    Side side = workload.isSell[index] ? Side.SELL : Side.BUY;
    book.enter(id, side, workload.price[index], workload.quantity[index]);
    if (kind == Workload.IMMEDIATE) book.cancel(id, 0);
  }

  @Override
  public void match(
      long maker, long taker, Side side, long price, long quantity, long makerRemaining) {
    trades.add(maker, taker, price, quantity);
  }

  @Override
  public void add(long order, Side side, long price, long quantity) {}

  @Override
  public void cancel(long order, long canceled, long remaining) {}
}
