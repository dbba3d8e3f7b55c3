import type { Dashboard } from "./dashboard.ts";
import { machineDashboards } from "./dashboards-machine.ts";
import { graph, ofMarket, quantiles, rate, rateBy, stat, value } from "./panels.ts";
import { burnRule, objectives } from "./slo.ts";

const cellLegend = "{{cell}}";
const marketLegend = "{{market}}";

const overview: Dashboard = {
  uid: "meridian-overview",
  title: "Meridian: overview",
  ofMarket: false,
  panels: [
    stat("Cells ready", "short", value("meridian_ready", cellLegend)),
    stat(
      "What runs",
      "short",
      value("meridian_build_info", "{{cell}} {{version}} {{engine}} {{nats_server}}"),
    ),
    stat("Region ready", "short", { expr: "region:ready:min", legend: "{{region}}" }),
    graph("Orders", "ops", {
      expr: "region_market:orders:rate1m",
      legend: "{{region}} {{market}}",
    }),
    graph("Trades", "ops", {
      expr: "region_market:trades:rate1m",
      legend: "{{region}} {{market}}",
    }),
    graph("Acknowledgements, p99", "s", {
      expr: "region_market:acknowledgement_seconds:p99",
      legend: "{{region}} {{market}}",
    }),
    graph("Service time, p99", "s", {
      expr: "region_market:reactor_service_seconds:p99",
      legend: "{{region}} {{market}}",
    }),
    graph("Commits, p99", "s", {
      expr: "region_market:journal_commit_seconds:p99",
      legend: "{{region}} {{market}}",
    }),
    graph("Refused by limits", "ops", {
      expr: "region_market:limit_refusals:rate5m",
      legend: "{{region}} {{market}}",
    }),
    graph("Margin of the lease", "s", value("meridian_lease_margin_seconds", cellLegend)),
    graph("Incarnation", "short", value("meridian_cell_incarnation", cellLegend)),
    graph(
      "Refused outside the markets",
      "ops",
      rate("meridian_cell_refusals_total", "{{cell}} {{code}}"),
    ),
    graph(
      "Actors by request",
      "short",
      value("meridian_hosted_actors", "{{cell}} running"),
      value("meridian_hosted_actor_capacity", "{{cell}} at most"),
      value("meridian_actor_shards_owned", "{{cell}} shards"),
    ),
    stat("Draining", "short", value("meridian_cell_draining", cellLegend)),
    graph(
      "Scrapes",
      "s",
      value("meridian_scrape_seconds", "{{cell}} took"),
      rate("meridian_scrapes_total", "{{cell}} a second"),
      rate("meridian_scrape_series_left_out_total", "{{cell}} series left out"),
    ),
    graph(
      "Traces",
      "ops",
      rate("meridian_traces_begun_total", "{{cell}} begun"),
      rate("meridian_traces_left_out_total", "{{cell}} left out"),
      rate("meridian_trace_exports_failed_total", "{{cell}} exports failed"),
    ),
    ...objectives.map(({ name, budget }) =>
      graph(
        `${name.replaceAll("_", " ")}: errors against a budget of ${budget * 100} %`,
        "percentunit",
        { expr: burnRule(name, "5m"), legend: "{{market}} 5 min" },
        { expr: burnRule(name, "1h"), legend: "{{market}} 1 h" },
        { expr: burnRule(name, "6h"), legend: "{{market}} 6 h" },
      ),
    ),
  ],
};

