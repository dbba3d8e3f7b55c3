import type { SoakOptions } from "../soak.ts";
import { checkBooks, moveMaker } from "../support/moving-maker.ts";

/** `--count`: lives of a market maker, each with eight moves; 20 when absent. */
export async function soak({ seed, count }: SoakOptions): Promise<void> {
  let trades = 0;
  for (let life = 0; life < (count ?? 20); life += 1) {
    const books = await moveMaker({ seed: seed + life, moves: 8 });
    checkBooks(books, `SEED=${seed + life}`);
    trades += books.trades;
    console.log(
      `life ${life + 1}: ${books.trades} trades, incarnation ${books.incarnations}, ${books.lostReplies} replies lost, ${books.doubtful} doubtful`,
    );
  }
  console.log(`${trades} trades, each in both books`);
}
