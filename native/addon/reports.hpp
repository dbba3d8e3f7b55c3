// What the addon tells about the machine and itself, as plain objects.
#pragma once
#include <napi.h>

#include "reactor/client_gateway.hpp"
#include "reactor/hosted_market.hpp"
#include "reactor/latency_histogram.hpp"
#include "reactor/market_recovery.hpp"
#include "reactor/market_region.hpp"
#include "reactor/reactor.hpp"
#include "reactor/rollback.hpp"
#include "reactor/shadow.hpp"

namespace meridian::addon {

// {uring: {…}, processor: {…}}; see reactor/probe.hpp.
Napi::Object probe(Napi::Env env);
// Durations in nanoseconds.
Napi::Object report(Napi::Env env, const reactor::LatencySummary& summary);
// {sequence, epoch, hash, digest, snapshot, failure}
Napi::Object report(Napi::Env env, const reactor::ShadowState& state);
// {sequence, epoch, timestamp, digest, openOrders, snapshot, faults, last, cutBytes, cutFile,
// replayed, elapsedNs}
Napi::Object report(Napi::Env env, const reactor::RolledBack& result);
// {sequence, cutBytes, cutFile, snapshot, faults, replayed, elapsedNs}
Napi::Object report(Napi::Env env, const reactor::MarketRecovery& found);

// {accepted, wakes, refused: [by ConnectRefusal], ended: [by EndReason]}
Napi::Object report(Napi::Env env, const reactor::GatewayCounters& counters);

// By octave, then their sum in nanoseconds: LatencyHistogram::Octaves.
Napi::Float64Array octaves_of(Napi::Env env, const reactor::LatencyHistogram& histogram);
// {service, sequence, match, handOn, commit: [octaves, sum], committedRecords}
Napi::Object report_histograms(Napi::Env env, const reactor::HostedMarket& market);
// {stages: {sequence, match, handOn}, commands: [by kind], alert: {raised, isSlow, p50, usual,
// cause}}
Napi::Object report(Napi::Env env, const reactor::MarketMetrics& metrics);
// {raised, isSlow, p50, usual, cause}
Napi::Object report_alert(Napi::Env env, const reactor::MarketMetrics& metrics);
// {placement: {…}, stuck: {…}, forcedRests, clock: {…}}
Napi::Object report(Napi::Env env, const reactor::Reactor& reactor,
                    const reactor::ReactorRegion& region);

}  // namespace meridian::addon
