// What JavaScript sees of the reactor. native/addon.ts describes these functions with their types;
// nothing else calls them, so arguments are checked there, not here.
#include <napi.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "addon/alert_bell.hpp"
#include "addon/client_binding.hpp"
#include "addon/duty_binding.hpp"
#include "addon/layout.hpp"
#include "addon/market_binding.hpp"
#include "addon/promise_worker.hpp"
#include "addon/reports.hpp"
#include "base/ensure.hpp"
#include "journal/file_system.hpp"
#include "reactor/client_gateway.hpp"
#include "reactor/reactor.hpp"
#include "reactor/rollback.hpp"
#include "reactor/thread_placement.hpp"
#include "rings/shared_region.hpp"

namespace meridian::addon {
namespace {

std::uint64_t integer_of(const Napi::Value& value) {
  return static_cast<std::uint64_t>(value.As<Napi::Number>().Int64Value());
}

class ReactorAddon final : public Napi::Addon<ReactorAddon> {
 public:
  ReactorAddon(Napi::Env /*env*/, Napi::Object exports) {
    DefineAddon(exports, {InstanceMethod("layout", &ReactorAddon::layout),
                          InstanceMethod("probe", &ReactorAddon::probe),
                          InstanceMethod("start", &ReactorAddon::start),
                          InstanceMethod("stop", &ReactorAddon::stop),
                          InstanceMethod("wake", &ReactorAddon::wake),
                          InstanceMethod("turn", &ReactorAddon::turn),
                          InstanceMethod("hiccups", &ReactorAddon::hiccups),
                          InstanceMethod("parkings", &ReactorAddon::parkings),
                          InstanceMethod("open", &ReactorAddon::open),
                          InstanceMethod("close", &ReactorAddon::close),
                          InstanceMethod("adopt", &ReactorAddon::adopt),
                          InstanceMethod("setEpoch", &ReactorAddon::set_epoch),
                          InstanceMethod("accept", &ReactorAddon::accept),
                          InstanceMethod("shadow", &ReactorAddon::shadow),
                          InstanceMethod("rollBack", &ReactorAddon::roll_back),
                          InstanceMethod("trimRange", &ReactorAddon::trim_range),
                          InstanceMethod("trim", &ReactorAddon::trim),
                          InstanceMethod("copyLog", &ReactorAddon::copy_log),
                          InstanceMethod("records", &ReactorAddon::records),
                          InstanceMethod("restingOrders", &ReactorAddon::resting_orders),
                          InstanceMethod("serviceTime", &ReactorAddon::service_time),
                          InstanceMethod("statistics", &ReactorAddon::statistics),
                          InstanceMethod("failure", &ReactorAddon::failure),
                          InstanceMethod("latency", &ReactorAddon::latency),
                          InstanceMethod("histograms", &ReactorAddon::histograms),
                          InstanceMethod("hiccupOctaves", &ReactorAddon::hiccup_octaves),
                          InstanceMethod("alert", &ReactorAddon::alert),
                          InstanceMethod("plantDelay", &ReactorAddon::plant_delay),
                          InstanceMethod("health", &ReactorAddon::health),
                          InstanceMethod("serveClients", &ReactorAddon::serve_clients),
                          InstanceMethod("grantClient", &ReactorAddon::grant_client),
                          InstanceMethod("revokeClient", &ReactorAddon::revoke_client),
                          InstanceMethod("admitClients", &ReactorAddon::admit_clients),
                          InstanceMethod("dismissClients", &ReactorAddon::dismiss_clients),
                          InstanceMethod("clientCounters", &ReactorAddon::client_counters),
                          InstanceMethod("openOrderEntry", &ReactorAddon::open_order_entry),
                          InstanceMethod("openFeed", &ReactorAddon::open_feed),
                          InstanceMethod("dutyReport", &ReactorAddon::duty_report),
                          InstanceMethod("dutyStamps", &ReactorAddon::duty_stamps),
                          InstanceMethod("closeDuty", &ReactorAddon::close_duty),
                          InstanceMethod("connectClient", &ReactorAddon::connect_client),
                          InstanceMethod("wakeForClient", &ReactorAddon::wake_for_client),
                          InstanceMethod("waitForClient", &ReactorAddon::wait_for_client),
                          InstanceMethod("isPeerGone", &ReactorAddon::is_peer_gone),
                          InstanceMethod("closeClient", &ReactorAddon::close_client)});
  }

 private:
  using Info = const Napi::CallbackInfo&;

