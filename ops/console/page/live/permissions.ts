import { ok, refuse, type Result } from "../../../../actors/kernel/result.ts";
import { permissionsOf, type Role } from "../../../deploy/roles.ts";
import { access, person } from "./access.ts";

/**
 * What the person who is signed in may publish, by the same table that the servers' users are made from: a page
 * shows what a server would refuse as disabled, with the reason.
 */

/** Whether a subject falls under a pattern with `*` and `>`. */
export function matches(pattern: string, subject: string): boolean {
  const wanted = pattern.split(".");
  const given = subject.split(".");
  for (const [index, token] of wanted.entries()) {
    if (token === ">") return given.length > index;
    if (given[index] === undefined || (token !== "*" && token !== given[index])) return false;
  }
  return wanted.length === given.length;
}

export function roleMay(role: Role, profile: "demo" | "production", subject: string): boolean {
  const { publish, publishDenied } = permissionsOf({ name: role, role, region: null }, profile);
  return (
    publish.some((pattern) => matches(pattern, subject)) &&
    !publishDenied.some((pattern) => matches(pattern, subject))
  );
}

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
