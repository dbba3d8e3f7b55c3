package peers;

import exchange.core2.core.common.cmd.OrderCommand;
import exchange.core2.core.common.config.ExchangeConfiguration;
import exchange.core2.core.common.config.InitialStateConfiguration;
import exchange.core2.core.common.config.PerformanceConfiguration;
import exchange.core2.core.orderbook.OrderBookDirectImpl;
import exchange.core2.core.processors.MatchingEngineRouter;
import exchange.core2.core.processors.RiskEngine;
import exchange.core2.core.processors.SharedPool;
import exchange.core2.core.processors.UserProfileService;
import exchange.core2.core.processors.journaling.DummySerializationProcessor;

/**
 * exchange-core's stages one after the other in one thread: risk (it holds the balances of a spot
 * account), matching, risk again (it settles them). What its pipeline does, without what threads and
 * rings cost.
 */
final class ExchangeCoreStages extends ExchangeCoreCalls {
  private final RiskEngine risk;
  private final MatchingEngineRouter matching;
  private long sequence;

  ExchangeCoreStages(Workload workload, Trades trades) {
    super(workload, trades);
    ExchangeConfiguration configuration =
        ExchangeConfiguration.defaultBuilder()
            .initStateCfg(InitialStateConfiguration.CLEAN_TEST)
            .performanceCfg(
                PerformanceConfiguration.throughputPerformanceBuilder()
                    .matchingEnginesNum(1)
                    .riskEnginesNum(1)
                    .build())
            .build();
    SharedPool pool = SharedPool.createTestSharedPool();
    var storage = DummySerializationProcessor.INSTANCE;
    risk = new RiskEngine(0, 1, storage, pool, configuration);
    matching =
        new MatchingEngineRouter(0, 1, storage, OrderBookDirectImpl::new, pool, configuration);
    risk.getSymbolSpecificationProvider().addSymbol(MARKET);
    matching
        .getOrderBooks()
        .put(
            SYMBOL,
            new OrderBookDirectImpl(
                MARKET,
                matching.getObjectsPool(),
                matching.getEventsHelper(),
                configuration.getLoggingCfg()));
    UserProfileService users = risk.getUserProfileService();
    users.addEmptyUserProfile(USER);
    for (int currency : new int[] {BASE, QUOTE}) {
      users.balanceAdjustment(USER, currency, PLENTY, currency);
    }
  }

  @Override
  void process(OrderCommand command) {
    sequence += 1;
    risk.preProcessCommand(sequence, command);
    matching.processOrder(sequence, command);
    risk.handlerRiskRelease(sequence, command);
  }
}