  Napi::Value layout(Info info) { return addon::layout(info.Env()); }
  Napi::Value probe(Info info) { return addon::probe(info.Env()); }

  // (processor, null or "auto", spin ns, bell for alerts, folder of core locks or "")
  //   -> ArrayBuffer over the ReactorRegion
  Napi::Value start(Info info) {
    ensure(reactor_ == nullptr);
    int error = 0;
    memory_ = rings::SharedRegion::create("meridian-reactor", sizeof(reactor::ReactorRegion), error,
                                          rings::Writers::maker);
    if (error != 0) {
      Napi::Error::New(info.Env(),
                       std::string("no memory for the reactor: ") + std::strerror(error))
          .ThrowAsJavaScriptException();
      return info.Env().Undefined();
    }
    region_ = new (memory_.memory().data()) reactor::ReactorRegion{};
    reactor::ReactorOptions options;
    if (info[0].IsNumber()) {
      options.processor = info[0].As<Napi::Number>().Uint32Value();
    } else if (info[0].IsString()) {
      options.placement = reactor::PlacementRequest{reactor::allowed_processors(), {}, {}};
      options.core_locks = info[3].As<Napi::String>().Utf8Value();
    }
    options.spin_ns = integer_of(info[1]);
    alerts_ = std::make_unique<AlertBell>(info.Env(), info[2].As<Napi::Function>());
    options.on_alert = [this](const reactor::MarketAlert& /*alert*/) { alerts_->ring(); };
    reactor_ = std::make_unique<reactor::Reactor>(options, *region_);
    const auto buffer =
        Napi::ArrayBuffer::New(info.Env(), memory_.memory().data(), memory_.memory().size());
    buffer_ = Napi::Persistent(buffer);
    return buffer;
  }

  // () -> Promise; every market is closed
  Napi::Value stop(Info info) {
    ensure(markets_.empty());
    if (!buffer_.IsEmpty()) {
      buffer_.Value().Detach();
      buffer_.Reset();
    }
    return PromiseWorker::start(
        info.Env(),
        [this] {
          gateway_.reset();
          reactor_.reset();
          memory_ = {};
          return std::string();
        },
        [this](Napi::Env env) {
          alerts_.reset();
          return env.Undefined();
        });
  }

  Napi::Value wake(Info info) {
    reactor_->wake();
    return info.Env().Undefined();
  }
  // () -> Promise
  Napi::Value turn(Info info) {
    return PromiseWorker::start(
        info.Env(),
        [this] {
          reactor_->turn();
          return std::string();
        },
        [](Napi::Env env) { return env.Undefined(); });
  }
  Napi::Value hiccups(Info info) { return report(info.Env(), region_->hiccups.summary()); }
  Napi::Value parkings(Info info) {
    return Napi::Number::New(info.Env(), static_cast<double>(region_->parkings.load()));
  }

  // ({directory, epoch, commandSlots, eventSlots, recordSlots, snapshotInterval,
  // segmentRecords}, bell)
  //   -> Promise<{id, region, depth, depthRequests, logId, epoch, recovery}>
  Napi::Value open(Info info) {
    const auto given = info[0].As<Napi::Object>();
    reactor::MarketOptions options;
    options.directory = given.Get("directory").As<Napi::String>().Utf8Value();
    options.epoch = integer_of(given.Get("epoch"));
    options.command_slots = static_cast<std::uint32_t>(integer_of(given.Get("commandSlots")));
    options.event_slots = static_cast<std::uint32_t>(integer_of(given.Get("eventSlots")));
    options.record_slots = static_cast<std::uint32_t>(integer_of(given.Get("recordSlots")));
    options.snapshot_interval = integer_of(given.Get("snapshotInterval"));
    options.records_in_segment = integer_of(given.Get("segmentRecords"));
    const std::uint32_t id = next_id_++;
    auto* binding = (markets_[id] = std::make_unique<MarketBinding>(info.Env(), *reactor_,
                                                                    info[1].As<Napi::Function>()))
                        .get();
    return PromiseWorker::start(
        info.Env(), [this, binding, options] { return binding->open(files_, options); },
        [binding, id](Napi::Env env) {
          Napi::Object opened = binding->describe(env);
          opened.Set("id", id);
          return Napi::Value(opened);
        },
        [this, id] { markets_.erase(id); });
  }