const markets: Dashboard = {
  uid: "meridian-markets",
  title: "Meridian: markets",
  ofMarket: true,
  panels: [
    stat("Open", "short", value("meridian_market_open", marketLegend, ofMarket)),
    stat("State", "short", {
      expr: `meridian_market_state{${ofMarket}} == 1`,
      legend: "{{market}} {{state}}",
    }),
    stat("Promise", "short", {
      expr: `meridian_market_mode{${ofMarket}} == 1`,
      legend: "{{market}} {{mode}}",
    }),
    stat("Epoch", "short", value("meridian_market_epoch", marketLegend, ofMarket)),
    graph("Orders", "ops", rate("meridian_market_orders_total", marketLegend, ofMarket)),
    graph(
      "Trades and volume",
      "ops",
      rate("meridian_market_trades_total", "{{market}} trades", ofMarket),
      rate("meridian_market_volume_total", "{{market}} quantity", ofMarket),
    ),
    graph(
      "Refusals",
      "ops",
      rateBy("meridian_market_refusals_total", "market, code", "{{market}} {{code}}", ofMarket),
    ),
    graph(
      "Best prices",
      "short",
      value("meridian_market_bid_price", "{{market}} bid", ofMarket),
      value("meridian_market_ask_price", "{{market}} ask", ofMarket),
    ),
    graph(
      "Quantity at the best prices",
      "short",
      value("meridian_market_bid_quantity", "{{market}} bid", ofMarket),
      value("meridian_market_ask_quantity", "{{market}} ask", ofMarket),
    ),
    graph(
      "Resting orders",
      "short",
      value("meridian_market_resting_orders", marketLegend, ofMarket),
      value("meridian_market_order_capacity", "{{market}} at most", ofMarket),
    ),
    graph(
      "Acknowledgements",
      "s",
      ...quantiles("meridian_acknowledgement_seconds", "market", ofMarket),
    ),
    graph(
      "Journal position",
      "short",
      value("meridian_market_sequence", "{{market}} {{stage}}", ofMarket),
    ),
    graph("Not safe yet", "short", value("meridian_journal_lag_commands", marketLegend, ofMarket)),
    graph(
      "Commits to the disk",
      "s",
      ...quantiles("meridian_journal_commit_seconds", "market", ofMarket),
    ),
    graph(
      "Records to the disk",
      "ops",
      rate("meridian_journal_records_total", marketLegend, ofMarket),
    ),
    graph(
      "Blocks",
      "ops",
      rate("meridian_journal_blocks_total", "{{market}} stored", ofMarket),
      rate("meridian_journal_blocks_undecided_total", "{{market}} undecided", ofMarket),
      rate("meridian_journal_blocks_resent_total", "{{market}} sent again", ofMarket),
      rate("meridian_journal_blocks_dropped_total", "{{market}} dropped", ofMarket),
    ),
    graph(
      "Withheld and refused",
      "ops",
      rate("meridian_market_replies_withheld_total", "{{market}} replies withheld", ofMarket),
      rate(
        "meridian_market_event_blocks_refused_total",
        "{{market}} event blocks refused",
        ofMarket,
      ),
      rate("meridian_market_restarts_total", "{{market}} restarts", ofMarket),
    ),
    stat(
      "Log",
      "short",
      value("meridian_journal_failed", "{{market}} failed", ofMarket),
      value("meridian_journal_waiting_for_room", "{{market}} waits for room", ofMarket),
      value("meridian_shadow_failed", "{{market}} shadow failed", ofMarket),
    ),
    graph(
      "Shadow, snapshots, trimming",
      "short",
      value("meridian_shadow_sequence", "{{market}} shadow", ofMarket),
      value("meridian_shadow_lag_commands", "{{market}} shadow behind", ofMarket),
      value("meridian_snapshot_sequence", "{{market}} snapshot", ofMarket),
      value("meridian_journal_trimmed_sequence", "{{market}} trimmed below", ofMarket),
    ),
    stat(
      "Last recovery",
      "short",
      value("meridian_recovery_replayed_records", "{{market}} records", ofMarket),
      value("meridian_recovery_seconds", "{{market}} seconds", ofMarket),
      value("meridian_recovery_cut_bytes", "{{market}} bytes cut", ofMarket),
      value("meridian_recovery_unusable_snapshots", "{{market}} snapshots unusable", ofMarket),
    ),
    graph(
      "Background flow",
      "ops",
      rate("meridian_flow_commands_total", marketLegend, ofMarket),
      rate("meridian_flow_skipped_total", "{{market}} skipped", ofMarket),
    ),
  ],
};

const actors: Dashboard = {
  uid: "meridian-actors",
  title: "Meridian: actors",
  ofMarket: false,
  panels: [
    graph("Nodes by type", "short", value("meridian_actors", "{{cell}} {{type}}")),
    graph(
      "Waiting for a restart",
      "short",
      value("meridian_actors_restarting", "{{cell}} {{type}}"),
    ),
    graph("Restarts", "ops", rate("meridian_actor_restarts_total", "{{cell}} {{type}}")),
    graph(
      "Starts and failures",
      "ops",
      rate("meridian_actor_starts_total", "{{cell}} starts"),
      rate("meridian_actor_failures_total", "{{cell}} failures"),
      rate("meridian_actor_late_errors_total", "{{cell}} late errors"),
    ),
    graph(
      "Supervisors giving up",
      "ops",
      rate("meridian_supervisor_escalations_total", "{{cell}} escalations"),
      rate("meridian_supervisor_auto_shutdowns_total", "{{cell}} ended by a child"),
    ),
    graph(
      "Children",
      "short",
      value("meridian_supervisor_children", "{{cell}} {{supervisor}}"),
      value("meridian_supervisor_children_running", "{{cell}} {{supervisor}} running"),
    ),
    graph(
      "Use of risk limits",
      "percentunit",
      value("meridian_risk_limit_highest_utilisation_ratio", "{{cell}} {{kind}}, the most used"),
    ),
    graph(
      "Risk limits",
      "short",
      value("meridian_risk_limits", "{{cell}} that run"),
      value("meridian_risk_limits_stopped", "{{cell}} stopped"),
      value("meridian_risk_limits_nearly_used", "{{cell}} {{kind}} nearly used"),
    ),
    graph("Messages worked on", "ops", rate("meridian_actor_messages_total", cellLegend)),
    graph(
      "Messages waiting",
      "short",
      value("meridian_mailbox_messages", "{{cell}} {{type}}"),
      value("meridian_mailbox_longest_messages", "{{cell}} {{type}} fullest"),
    ),
    graph(
      "Refused between actors",
      "ops",
      rate("meridian_actor_refusals_total", "{{cell}} {{code}}"),
    ),
    graph(
      "Dead letters",
      "ops",
      rate("meridian_dead_letters_total", "{{cell}} {{reason}}"),
      rate("meridian_dead_letters_pushed_out_total", "{{cell}} pushed out"),
      rate("meridian_actor_messages_parked_total", "{{cell}} parked"),
    ),
    graph(
      "What the kernel holds",
      "short",
      value("meridian_kernel_nodes", "{{cell}} nodes"),
      value("meridian_kernel_machines", "{{cell}} machines"),
      value("meridian_kernel_watched_paths", "{{cell}} watched"),
      value("meridian_kernel_linked_paths", "{{cell}} linked"),
    ),
  ],
};

export const dashboards: readonly Dashboard[] = [overview, markets, actors, ...machineDashboards];
