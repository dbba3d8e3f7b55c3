package peers;

import exchange.core2.core.common.CoreSymbolSpecification;
import exchange.core2.core.common.MatcherEventType;
import exchange.core2.core.common.MatcherTradeEvent;
import exchange.core2.core.common.OrderAction;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.SymbolType;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.cmd.OrderCommandType;

/**
 * Puts operations into exchange-core's commands and calls its parts in the same thread. A replace is
 * a cancel and a new order, because its move keeps the quantity.
 */
abstract class ExchangeCoreCalls implements Book {
  static final int SYMBOL = 1;
  static final int BASE = 1;
  static final int QUOTE = 2;
  static final long USER = 1;
  /** Of each currency, and a long's product with a price away from overflow. */
  static final long PLENTY = 1L << 52;
  /** A spot market of whole units without fees. */
  static final CoreSymbolSpecification MARKET =
      CoreSymbolSpecification.builder()
          .symbolId(SYMBOL)
          .type(SymbolType.CURRENCY_EXCHANGE_PAIR)
          .baseCurrency(BASE)
          .quoteCurrency(QUOTE)
          .baseScaleK(1)
          .quoteScaleK(1)
          .build();

  private final Workload workload;
  private final Trades trades;
  /** Reused, as the slots of its ring are. */
  private final OrderCommand command = new OrderCommand();

  ExchangeCoreCalls(Workload workload, Trades trades) {
    this.workload = workload;
    this.trades = trades;
    command.symbol = SYMBOL;
    command.uid = USER;
  }

  /** Leaves its result and its trades in the command. */
  abstract void process(OrderCommand command);

  @Override
  public final void apply(int index) {
    byte kind = workload.kind[index];
    command.orderId = workload.id[index];
    if (kind == Workload.CANCEL || kind == Workload.REPLACE) {
      command.command = OrderCommandType.CANCEL_ORDER;
      demand();
    }
    if (kind == Workload.CANCEL) return;
    command.command = OrderCommandType.PLACE_ORDER;
    command.price = workload.price[index];
    command.reserveBidPrice = workload.price[index];
    command.size = workload.quantity[index];
    command.action = workload.isSell[index] ? OrderAction.ASK : OrderAction.BID;
    command.orderType = kind == Workload.IMMEDIATE ? OrderType.IOC : OrderType.GTC;
    demand();
    report(command, trades);
  }

  private void demand() {
    command.matcherEvent = null;
    command.resultCode = CommandResultCode.NEW;
    process(command);
    if (command.resultCode != CommandResultCode.SUCCESS) {
      throw new IllegalStateException("refused: " + command.resultCode);
    }
  }

  static void report(OrderCommand command, Trades trades) {
    for (MatcherTradeEvent event = command.matcherEvent; event != null; event = event.nextEvent) {
      if (event.eventType == MatcherEventType.TRADE) {
        trades.add(event.matchedOrderId, command.orderId, event.price, event.size);
      }
    }
  }
}
