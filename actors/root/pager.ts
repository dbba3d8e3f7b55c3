import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { statfs } from "node:fs/promises";

import type { IncidentsConfiguration } from "../../schemas/incidents-configuration.ts";
import type { Pager } from "../incident/actor.ts";
import type { Patience } from "../incident/messages.ts";
import { ok, refuse, type Result } from "../kernel/result.ts";
import type { CellSample } from "./cell-watch.ts";

/** What leaves the process for incidents, and what the machine says of the cell. */

const answerWithinMs = 3_000;
const tries = 3;
const pauseMs = 500;

/** Pages by POST, as JSON; anything below 300 is an answer. Null: none is configured. */
export function webhookPager({ webhook }: IncidentsConfiguration): Pager | null {
  if (webhook === null) return null;
  const { url, tokenFile } = webhook;
  const token = tokenFile === null ? null : readFileSync(tokenFile, "utf8").trim();
  const headers = {
    "content-type": "application/json",
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
  };
  const { host } = new URL(url);
  const post = async (body: string): Promise<Result<string>> => {
    try {
      const signal = AbortSignal.timeout(answerWithinMs);
      const answer = await fetch(url, {
        method: "POST",
        headers,
        body,
        signal,
        redirect: "error",
      });
      await answer.body?.cancel();
      const said = `webhook ${host} said ${answer.status}`;
      return answer.ok ? ok(said) : refuse("unavailable", said);
    } catch (error) {
      return refuse("unavailable", `webhook ${host}: ${(error as Error).message}`);
    }
  };
  return {
    async page(view, level) {
      const { timeline: _, former: __, ...incident } = view;
      const body = JSON.stringify({
        level: `L${level}`,
        incident,
        next: `npx meridian incident acknowledge ${view.id}`,
      });
      let answer = await post(body);
      for (let tried = 1; !answer.ok && tried < tries; tried += 1) {
        await new Promise((resolve) => {
          setTimeout(resolve, pauseMs * tried);
        });
        answer = await post(body);
      }
      return answer;
    },
  };
}

/** The bearer token of whoever sends alerts; null: none is wanted. */
export const alertsToken = ({ alertsTokenFile }: IncidentsConfiguration): string | null =>
  alertsTokenFile === null ? null : readFileSync(alertsTokenFile, "utf8").trim();

/** In milliseconds, by level. */
export function patienceOf({ acknowledgeWithin }: IncidentsConfiguration): Patience {
  const [first, second] = acknowledgeWithin;
  return { 1: Math.round(first * 1_000), 2: Math.round(second * 1_000), 3: 0 };
}

/** Free room of the disk under a folder, and the end of the certificate in a file. */
export async function surroundingsOf(
  folder: string,
  certificateFile: string,
): Promise<Pick<CellSample, "diskFree" | "certificateEndsUnixMs">> {
  const [diskFree, certificateEndsUnixMs] = await Promise.all([
    statfs(folder).then(
      ({ bavail, blocks }) => (blocks === 0 ? null : bavail / blocks),
      () => null,
    ),
    Promise.resolve(endOf(certificateFile)),
  ]);
  return { diskFree, certificateEndsUnixMs };
}

/** What each file told when it was written last: it is asked every second, and changes in months. */
const endsOf = new Map<string, { readonly writtenMs: number; readonly end: number | null }>();

/** The first of all certificates of the file to end. */
function endOf(file: string): number | null {
  try {
    const writtenMs = statSync(file).mtimeMs;
    const known = endsOf.get(file);
    if (known?.writtenMs === writtenMs) return known.end;
    const text = readFileSync(file, "utf8");
    const found = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const ends = found.map((one) => Date.parse(new X509Certificate(one).validTo));
    const end = ends.length === 0 ? null : Math.min(...ends);
    endsOf.set(file, { writtenMs, end });
    return end;
  } catch {
    return null;
  }
}
