#include "addon/duty_binding.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace meridian::addon {
namespace {

std::uint32_t number_of(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::Number>().Uint32Value();
}
std::string text_of(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::String>().Utf8Value();
}
template <std::size_t Size>
protocols::Text<Size> field_of(const Napi::Object& object, const char* name) {
  return protocols::Text<Size>::of(text_of(object, name));
}

edge::NetworkOptions network_of(const Napi::Object& request) {
  edge::NetworkOptions options;
  options.address = text_of(request, "host");
  options.port = static_cast<std::uint16_t>(number_of(request, "port"));
  options.connections = number_of(request, "connections");
  return options;
}

edge::Backend backend_of(const Napi::Object& request) {
  const std::string wanted = text_of(request, "backend");
  return wanted == "uring"   ? edge::Backend::uring
         : wanted == "epoll" ? edge::Backend::epoll
                             : edge::Backend::best;
}

order_entry::Member member_of(const Napi::Object& given) {
  return {.username = field_of<6>(given, "username"),
          .password = field_of<10>(given, "password"),
          .market_session =
              static_cast<std::uint64_t>(given.Get("session").As<Napi::Number>().Int64Value()),
          .account = number_of(given, "account"),
          .firm = field_of<4>(given, "firm"),
          .group = static_cast<std::uint8_t>(number_of(given, "group")),
          .cancels_on_disconnect = given.Get("cancelOnDisconnect").ToBoolean().Value()};
}

void set(const Napi::Object& object, const char* name, const std::atomic<std::uint64_t>& count) {
  object.Set(name, static_cast<double>(count.load(std::memory_order_relaxed)));
}

Napi::Object report_orders(Napi::Env env, const duties::OrderDuty& duty) {
  const duties::OrderDutyCounts& counts = duty.counts();
  Napi::Object object = Napi::Object::New(env);
  set(object, "orders", counts.orders);
  set(object, "cancels", counts.cancels);
  set(object, "packets", counts.packets);
  set(object, "messages", counts.messages);
  set(object, "connections", counts.connections);
  set(object, "openOrders", counts.open_orders);
  set(object, "turnedAway", counts.turned_away);
  set(object, "ringFull", counts.ring_full);
  set(object, "ordersFull", counts.orders_full);
  set(object, "commandsFull", counts.commands_full);
  set(object, "unknownOrders", counts.unknown_orders);
  set(object, "repeatedReferences", counts.repeated_refs);
  set(object, "stampsLeftOut", counts.stamps_left_out);
  Napi::Object closed = Napi::Object::New(env);
  for (std::size_t at = 1; at < counts.closed.size(); ++at) {
    const std::string reason(order_entry::name_of(static_cast<order_entry::Closing>(at)));
    set(closed, reason.c_str(), counts.closed[at]);
  }
  object.Set("closed", closed);
  object.Set("ended", static_cast<std::uint32_t>(duty.ended()));
  object.Set("failure", "");
  return object;
}

Napi::Object report_feed(Napi::Env env, const duties::FeedDuty& duty) {
  const duties::FeedDutyCounts& counts = duty.counts();
  Napi::Object object = Napi::Object::New(env);
  // Acquire pairs with the duty's store: the digest is of a command not before this one.
  object.Set("sequence", static_cast<double>(counts.sequence.load(std::memory_order_acquire)));
  set(object, "messages", counts.messages);
  set(object, "packets", counts.packets);
  set(object, "packetsDropped", counts.packets_dropped);
  set(object, "requests", counts.requests);
  set(object, "replays", counts.replays);
  set(object, "snapshots", counts.snapshots);
  set(object, "snapshotsRefused", counts.snapshots_refused);
  set(object, "unpriceable", counts.unpriceable);
  object.Set("ended", 0);
  object.Set("failure", counts.has_failed.load(std::memory_order_acquire) ? duty.failure() : "");
  return object;
}

}  // namespace

DutyBinding::DutyBinding(Napi::Env env) : env_(env) {
  // Hooks run last in, first out: before the market's, which ends with its reactor's threads.
  napi_add_env_cleanup_hook(env_, at_exit, this);
}

DutyBinding::~DutyBinding() { napi_remove_env_cleanup_hook(env_, at_exit, this); }

void DutyBinding::at_exit(void* binding) { static_cast<DutyBinding*>(binding)->close(); }

