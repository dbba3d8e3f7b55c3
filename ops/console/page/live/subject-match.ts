import { permissionsOf, type Role } from "../../../deploy/roles.ts";

/** The table of permissions that the servers' users are made from, read by the page. Pure. */

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
