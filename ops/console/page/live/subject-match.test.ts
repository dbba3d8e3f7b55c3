import { suite } from "uvu";
import * as assert from "uvu/assert";

import { matches, roleMay } from "./subject-match.ts";

const test = suite("what the page believes a role may do");

test("patterns match like those of the servers", () => {
  assert.ok(matches("ops.*.status", "ops.eu.status"));
  assert.not(matches("ops.*.status", "ops.eu.tree"));
  assert.not(matches("ops.*", "ops.eu.status"));
  assert.ok(matches("ctl.>", "ctl.eu.spawn"));
  assert.not(matches("ctl.>", "ctl"), "> stands for one token at least");
});

test("B8.7 an observer reads, an operator acts, and approvals are the second person's in production", () => {
  const may = (
    role: "observer" | "operator" | "approver",
    subject: string,
    profile: "demo" | "production" = "production",
  ) => roleMay(role, profile, subject);
  assert.ok(may("observer", "ops.eu.status") && may("observer", "ctl.eu.types"));
  assert.not(may("observer", "ctl.eu.spawn") || may("observer", "ops.eu.market-halt"));
  assert.ok(may("operator", "ctl.eu.spawn") && may("operator", "ops.eu.market-halt"));
  assert.not(may("operator", "ops.eu.approve") || may("operator", "act.eu.risk-limit.a.approve"));
  assert.ok(may("operator", "ops.eu.approve", "demo"));
  assert.ok(may("approver", "ops.eu.approve"));
  assert.not(may("approver", "ctl.eu.spawn"));
});

test.run();
