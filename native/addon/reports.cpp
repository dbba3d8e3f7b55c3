#include "addon/reports.hpp"

#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "reactor/probe.hpp"

namespace meridian::addon {
namespace {

Napi::Array array_of(Napi::Env env, const std::vector<std::string>& texts) {
  Napi::Array array = Napi::Array::New(env, texts.size());
  for (std::uint32_t index = 0; index < texts.size(); ++index) {
    array.Set(index, texts[index]);
  }
  return array;
}

template <class Bytes>
std::string hexadecimal(const Bytes& bytes) {
  std::string text;
  for (const auto byte : bytes) {
    const auto value = static_cast<unsigned>(byte);
    text += "0123456789abcdef"[value >> 4U & 15U];
    text += "0123456789abcdef"[value & 15U];
  }
  return text;
}

std::string digest_text(std::uint64_t digest) {
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016" PRIx64, digest);
  return text.data();
}

// Null when there was none.
Napi::Value snapshot_of(Napi::Env env, const journal::SnapshotHeader& header) {
  if (header.sequence == 0) {
    return env.Null();
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("sequence", static_cast<double>(header.sequence));
  object.Set("epoch", static_cast<double>(header.epoch));
  object.Set("hash", hexadecimal(header.chain_hash));
  object.Set("digest", digest_text(header.digest));
  return object;
}

}  // namespace

Napi::Object probe(Napi::Env env) {
  const reactor::UringProbe found = reactor::probe_uring();
  Napi::Object uring = Napi::Object::New(env);
  uring.Set("available", found.is_available);
  uring.Set("reason", found.reason);
  uring.Set("featureBits", found.features);
  uring.Set("features", array_of(env, found.feature_names));
  uring.Set("setupFlags", array_of(env, found.setup_flags));
  Napi::Array operations = Napi::Array::New(env, found.operations.size());
  for (std::uint32_t index = 0; index < found.operations.size(); ++index) {
    operations.Set(index, found.operations[index]);
  }
  uring.Set("operations", operations);

  const reactor::ProcessorProbe machine = reactor::probe_processor();
  Napi::Object processor = Napi::Object::New(env);
  processor.Set("features", array_of(env, machine.features));
  processor.Set("steadyCounter", machine.has_steady_counter);
  processor.Set("usable", machine.online);

  Napi::Object all = Napi::Object::New(env);
  all.Set("uring", uring);
  all.Set("processor", processor);
  return all;
}

Napi::Object report(Napi::Env env, const reactor::LatencySummary& summary) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("count", static_cast<double>(summary.count));
  object.Set("p50", static_cast<double>(summary.p50));
  object.Set("p99", static_cast<double>(summary.p99));
  object.Set("p999", static_cast<double>(summary.p999));
  object.Set("maximum", static_cast<double>(summary.maximum));
  return object;
}

Napi::Object report(Napi::Env env, const reactor::ShadowState& state) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("sequence", static_cast<double>(state.point.sequence));
  object.Set("epoch", static_cast<double>(state.point.epoch));
  object.Set("hash", hexadecimal(state.point.hash));
  object.Set("digest", digest_text(state.digest));
  object.Set("snapshot", static_cast<double>(state.snapshot));
  object.Set("failure", state.failure);
  return object;
}

Napi::Object report(Napi::Env env, const reactor::RolledBack& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("sequence", static_cast<double>(result.sequence));
  object.Set("epoch", static_cast<double>(result.epoch));
  object.Set("timestamp", std::to_string(result.timestamp_ns));
  object.Set("digest", digest_text(result.digest));
  object.Set("openOrders", result.open_orders);
  object.Set("snapshot", snapshot_of(env, result.snapshot));
  object.Set("faults", array_of(env, result.faults));
  object.Set("last", static_cast<double>(result.log.last_sequence));
  object.Set("cutBytes", static_cast<double>(result.log.cut_bytes));
  object.Set("cutFile", result.log.cut_file);
  object.Set("replayed", static_cast<double>(result.replayed));
  object.Set("elapsedNs", static_cast<double>(result.elapsed_ns));
  return object;
}

Napi::Object report(Napi::Env env, const reactor::MarketRecovery& found) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("sequence", static_cast<double>(found.log.last_sequence));
  object.Set("cutBytes", static_cast<double>(found.log.cut_bytes));
  object.Set("cutFile", found.log.cut_file);
  object.Set("snapshot", snapshot_of(env, found.snapshot));
  object.Set("faults", array_of(env, found.faults));
  object.Set("replayed", static_cast<double>(found.replayed));
  object.Set("elapsedNs", static_cast<double>(found.replay_ns));
  return object;
}