  // (id) -> Promise
  Napi::Value close(Info info) {
    const std::uint32_t id = info[0].As<Napi::Number>().Uint32Value();
    MarketBinding* binding = markets_.at(id).get();
    binding->detach();
    return PromiseWorker::start(
        info.Env(),
        [binding] {
          binding->close();
          return std::string();
        },
        [this, id](Napi::Env env) {
          markets_.erase(id);
          return env.Undefined();
        });
  }

  // (id, Uint8Array) -> Promise; the market is idle and stays so
  Napi::Value adopt(Info info) {
    MarketBinding* binding = &market_of(info);
    const auto bytes = info[1].As<Napi::Uint8Array>();
    std::vector<journal::Record> records(bytes.ByteLength() / wire::record_bytes);
    if (!records.empty()) {
      std::memcpy(records.data(), bytes.Data(), records.size() * sizeof(journal::Record));
    }
    return PromiseWorker::start(
        info.Env(), [binding, records = std::move(records)] { return binding->adopt(records); },
        [](Napi::Env env) { return env.Undefined(); });
  }

  // (id) -> {oldestEnd, snapshot}: what could be trimmed, and the older of two snapshots; 0 for
  // none
  Napi::Value trim_range(Info info) {
    MarketBinding* binding = &market_of(info);
    auto range = std::make_shared<std::pair<std::uint64_t, std::uint64_t>>();
    return PromiseWorker::start(
        info.Env(),
        [this, binding, range] {
          journal::Log& log = binding->market().log();
          std::vector<std::uint64_t> snapshots;
          journal::list_snapshots(files_, log.directory(), snapshots);
          range->first = log.oldest_segment_end();
          range->second = snapshots.size() < journal::snapshots_kept ? 0 : snapshots[1];
          return std::string();
        },
        [range](Napi::Env env) {
          Napi::Object object = Napi::Object::New(env);
          object.Set("oldestEnd", static_cast<double>(range->first));
          object.Set("snapshot", static_cast<double>(range->second));
          return Napi::Value(object);
        });
  }

  // (id, base): removes segments below it
  Napi::Value trim(Info info) {
    MarketBinding* binding = &market_of(info);
    const std::uint64_t base = integer_of(info[1]);
    return PromiseWorker::start(
        info.Env(),
        [binding, base] {
          std::string reason;
          reactor::trim_market(binding->market().log(), base, reason);
          return reason;
        },
        [](Napi::Env env) { return env.Undefined(); });
  }

  // (id, epoch)
  Napi::Value set_epoch(Info info) {
    market_of(info).market().set_epoch(integer_of(info[1]));
    return info.Env().Undefined();
  }

  // (id, sequence, epoch, 32 bytes of the chain's hash)
  Napi::Value accept(Info info) {
    journal::ChainPoint point;
    point.sequence = integer_of(info[1]);
    point.epoch = integer_of(info[2]);
    const auto hash = info[3].As<Napi::Uint8Array>();
    ensure(hash.ByteLength() == point.hash.size());
    std::memcpy(point.hash.data(), hash.Data(), point.hash.size());
    reactor_->accept(market_of(info).market(), point);
    return info.Env().Undefined();
  }

  // (id) -> {sequence, epoch, hash, digest, snapshot, failure}
  Napi::Value shadow(Info info) {
    return report(info.Env(), market_of(info).market().shadow().state());
  }

  // (directory, sequence or null, timestamp in ns as text or null, whether to use snapshots)
  //   -> Promise of a report; nobody has the log open
  Napi::Value roll_back(Info info) {
    const std::string directory = info[0].As<Napi::String>().Utf8Value();
    reactor::RollbackTarget target;
    if (info[1].IsNumber()) {
      target.sequence = integer_of(info[1]);
    }
    if (info[2].IsString()) {
      target.timestamp_ns =
          std::strtoull(info[2].As<Napi::String>().Utf8Value().c_str(), nullptr, 10);
    }
    const bool uses_snapshots = info[3].ToBoolean().Value();
    auto result = std::make_shared<reactor::RolledBack>();
    return PromiseWorker::start(
        info.Env(),
        [this, directory, target, uses_snapshots, result] {
          std::string reason;
          const reactor::OwnEngine engine;
          if (!engine.is_good()) {
            return std::string("no address space for the market; raise ulimit -v");
          }
          reactor::roll_back(files_, directory, target, uses_snapshots, engine.market(), *result,
                             reason);
          return reason;
        },
        [result](Napi::Env env) { return Napi::Value(report(env, *result)); });
  }

