/**
 * A process with a reactor of its own that takes one market over and gives it away, by messages of its
 * parent: native/market-move.test.ts. It answers each message with one.
 */
import { epoch } from "../../actors/kernel/units.ts";
import { loadNativeEngine, type NativeMarket } from "../../native/index.ts";
import { type Asked, type Held, heldBy, offerNumbers, type Outcomes } from "./moved-market.ts";

const engine = loadNativeEngine();
if (!engine.ok) throw new Error(engine.failure.reason);
let market: NativeMarket | null = null;

async function answer(asked: Asked): Promise<Held | Outcomes> {
  switch (asked.type) {
    case "open": {
      if (!engine.ok) throw new Error("no engine");
      const { directory, at } = asked;
      market = (await engine.value.open({
        market: "moved",
        directory,
        epoch: epoch(at),
      })) as NativeMarket;
      return heldBy(market);
    }
    case "offer": {
      if (market === null) throw new Error("the market is not here");
      return await offerNumbers(market, asked.first, asked.last, asked.readTo);
    }
    case "close": {
      if (market === null) throw new Error("the market is not here");
      await market.close();
      return heldBy(market);
    }
    default:
      return asked satisfies never;
  }
}

process.on("message", (asked: Asked) => {
  void answer(asked).then((said) => process.send?.(said));
});
process.on("disconnect", () => process.exit(0));