Napi::Object report(Napi::Env env, const reactor::GatewayCounters& counters) {
  const auto list = [env](const auto& counts) {
    auto array = Napi::Array::New(env, counts.size());
    for (std::uint32_t at = 0; at < counts.size(); ++at) {
      array.Set(at, static_cast<double>(counts[at].load()));
    }
    return array;
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("accepted", static_cast<double>(counters.accepted.load()));
  object.Set("wakes", static_cast<double>(counters.wakes.load()));
  object.Set("refused", list(counters.refused));
  object.Set("ended", list(counters.ended));
  return object;
}

Napi::Object report(Napi::Env env, const reactor::MarketMetrics& metrics) {
  constexpr std::array<const char*, reactor::stage_count> names{"sequence", "match", "handOn"};
  Napi::Object stages = Napi::Object::New(env);
  for (std::size_t stage = 0; stage < names.size(); ++stage) {
    stages.Set(names[stage], report(env, metrics.stages[stage].summary()));
  }
  auto commands = Napi::Array::New(env, std::size(metrics.commands));
  for (std::uint32_t kind = 0; kind < commands.Length(); ++kind) {
    commands.Set(kind, static_cast<double>(metrics.commands[kind].load()));
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("stages", stages);
  object.Set("commands", commands);
  object.Set("alert", report_alert(env, metrics));
  return object;
}

Napi::Float64Array octaves_of(Napi::Env env, const reactor::LatencyHistogram& histogram) {
  const reactor::LatencyHistogram::Octaves found = histogram.octaves();
  auto numbers = Napi::Float64Array::New(env, found.counts.size() + 1);
  for (std::size_t octave = 0; octave < found.counts.size(); ++octave) {
    numbers[octave] = static_cast<double>(found.counts[octave]);
  }
  numbers[found.counts.size()] = found.sum_ns;
  return numbers;
}

Napi::Object report_histograms(Napi::Env env, const reactor::HostedMarket& market) {
  const reactor::MarketMetrics& metrics = market.metrics();
  const auto stage = [&](reactor::Stage which) {
    return octaves_of(env, metrics.stages[static_cast<std::size_t>(which)]);
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("service", octaves_of(env, market.region().service_time));
  object.Set("sequence", stage(reactor::Stage::sequence));
  object.Set("match", stage(reactor::Stage::match));
  object.Set("handOn", stage(reactor::Stage::hand_on));
  object.Set("commit", octaves_of(env, metrics.commits));
  object.Set("committedRecords", static_cast<double>(metrics.committed_records.load()));
  return object;
}

Napi::Object report_alert(Napi::Env env, const reactor::MarketMetrics& metrics) {
  Napi::Object alert = Napi::Object::New(env);
  // Acquire pairs with the watch's release: what it is about was written before.
  alert.Set("isSlow", metrics.is_slow.load(std::memory_order_acquire) != 0);
  alert.Set("raised", static_cast<double>(metrics.alerts.load()));
  alert.Set("p50", static_cast<double>(metrics.slow_p50_ns.load()));
  alert.Set("usual", static_cast<double>(metrics.usual_p50_ns.load()));
  alert.Set("cause", reactor::name_of(static_cast<reactor::Cause>(metrics.slow_cause.load())));
  return alert;
}

Napi::Object report(Napi::Env env, const reactor::Reactor& reactor,
                    const reactor::ReactorRegion& region) {
  const auto number = [env](const std::optional<unsigned>& value) {
    return value ? Napi::Value(Napi::Number::New(env, *value)) : Napi::Value(env.Null());
  };
  const reactor::Placement placement = reactor.placement();
  const std::uint32_t placed = region.placed.load(std::memory_order_acquire);
  Napi::Object where = Napi::Object::New(env);
  where.Set("isSplit", placement.is_split);
  where.Set("match", number(placement.match));
  where.Set("journal", number(placement.journal));
  where.Set("memoryNode", number(placement.memory_node));
  where.Set("why", placement.why);
  where.Set("isPinned", (placed & reactor::placed_pinned) != 0);
  where.Set("isFifo", (placed & reactor::placed_fifo) != 0);
  where.Set("changes", static_cast<double>(reactor.replacements()));
  Napi::Object stuck = Napi::Object::New(env);
  stuck.Set("busy", static_cast<double>(reactor.stuck(reactor::Stuck::busy)));
  stuck.Set("starved", static_cast<double>(reactor.stuck(reactor::Stuck::starved)));
  Napi::Object clock = Napi::Object::New(env);
  clock.Set("checks", static_cast<double>(region.clock_checks.load()));
  clock.Set("worstErrorNs", static_cast<double>(region.clock_worst_error_ns.load()));
  clock.Set("restarts", static_cast<double>(region.clock_restarts.load()));
  Napi::Object object = Napi::Object::New(env);
  object.Set("placement", where);
  object.Set("stuck", stuck);
  object.Set("forcedRests", static_cast<double>(reactor.forced_rests()));
  object.Set("clock", clock);
  return object;
}

}  // namespace meridian::addon