  // (from, to, last sequence) -> Promise of the new log's id
  Napi::Value copy_log(Info info) {
    const std::string from = info[0].As<Napi::String>().Utf8Value();
    const std::string to = info[1].As<Napi::String>().Utf8Value();
    const std::uint64_t last = integer_of(info[2]);
    auto id = std::make_shared<std::string>();
    return PromiseWorker::start(
        info.Env(),
        [this, from, to, last, id] {
          std::string reason;
          reactor::copy_log(files_, from, to, last, *id, reason);
          return reason;
        },
        [id](Napi::Env env) { return Napi::Value(Napi::String::New(env, *id)); });
  }

  // (id, from, maximum bytes) -> Uint8Array
  Napi::Value records(Info info) {
    return market_of(info).records(info.Env(), integer_of(info[1]),
                                   static_cast<std::size_t>(integer_of(info[2])));
  }

  // (id, 0 buy or 1 sell, limit) -> Float64Array of order id, account, price, remaining
  Napi::Value resting_orders(Info info) {
    return market_of(info).resting_orders(info.Env(), static_cast<wire::Side>(integer_of(info[1])),
                                          static_cast<std::size_t>(integer_of(info[2])));
  }

  Napi::Value service_time(Info info) {
    return report(info.Env(), market_of(info).market().region().service_time.summary());
  }
  Napi::Value statistics(Info info) { return market_of(info).statistics(info.Env()); }
  // (id) -> why the log failed or waits for room; empty while it does neither
  Napi::Value failure(Info info) {
    return Napi::String::New(info.Env(), market_of(info).market().channel().failure());
  }

  // (id) -> where a market's time goes, and whether it has become slower
  Napi::Value histograms(Info info) {
    return report_histograms(info.Env(), market_of(info).market());
  }
  Napi::Value hiccup_octaves(Info info) { return octaves_of(info.Env(), region_->hiccups); }
  Napi::Value latency(Info info) { return report(info.Env(), market_of(info).market().metrics()); }
  // (id) -> whether it has become slower; reads five words
  Napi::Value alert(Info info) {
    return report_alert(info.Env(), market_of(info).market().metrics());
  }
  // (id, ns): each command takes so much longer until another value is given
  Napi::Value plant_delay(Info info) {
    market_of(info).market().plant_delay(integer_of(info[1]));
    return info.Env().Undefined();
  }
  // () -> what the reactor's threads got and did
  Napi::Value health(Info info) { return report(info.Env(), *reactor_, *region_); }

  // (path): clients of markets that were admitted are served from now on
  Napi::Value serve_clients(Info info) {
    std::string reason;
    gateway_ = reactor::ClientGateway::open(
        *reactor_, {info[0].As<Napi::String>().Utf8Value(), &memory_}, reason);
    if (gateway_ == nullptr) {
      Napi::Error::New(info.Env(), reason).ThrowAsJavaScriptException();
    }
    return info.Env().Undefined();
  }

  // ({token, user, account, permissions})
  Napi::Value grant_client(Info info) {
    const auto given = info[0].As<Napi::Object>();
    reactor::ClientGrant grant;
    grant.token = token_of(given.Get("token"));
    grant.user = static_cast<uid_t>(integer_of(given.Get("user")));
    grant.account = static_cast<std::uint32_t>(integer_of(given.Get("account")));
    grant.permissions = static_cast<std::uint32_t>(integer_of(given.Get("permissions")));
    gateway_->grant(grant);
    return info.Env().Undefined();
  }

  // (token)
  Napi::Value revoke_client(Info info) {
    gateway_->revoke(token_of(info[0]));
    return info.Env().Undefined();
  }

  // (id, name of the market)
  Napi::Value admit_clients(Info info) {
    market_of(info).admit_clients(*gateway_, info[1].As<Napi::String>().Utf8Value());
    return info.Env().Undefined();
  }

  // (id)
  Napi::Value dismiss_clients(Info info) {
    market_of(info).dismiss_clients();
    return info.Env().Undefined();
  }

  Napi::Value client_counters(Info info) { return report(info.Env(), gateway_->counters()); }

