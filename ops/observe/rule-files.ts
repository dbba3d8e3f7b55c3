import { globalAlerts, machineAlerts } from "./alerts-machine.ts";
import { serviceAlerts } from "./alerts-service.ts";
import { recordings } from "./recordings.ts";
import { type AlertRule, cellLabels, type RecordingRule, type TrialSeries } from "./rules.ts";
import { objectiveAlerts } from "./slo.ts";

export const alerts: readonly AlertRule[] = [
  ...objectiveAlerts,
  ...serviceAlerts,
  ...machineAlerts,
];

/** Prometheus reads YAML, of which JSON is a part. */
const text = (content: unknown): string => `${JSON.stringify(content, null, 2)}\n`;

const recordingOf = ({ record, expr }: RecordingRule): object => ({ record, expr });
const labelsOf = ({ severity, runbook }: AlertRule): object => ({ severity, runbook });
const annotationsOf = ({ summary, runbook }: AlertRule): object => ({
  summary,
  next: `follow ops/runbooks/${runbook}`,
});

const alertOf = (rule: AlertRule): object => ({
  alert: rule.alert,
  expr: rule.expr,
  ...(rule.for === "0s" ? {} : { for: rule.for }),
  labels: labelsOf(rule),
  annotations: annotationsOf(rule),
});

/** Whose Prometheus evaluates a rule: a region's, or the one that hears all regions. */
export type RuleScope = "region" | "global";

const isGlobal = ({ alert }: AlertRule): boolean => globalAlerts.includes(alert);

/** The rule file; `interval`: how often rules are evaluated. */
export const ruleFile = (interval: string, scope: RuleScope): string =>
  text({
    groups: [
      ...(scope === "region"
        ? [{ name: "meridian-recordings", interval, rules: recordings.map(recordingOf) }]
        : []),
      {
        name: `meridian-${scope}-alerts`,
        interval,
        rules: alerts.filter((rule) => isGlobal(rule) === (scope === "global")).map(alertOf),
      },
    ],
  });

/** A test of `promtool test rules`, and the rules it needs. */
export interface RuleTrial {
  readonly alert: string;
  readonly rules: string;
  readonly test: string;
}

/**
 * Of each alert that it is quiet, fires and is over again; each with the rules it needs alone and
 * evaluated as often as it has samples, because windows of days take promtool minutes otherwise.
 * `rulesName`: the file of a trial's rules, by the alert.
 */
export const ruleTrials = (
  rulesName: (alert: string) => string,
  isCounter: (family: string) => boolean,
): readonly RuleTrial[] =>
  alerts.map((rule) => {
    const interval = `${rule.trial.stepSeconds ?? 60}s`;
    const needed = recordings.filter(({ record }) => rule.expr.includes(record));
    return {
      alert: rule.alert,
      rules: text({
        groups: [
          { name: rule.alert, interval, rules: [...needed.map(recordingOf), alertOf(rule)] },
        ],
      }),
      test: text({
        rule_files: [rulesName(rule.alert)],
        evaluation_interval: interval,
        tests: [ruleTest(rule, isCounter)],
      }),
    };
  });

const usualSteps = { usual: 20, bad: 20, after: 30 };

function ruleTest(rule: AlertRule, isCounter: (family: string) => boolean): object {
  const { series, stepSeconds = 60, steps = usualSteps, hasCell = true, labels = {} } = rule.trial;
  const expected = {
    exp_labels: { ...(hasCell ? cellLabels : {}), ...labels, ...labelsOf(rule) },
    exp_annotations: annotationsOf(rule),
  };
  const at = (step: number): string => `${step * stepSeconds}s`;
  return {
    name: rule.alert,
    interval: `${stepSeconds}s`,
    input_series: series.map((one) => ({
      series: labelled(one.name),
      values: valuesOf(one, steps, isCounter(one.name.replace(/\{.*/, ""))),
    })),
    alert_rule_test: [
      { eval_time: at(steps.usual - 1), alertname: rule.alert, exp_alerts: [] },
      { eval_time: at(steps.usual + steps.bad - 1), alertname: rule.alert, exp_alerts: [expected] },
      {
        eval_time: at(steps.usual + steps.bad + steps.after - 1),
        alertname: rule.alert,
        exp_alerts: [],
      },
    ],
  };
}

/** The series with the labels of a cell. */
function labelled(name: string): string {
  const family = name.replace(/\{.*/, "");
  const own = /\{(.*)\}/.exec(name)?.[1] ?? "";
  const cell = Object.entries(cellLabels).map(([label, value]) => `${label}="${value}"`);
  return `${family}{${[...cell, ...(own === "" ? [] : [own])].join(",")}}`;
}

function valuesOf(
  { usual, bad }: TrialSeries,
  steps: { readonly usual: number; readonly bad: number; readonly after: number },
  isCounter: boolean,
): string {
  const phases = [
    { count: steps.usual, value: usual },
    { count: steps.bad, value: bad },
    { count: steps.after, value: usual },
  ];
  let total = 0;
  return phases
    .flatMap(({ count, value }) =>
      Array.from({ length: count }, () => {
        if (value === null) return "stale";
        total += value;
        return String(isCounter ? total : value);
      }),
    )
    .join(" ");
}
