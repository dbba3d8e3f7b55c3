// The native addon: CMake and Ninja into build/native/release, only when a source has changed.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { elapsed, lastLines, run, say } from "./processes.mjs";

const addonFile = (root) => join(root, "build", "native", "release", "addon", "meridian.node");

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    const built = /\.(hpp|cpp|h|cmake)$|^CMakeLists\.txt$/.test(entry.name);
    return built && !entry.name.endsWith("_test.cpp") ? [path] : [];
  });
}

/** Hash of all that goes into the addon: its sources and the versions of the headers from npm. */
function fingerprint(root) {
  const hash = createHash("sha256");
  const files = [
    ...sources(join(root, "native")),
    join(root, "node_modules", "node-addon-api", "package.json"),
    join(root, "node_modules", "node-api-headers", "package.json"),
  ].sort((left, right) => (left < right ? -1 : 1));
  for (const path of files) {
    hash.update(`${relative(root, path)}\0`);
    hash.update(readFileSync(path));
  }
  return hash.digest("hex");
}

function progress() {
  let shown = -1;
  return (line) => {
    const match = /^\[(\d+)\/(\d+)\]/.exec(line);
    if (match === null) return;
    const percent = Math.floor((100 * Number(match[1])) / Number(match[2]));
    if (process.stdout.isTTY) {
      process.stdout.write(
        `\rset-up: addon: compiling ${String(percent).padStart(3)} %${percent === 100 ? "\n" : ""}`,
      );
    } else if (percent >= shown + 25 || (percent === 100 && shown !== 100)) {
      shown = percent;
      say(`addon: compiling ${percent} %`);
    }
  };
}

const buildFolder = (root) => join(root, "build", "native", "release");
const stampFile = (root) => join(buildFolder(root), "sources.sha256");
const builtFrom = (root) =>
  existsSync(stampFile(root)) ? readFileSync(stampFile(root), "utf8") : "";

/** Whether the addon is there and was built from these sources. */
export const addonIsCurrent = (root) =>
  existsSync(addonFile(root)) && builtFrom(root) === fingerprint(root);

/** Takes an addon away that cannot be built again from the present sources. */
export function removeAddon(root) {
  rmSync(stampFile(root), { force: true });
  rmSync(addonFile(root), { force: true });
}

/** Builds the addon. Returns null when it is there, else {why, next}. */
export async function nativeAddon(root) {
  const build = buildFolder(root);
  const wanted = fingerprint(root);
  const current = builtFrom(root);
  const start = performance.now();
  say(
    `addon: ${current === "" ? "not built yet" : "its sources have changed"}; building with CMake and Ninja`,
  );
  const configureArgs = [
    "-S",
    join(root, "native"),
    "-B",
    build,
    "-G",
    "Ninja",
    "-DCMAKE_BUILD_TYPE=Release",
    "-DMERIDIAN_ADDON=ON",
  ];
  const configure = async () => run("cmake", configureArgs);
  let configured = await configure();
  if (configured.code !== 0 && existsSync(join(build, "CMakeCache.txt"))) {
    // A cache of a moved checkout or of another compiler: once more from nothing.
    rmSync(build, { recursive: true, force: true });
    configured = await configure();
  }
  const next = `cmake --build ${relative(process.cwd(), build) || "."}`;
  if (configured.code !== 0)
    return { why: lastLines(configured, 5), next: `cmake ${configureArgs.join(" ")}` };
  const compiled = await run("cmake", ["--build", build], { onLine: progress() });
  if (compiled.code !== 0) return { why: lastLines(compiled, 8), next };
  if (!existsSync(addonFile(root)))
    return { why: `the build left no ${relative(root, addonFile(root))}`, next };
  writeFileSync(stampFile(root), wanted);
  say(`addon: ready (${elapsed(start)})`);
  return null;
}
