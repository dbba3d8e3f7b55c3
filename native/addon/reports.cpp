#include "addon/reports.hpp"

#include <cstdint>
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

}  // namespace meridian::addon
