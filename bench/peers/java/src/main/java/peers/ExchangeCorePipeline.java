package peers;

import exchange.core2.core.ExchangeApi;
import exchange.core2.core.ExchangeCore;
import exchange.core2.core.common.CoreWaitStrategy;
import exchange.core2.core.common.OrderAction;
import exchange.core2.core.common.OrderType;
import exchange.core2.core.common.api.ApiAddUser;
import exchange.core2.core.common.api.ApiAdjustUserBalance;
import exchange.core2.core.common.api.ApiCancelOrder;
import exchange.core2.core.common.api.ApiCommand;
import exchange.core2.core.common.api.ApiPlaceOrder;
import exchange.core2.core.common.api.binary.BatchAddSymbolsCommand;
import exchange.core2.core.common.cmd.CommandResultCode;
import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.cmd.OrderCommandType;
import exchange.core2.core.common.config.ExchangeConfiguration;
import exchange.core2.core.common.config.InitialStateConfiguration;
import exchange.core2.core.common.config.PerformanceConfiguration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/**
 * exchange-core whole: ring, risk before and after (it holds and settles the balances of a spot
 * market), matching, results; each stage on a thread of its own, journal off. Commands are made
 * before and offered as fast as the ring takes them.
 */
final class ExchangeCorePipeline implements AutoCloseable {
  private final Trades trades;
  private final ExchangeCore core;
  private final ExchangeApi api;
  private long expected;
  private long refused;
  private CountDownLatch done = new CountDownLatch(1);

  ExchangeCorePipeline(Trades trades) throws Exception {
    this.trades = trades;
    PerformanceConfiguration performance =
        PerformanceConfiguration.throughputPerformanceBuilder()
            .matchingEnginesNum(1)
            .riskEnginesNum(1)
            // With more threads than processors these are its fastest.
            .waitStrategy(CoreWaitStrategy.YIELDING)
            .threadFactory(Thread::new)
            .build();
    core =
        ExchangeCore.builder()
            .resultsConsumer(this::take)
            .exchangeConfiguration(
                ExchangeConfiguration.defaultBuilder()
                    .initStateCfg(InitialStateConfiguration.CLEAN_TEST)
                    .performanceCfg(performance)
                    .build())
            .build();
    core.startup();
    api = core.getApi();
    long user = ExchangeCoreCalls.USER;
    demand(api.submitBinaryDataAsync(new BatchAddSymbolsCommand(ExchangeCoreCalls.MARKET)).get());
    demand(api.submitCommandAsync(ApiAddUser.builder().uid(user).build()).get());
    for (int currency : new int[] {ExchangeCoreCalls.BASE, ExchangeCoreCalls.QUOTE}) {
      demand(
          api.submitCommandAsync(
                  ApiAdjustUserBalance.builder()
                      .uid(user)
                      .currency(currency)
                      .amount(ExchangeCoreCalls.PLENTY)
                      .transactionId(currency)
                      .build())
              .get());
    }
  }

  /** The operations from one index to another as commands; a replace is a cancel and a new order. */
  static List<ApiCommand> commands(Workload workload, int from, int to) {
    List<ApiCommand> commands = new ArrayList<>();
    for (int index = from; index < to; index += 1) {
      byte kind = workload.kind[index];
      if (kind == Workload.CANCEL || kind == Workload.REPLACE) {
        commands.add(
            ApiCancelOrder.builder()
                .orderId(workload.id[index])
                .uid(ExchangeCoreCalls.USER)
                .symbol(ExchangeCoreCalls.SYMBOL)
                .build());
      }
      if (kind == Workload.CANCEL) continue;
      commands.add(
          ApiPlaceOrder.builder()
              .orderId(workload.id[index])
              .uid(ExchangeCoreCalls.USER)
              .symbol(ExchangeCoreCalls.SYMBOL)
              .price(workload.price[index])
              .reservePrice(workload.price[index])
              .size(workload.quantity[index])
              .action(workload.isSell[index] ? OrderAction.ASK : OrderAction.BID)
              .orderType(kind == Workload.IMMEDIATE ? OrderType.IOC : OrderType.GTC)
              .build());
    }
    return commands;
  }

  /** Offers the commands and waits for the result of the last. */
  void play(List<ApiCommand> commands) throws InterruptedException {
    // Written before the ring's publication, and so seen by the thread of the results.
    done = new CountDownLatch(1);
    expected = commands.size();
    for (ApiCommand command : commands) api.submitCommand(command);
    done.await();
    if (refused > 0) throw new IllegalStateException(refused + " commands refused");
  }

  /** On the thread of the results. */
  private void take(OrderCommand command, long sequence) {
    if (command.command != OrderCommandType.PLACE_ORDER
        && command.command != OrderCommandType.CANCEL_ORDER) return;
    if (command.resultCode != CommandResultCode.SUCCESS) refused += 1;
    if (command.command == OrderCommandType.PLACE_ORDER) ExchangeCoreCalls.report(command, trades);
    expected -= 1;
    if (expected == 0) done.countDown();
  }

  private static void demand(CommandResultCode result) {
    if (result != CommandResultCode.SUCCESS) throw new IllegalStateException("refused: " + result);
  }

  @Override
  public void close() {
    core.shutdown();
  }
}
