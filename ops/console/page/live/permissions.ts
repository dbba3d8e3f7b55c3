import { ok, refuse, type Result } from "../../../../actors/kernel/result.ts";
import type { Role } from "../../../deploy/roles.ts";
import { access, person } from "./access.ts";
import { roleMay } from "./subject-match.ts";

/**
 * What the person who is signed in may publish, by the same table that the servers' users are made from: a page
 * shows what a server would refuse as disabled, with the reason.
 */

const roles: readonly Role[] = ["observer", "operator", "approver"];

/** Failure code: not_permitted, with the role that may. */
export function mayAsk(subject: string): Result<void> {
  const profile = access.value?.profile ?? "production";
  const role = person.value?.role;
  if (role === undefined) return refuse("not_permitted", "nobody is signed in", "sign in");
  if (roleMay(role, profile, subject)) return ok(undefined);
  const able = roles.find((candidate) => roleMay(candidate, profile, subject));
  return refuse(
    "not_permitted",
    `the role ${role} may not do this`,
    able === undefined ? "no role of people may" : `sign in as ${able}`,
  );
}
