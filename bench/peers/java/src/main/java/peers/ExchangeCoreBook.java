package peers;

import exchange.core2.collections.objpool.ObjectsPool;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.config.LoggingConfiguration;
import exchange.core2.core.orderbook.IOrderBook;
import exchange.core2.core.orderbook.OrderBookDirectImpl;
import exchange.core2.core.orderbook.OrderBookEventsHelper;
import java.util.Map;

/** exchange-core's fast book alone: matching and nothing else. */
final class ExchangeCoreBook extends ExchangeCoreCalls {
  private static final int K = 1024;

  private final IOrderBook book;

  ExchangeCoreBook(Workload workload, Trades trades) {
    super(workload, trades);
    // As large as its matching engine has them.
    ObjectsPool pool =
        new ObjectsPool(
            Map.of(
                ObjectsPool.DIRECT_ORDER, K * K,
                ObjectsPool.DIRECT_BUCKET, 64 * K,
                ObjectsPool.ART_NODE_4, 32 * K,
                ObjectsPool.ART_NODE_16, 16 * K,
                ObjectsPool.ART_NODE_48, 8 * K,
                ObjectsPool.ART_NODE_256, 4 * K));
    book =
        new OrderBookDirectImpl(
            MARKET,
            pool,
            OrderBookEventsHelper.NON_POOLED_EVENTS_HELPER,
            LoggingConfiguration.DEFAULT);
  }

  @Override
  void process(OrderCommand command) {
    // What the risk stage says of an order that may pass.
    command.resultCode = CommandResultCode.VALID_FOR_MATCHING_ENGINE;
    command.resultCode = IOrderBook.processCommand(book, command);
  }
}