  // (id of the market, request) -> Promise<{id, port, requestsPort, backend}>
  Napi::Value open_order_entry(Info info) {
    return open_duty(info, DutyBinding::of_orders(info[1].As<Napi::Object>()));
  }
  Napi::Value open_feed(Info info) {
    return open_duty(info, DutyBinding::of_feed(info[1].As<Napi::Object>()));
  }
  Napi::Value open_duty(Info info, std::unique_ptr<DutyBinding> made) {
    const std::uint32_t id = next_id_++;
    DutyBinding* duty = (duties_[id] = std::move(made)).get();
    return PromiseWorker::start(
        info.Env(),
        [this, duty, market = &market_of(info).market()] { return duty->open(*reactor_, *market); },
        [duty, id](Napi::Env env) {
          Napi::Object opened = duty->describe(env);
          opened.Set("id", id);
          return Napi::Value(opened);
        },
        [this, id] { duties_.erase(id); });
  }
  // (id of the duty)
  Napi::Value duty_report(Info info) {
    return duties_.at(info[0].As<Napi::Number>().Uint32Value())->report(info.Env());
  }
  // (id of the duty) -> Float64Array
  Napi::Value duty_stamps(Info info) {
    return duties_.at(info[0].As<Napi::Number>().Uint32Value())->stamps(info.Env());
  }
  // (id of the duty) -> Promise
  Napi::Value close_duty(Info info) {
    const std::uint32_t id = info[0].As<Napi::Number>().Uint32Value();
    DutyBinding* duty = duties_.at(id).get();
    return PromiseWorker::start(
        info.Env(),
        [duty] {
          duty->close();
          return std::string();
        },
        [this, id](Napi::Env env) {
          duties_.erase(id);
          return env.Undefined();
        });
  }

  // (request) -> Promise<{id, region, reactor, parkedOffset, session, commandSlots, eventSlots}>
  Napi::Value connect_client(Info info) {
    const std::uint32_t id = next_id_++;
    auto* binding =
        (clients_[id] = std::make_unique<ClientBinding>(info[0].As<Napi::Object>())).get();
    return PromiseWorker::start(
        info.Env(), [binding] { return binding->connect(); },
        [binding, id](Napi::Env env) {
          Napi::Object connected = binding->describe(env);
          connected.Set("id", id);
          return Napi::Value(connected);
        },
        [this, id] { clients_.erase(id); });
  }

  Napi::Value wake_for_client(Info info) {
    client_of(info).wake();
    return info.Env().Undefined();
  }
  // (id, head, timeout ms) -> Promise
  Napi::Value wait_for_client(Info info) {
    const ClientBinding* binding = &client_of(info);
    const std::uint32_t head = info[1].As<Napi::Number>().Uint32Value();
    const std::uint32_t timeout_ms = info[2].As<Napi::Number>().Uint32Value();
    return PromiseWorker::start(
        info.Env(),
        [binding, head, timeout_ms] {
          binding->wait(head, timeout_ms);
          return std::string();
        },
        [](Napi::Env env) { return env.Undefined(); });
  }
  Napi::Value is_peer_gone(Info info) {
    return Napi::Boolean::New(info.Env(), client_of(info).is_peer_gone());
  }
  // (id); nobody waits for it
  Napi::Value close_client(Info info) {
    client_of(info).close();
    clients_.erase(info[0].As<Napi::Number>().Uint32Value());
    return info.Env().Undefined();
  }

  static std::array<std::byte, client::token_bytes> token_of(const Napi::Value& value) {
    const auto bytes = value.As<Napi::Uint8Array>();
    std::array<std::byte, client::token_bytes> token{};
    std::memcpy(token.data(), bytes.Data(), std::min(token.size(), bytes.ByteLength()));
    return token;
  }
  ClientBinding& client_of(Info info) {
    return *clients_.at(info[0].As<Napi::Number>().Uint32Value());
  }
  MarketBinding& market_of(Info info) {
    return *markets_.at(info[0].As<Napi::Number>().Uint32Value());
  }

  journal::PosixFileSystem files_;
  rings::SharedRegion memory_;
  reactor::ReactorRegion* region_ = nullptr;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
  // Rung by the reactor's threads.
  std::unique_ptr<AlertBell> alerts_;
  // After what its threads touch: destroyed first, when the environment goes.
  std::unique_ptr<reactor::Reactor> reactor_;
  std::map<std::uint32_t, std::unique_ptr<MarketBinding>> markets_;
  std::map<std::uint32_t, std::unique_ptr<ClientBinding>> clients_;
  // Before the markets go, whose clients it serves.
  std::unique_ptr<reactor::ClientGateway> gateway_;
  // Before the markets and the reactor go, which they are duties of.
  std::map<std::uint32_t, std::unique_ptr<DutyBinding>> duties_;
  std::uint32_t next_id_ = 1;
};

NODE_API_NAMED_ADDON(meridian, ReactorAddon)

}  // namespace
}  // namespace meridian::addon