std::unique_ptr<DutyBinding> DutyBinding::of_orders(Napi::Object request) {
  std::unique_ptr<DutyBinding> binding(new DutyBinding(request.Env()));
  duties::OrderDutyOptions& options = binding->order_options_;
  options.network = network_of(request);
  options.backend = backend_of(request);
  options.edge.connections = options.network.connections;
  options.edge.gateway.session = field_of<10>(request, "session");
  options.edge.gateway.listing = {.symbol = field_of<8>(request, "symbol"),
                                  .price_per_tick = number_of(request, "pricePerTick")};
  options.edge.stamps.picked =
      static_cast<std::uint64_t>(request.Get("picked").As<Napi::Number>().Int64Value());
  const auto members = request.Get("members").As<Napi::Array>();
  for (std::uint32_t at = 0; at < members.Length(); ++at) {
    options.members.push_back(member_of(members.Get(at).As<Napi::Object>()));
  }
  return binding;
}

std::unique_ptr<DutyBinding> DutyBinding::of_feed(Napi::Object request) {
  std::unique_ptr<DutyBinding> binding(new DutyBinding(request.Env()));
  binding->is_feed_ = true;
  duties::FeedDutyOptions& options = binding->feed_options_;
  options.network = network_of(request);
  options.backend = backend_of(request);
  options.feed.connections = options.network.connections;
  options.feed.session = field_of<10>(request, "session");
  options.feed.instrument = {.stock = field_of<8>(request, "symbol"),
                             .locate = static_cast<std::uint16_t>(number_of(request, "locate")),
                             .price_per_tick = number_of(request, "pricePerTick"),
                             .round_lot = number_of(request, "roundLot")};
  options.udp.to = text_of(request, "packetsHost");
  options.udp.to_port = static_cast<std::uint16_t>(number_of(request, "packetsPort"));
  options.udp.requests = options.network.address;
  options.udp.requests_port = static_cast<std::uint16_t>(number_of(request, "requestsPort"));
  const auto subscribers = request.Get("subscribers").As<Napi::Array>();
  for (std::uint32_t at = 0; at < subscribers.Length(); ++at) {
    const auto given = subscribers.Get(at).As<Napi::Object>();
    options.subscribers.push_back(
        {.username = field_of<6>(given, "username"), .password = field_of<10>(given, "password")});
  }
  return binding;
}

std::string DutyBinding::open(reactor::Reactor& reactor, reactor::HostedMarket& market) {
  std::string reason;
  bool is_open = false;
  if (is_feed_) {
    feed_ = duties::FeedDuty::open(reactor, market, std::move(feed_options_), reason);
    is_open = feed_ != nullptr;
  } else {
    orders_ = duties::OrderDuty::open(reactor, market, std::move(order_options_), reason);
    is_open = orders_ != nullptr;
  }
  // With the second best network the reason says why it is not the best.
  return is_open ? std::string() : reason;
}

void DutyBinding::close() {
  orders_.reset();
  feed_.reset();
}

Napi::Object DutyBinding::describe(Napi::Env env) const {
  Napi::Object object = Napi::Object::New(env);
  object.Set("port", static_cast<std::uint32_t>(is_feed_ ? feed_->port() : orders_->port()));
  object.Set("requestsPort", static_cast<std::uint32_t>(is_feed_ ? feed_->requests_port() : 0));
  object.Set("backend", is_feed_ ? feed_->backend() : orders_->backend());
  return object;
}

Napi::Value DutyBinding::stamps(Napi::Env env) {
  std::vector<double> numbers;
  if (orders_ != nullptr) {
    orders_->drain_stamps([&numbers](const edge::OrderStamps& stamps) {
      for (const std::uint64_t number : {stamps.sequence, stamps.received_ns, stamps.offered_ns,
                                         stamps.taken_ns, stamps.told_ns}) {
        numbers.push_back(static_cast<double>(number));
      }
    });
  }
  Napi::Float64Array array = Napi::Float64Array::New(env, numbers.size());
  std::copy(numbers.begin(), numbers.end(), array.Data());
  return array;
}

Napi::Object DutyBinding::report(Napi::Env env) const {
  return is_feed_ ? report_feed(env, *feed_) : report_orders(env, *orders_);
}

}  // namespace meridian::addon
