import type { Command } from "commander";

/** Examples of commands whose own help has none: what is typed after `npx meridian`. */
const examples: Readonly<Record<string, readonly string[]>> = {
  up: ["up", "up --flow off --data ./trial", "up --nats-port 14222 --http-port 18080"],
  down: ["down", "down --data ./trial"],
  status: ["status", "status -q", "status -o json", "status -o csv > markets.csv"],
  login: ["login operator", "login observer --data ./trial"],
  "order cancel": [
    "order cancel BTC-EUR 16777217 --as operator",
    "order cancel BTC-EUR 1 --via ouch",
  ],
  "order reduce": ["order reduce BTC-EUR 16777217 5 --as operator"],
  "order replace": ["order replace BTC-EUR 16777217 10 64001.50 --as operator"],
  "order list": [
    "order list BTC-EUR --account 7",
    "order list BTC-EUR -q",
    "order list BTC-EUR -o csv",
  ],
  "order book": ["order book BTC-EUR", "order book BTC-EUR --levels 50 -o jsonl"],
  "market list": ["market list", "market list -q", "market list -o csv"],
  "market halt": ['market halt BTC-EUR --reason "news pending" --as operator'],
  "market resume": ["market resume BTC-EUR --as operator"],
  "market phase": [
    "market phase BTC-EUR closing_auction --as operator",
    "market phase BTC-EUR open --as operator",
  ],
  "market mode": ["market mode BTC-EUR durable --as operator"],
  "region status": ["region status", "region status -o json"],
  "region abort": ["region abort ID --in eu-central --as operator"],
  "region approve": ["region approve ID --in eu-central --as approver"],
  "region recover propose": [
    'region recover propose --survivor eu-central --because "both others burnt down" --as operator',
  ],
  "region recover approve": ["region recover approve ID --as approver"],
  "region recover run": ["region recover run ID --as operator"],
  "region add": ["region add uk-south --as operator"],
  "region remove": ["region remove uk-south --as operator"],
  "region residency": ["region residency", "region residency -o json"],
  "certificates show": ["certificates show", "certificates show -o csv"],
  "certificates rotate": ["certificates rotate --as operator"],
  "strategy list": [
    "strategy list",
    "strategy list --region eu-central -q",
    "strategy list -o csv",
  ],
  "strategy describe": ["strategy describe maker-1", "strategy describe maker-1 -o json"],
  "strategy stop": ["strategy stop maker-1 --as operator"],
  "strategy restart": ["strategy restart maker-1 --as operator"],
  "strategy pause": ["strategy pause maker-1 --as operator"],
  "strategy flatten": ["strategy flatten maker-1 --as operator"],
  "strategy resume": ["strategy resume maker-1 --as operator"],
  "strategy watch": ["strategy watch maker-1", "strategy watch maker-1 --count 10 -o csv"],
  "account show": ["account show acme", "account show acme -o json"],
  "account approve": ["account approve acme ID --as approver"],
  "account stop": ['account stop acme --reason "runaway" --as operator'],
  "account resume": ["account resume acme --as operator"],
  replay: [
    "replay AAPL_2012-06-21_34200000_57600000_message_10.csv --as operator",
    "replay day.itch.gz --symbol ACME --speed 10x --as operator",
    "replay message.csv --book orderbook.csv --require 99 -o json --as operator",
  ],
  "journal verify": [
    "journal verify .meridian/cells/eu-central/markets/BTC-EUR/log",
    "journal verify LOG -o json",
  ],
  "journal dump": ["journal dump LOG --from 100 --to 120", "journal dump LOG -o jsonl > records"],
  doctor: ["doctor", "doctor --machine", "doctor -o json"],
  "config print": ["config print", "config print -o json"],
};

/** Adds them to the help of the commands they are of. */
export function addExamples(command: Command, path: readonly string[] = []): void {
  for (const child of command.commands) {
    const own = [...path, child.name()];
    const lines = examples[own.join(" ")];
    if (lines !== undefined) {
      const text = lines.map((line) => `  npx meridian ${line}`).join("\n");
      child.addHelpText("after", `\nExamples:\n${text}`);
    }
    addExamples(child, own);
  }
}
