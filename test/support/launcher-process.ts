// Runs a launcher in a process of its own, so that a test can kill it: DATA as the only argument.
// Prints one JSON line with the processes it has started, then whatever the launcher says.
import { Launcher } from "../../ops/deploy/launcher.ts";
import { launcherOptions } from "./launched-cluster.ts";

const [dataDirectory] = process.argv.slice(2);
if (dataDirectory === undefined) throw new Error("usage: launcher-process.ts DATA");
const launcher = new Launcher(launcherOptions(dataDirectory, { say: console.log }));
const started = await launcher.start();
if (!started.ok) {
  console.log(JSON.stringify({ failure: started.failure }));
  process.exit(1);
}
console.log(JSON.stringify({ cluster: started.value.cluster }));
process.once("SIGTERM", () => {
  void launcher.stop().then(() => process.exit(0));
});
