import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Browser, chromium, type Page } from "playwright-core";

import { repository } from "./shared-data.ts";

/** A real browser for tests: Debian's Chromium. */

const executablePath =
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
    existsSync(path),
  ) ?? null;

/** Why there is no browser, with the line that gets one; null when there is one. */
export const noBrowser: string | null =
  executablePath === null
    ? "no Chromium on this machine: sudo apt-get install -y --no-install-recommends chromium"
    : null;

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startBrowser(): Promise<Browser> {
  if (executablePath === null) throw new Error(noBrowser ?? "");
  return await chromium.launch({ executablePath, args: flags });
}

export const sizes = {
  desk: { width: 1280, height: 800 },
  phone: { width: 844, height: 390 },
} as const;

export interface OpenPage {
  readonly page: Page;
  /** What the page complained about in the browser's console, violations of its policy included. */
  readonly complaints: readonly string[];
  readonly close: () => Promise<void>;
}

/** A page in a context of its own: nothing is remembered from others. */
export async function openPage(
  browser: Browser,
  url: string,
  as: {
    readonly theme?: "dark" | "light";
    readonly size?: keyof typeof sizes;
    /** Certificates of a test's own authority are taken. */
    readonly trustAll?: boolean;
  } = {},
): Promise<OpenPage> {
  const { theme = "dark", size = "desk" } = as;
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    ignoreHTTPSErrors: as.trustAll ?? false,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(Number(process.env["MERIDIAN_PATIENCE"] ?? 60_000));
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(url);
  return { page, complaints, close: async () => await context.close() };
}

/** Set: screenshots for the README are made anew. */
const renews = process.env["MERIDIAN_RENEW_SCREENSHOTS"] !== undefined;

/** A screenshot for documents, small, in the repository; only when they are to be made anew. */
export async function renewPicture(page: Page, name: string): Promise<void> {
  if (!renews) return;
  const session = await page.context().newCDPSession(page);
  const shot = await session.send("Page.captureScreenshot", { format: "webp", quality: 82 });
  const folder = join(repository, "ops", "console", "screenshots");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.webp`), Buffer.from(shot.data, "base64"));
}

/** Where screenshots of a run are left. */
export function screenshotFile(name: string): string {
  const folder = join(repository, "build", "screenshots");
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.png`);
}
