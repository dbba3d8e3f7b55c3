// What the addon tells about the machine and itself, as plain objects.
#pragma once
#include <napi.h>

#include "reactor/client_gateway.hpp"
#include "reactor/latency_histogram.hpp"
#include "reactor/market_region.hpp"
#include "reactor/reactor.hpp"

namespace meridian::addon {

// {uring: {…}, processor: {…}}; see reactor/probe.hpp.
Napi::Object probe(Napi::Env env);
// Durations in nanoseconds.
Napi::Object report(Napi::Env env, const reactor::LatencySummary& summary);

// {accepted, wakes, refused: [by ConnectRefusal], ended: [by EndReason]}
Napi::Object report(Napi::Env env, const reactor::GatewayCounters& counters);

// {stages: {sequence, match, handOn}, commands: [by kind], alert: {raised, isSlow, p50, usual,
// cause}}
Napi::Object report(Napi::Env env, const reactor::MarketMetrics& metrics);
// {placement: {…}, stuck: {…}, forcedRests, clock: {…}}
Napi::Object report(Napi::Env env, const reactor::Reactor& reactor,
                    const reactor::ReactorRegion& region);

}  // namespace meridian::addon
