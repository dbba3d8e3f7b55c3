#include "addon/market_binding.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "addon/reports.hpp"
#include "base/ensure.hpp"

namespace meridian::addon {

MarketBinding::MarketBinding(Napi::Env env, reactor::Reactor& reactor, Napi::Function bell)
    : env_(env), reactor_(reactor) {
  // No bound on the function's queue: an armed word lets one call through at a time.
  const napi_status made =
      napi_create_threadsafe_function(env, bell, nullptr, Napi::String::New(env, "meridian market"),
                                      0, 1, nullptr, nullptr, nullptr, nullptr, &bell_);
  ensure(made == napi_ok);
  // Hooks run last in, first out: ours stops the threads before Node frees the function they call.
  napi_add_env_cleanup_hook(env_, at_exit, this);
}

MarketBinding::~MarketBinding() {
  napi_remove_env_cleanup_hook(env_, at_exit, this);
  if (bell_ != nullptr) {
    napi_release_threadsafe_function(bell_, napi_tsfn_release);
  }
}

void MarketBinding::at_exit(void* binding) {
  auto* self = static_cast<MarketBinding*>(binding);
  self->close();
  // Node frees the function with its environment.
  self->bell_ = nullptr;
}

void MarketBinding::ring(void* function) noexcept {
  // Non-blocking: a full or closing queue is not the match thread's to wait for.
  napi_call_threadsafe_function(static_cast<napi_threadsafe_function>(function), nullptr,
                                napi_tsfn_nonblocking);
}

std::string MarketBinding::open(journal::FileSystem& files, const reactor::MarketOptions& options) {
  std::string reason;
  market_ = reactor::HostedMarket::open(files, options, reactor_.thread(), ring, bell_, reason);
  if (market_ != nullptr) {
    reactor_.add(*market_);
  }
  return reason;
}

Napi::Object MarketBinding::describe(Napi::Env env) {
  const auto share = [env, this](const rings::SharedRegion& memory) {
    const auto buffer = Napi::ArrayBuffer::New(env, memory.memory().data(), memory.memory().size());
    shared_.push_back(Napi::Persistent(buffer));
    return buffer;
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("region", share(market_->memory()));
  object.Set("depth", share(market_->depth_memory()));
  object.Set("depthRequests", share(market_->depth_requests()));
  object.Set("logId", market_->log().id());
  object.Set("epoch", static_cast<double>(market_->epoch()));
  object.Set("recovery", report(env, market_->recovery()));
  return object;
}

void MarketBinding::admit_clients(reactor::ClientGateway& gateway, const std::string& name) {
  gateway_ = &gateway;
  gateway.add(name, *market_);
}

void MarketBinding::dismiss_clients() {
  if (gateway_ != nullptr) {
    gateway_->remove(*market_);
    gateway_ = nullptr;
  }
}

void MarketBinding::detach() {
  for (auto& buffer : shared_) {
    buffer.Value().Detach();
  }
  shared_.clear();
}

void MarketBinding::close() {
  if (market_ != nullptr) {
    dismiss_clients();
    market_->discard_events();
    market_->leave();
    reactor_.wake();
    reactor_.remove(*market_);
    market_.reset();
  }
}

std::string MarketBinding::adopt(std::vector<journal::Record> records) {
  std::uint64_t sequence = market_->idle_sequence();
  std::uint64_t timestamp_ns = market_->idle_timestamp_ns();
  std::uint64_t epoch = market_->idle_record_epoch();
  for (const journal::Record& record : records) {
    const wire::RecordPrefix prefix = record.prefix();
    ++sequence;
    const char* fault = nullptr;
    if (!record.is_whole()) {
      fault = "its checksum is wrong";
    } else if (prefix.version != wire::record_version) {
      fault = "its version is unknown";
    } else if (prefix.sequence != sequence) {
      fault = "its sequence does not follow";
    } else if (prefix.epoch < epoch || prefix.timestamp_ns < timestamp_ns) {
      fault = "its epoch or time goes back";
    }
    if (fault != nullptr) {
      return "record " + std::to_string(sequence) + " cannot be adopted: " + fault +
             "; nothing was, take the records from the accepted chain again";
    }
    epoch = prefix.epoch;
    timestamp_ns = prefix.timestamp_ns;
  }
  reactor_.adopt(*market_, records);
  return "";
}

Napi::Uint8Array MarketBinding::records(Napi::Env env, std::uint64_t from,
                                        std::size_t maximum_bytes) {
  // Acquire pairs with the journal's store: what is counted as durable is in the segments' list.
  const auto durable =
      static_cast<std::uint64_t>(market_->region().journal.durable.load(std::memory_order_acquire));
  const std::uint64_t there = from == 0 || from > durable ? 0 : durable - from + 1;
  const std::size_t count =
      std::min(static_cast<std::size_t>(there), maximum_bytes / wire::record_bytes);
  auto bytes = Napi::Uint8Array::New(env, count * wire::record_bytes);
  if (count == 0) {
    return bytes;
  }
  const auto found = std::make_unique_for_overwrite<journal::Record[]>(count);
  const std::size_t got = market_->reader().read(from, durable, {found.get(), count});
  std::memcpy(bytes.Data(), found.get(), got * sizeof(journal::Record));
  if (got != count) {
    Napi::Error::New(env, "cannot read the log in " + market_->options().directory +
                              " that was written before; check the disk")
        .ThrowAsJavaScriptException();
  }
  return bytes;
}

bool MarketBinding::is_idle() const noexcept {
  const rings::RingCursors& commands = market_->region().commands;
  // Acquire pairs with the match thread's release of head: the engine's state is what it left.
  return commands.head.load(std::memory_order_acquire) ==
         commands.tail.load(std::memory_order_relaxed);
}

Napi::Value MarketBinding::resting_orders(Napi::Env env, wire::Side side, std::size_t limit) {
  if (!is_idle()) {
    Napi::Error::New(env, "the market has commands in its ring; ask when it is idle")
        .ThrowAsJavaScriptException();
    return env.Undefined();
  }
  std::vector<double> found;
  market_->idle_engine().visit_resting(
      side, [&found, limit](auto id, auto account, auto price, auto remaining) {
        if (found.size() / 4 == limit) {
          return false;
        }
        found.insert(found.end(),
                     {static_cast<double>(id.value()), static_cast<double>(account.value()),
                      static_cast<double>(price.value()), static_cast<double>(remaining.value())});
        return true;
      });
  auto numbers = Napi::Float64Array::New(env, found.size());
  std::copy(found.begin(), found.end(), numbers.Data());
  return numbers;
}

Napi::Object MarketBinding::statistics(Napi::Env env) const {
  const reactor::MarketRegion& region = market_->region();
  const auto ring = [env](const rings::RingCursors& cursors, std::uint32_t capacity) {
    Napi::Object object = Napi::Object::New(env);
    // Relaxed: a figure for people, true a moment ago.
    const std::uint32_t head = cursors.head.load(std::memory_order_relaxed);
    const std::uint32_t tail = cursors.tail.load(std::memory_order_relaxed);
    object.Set("capacity", capacity);
    object.Set("used", std::min(tail - head, capacity));
    object.Set("passed", tail);
    return object;
  };
  Napi::Object object = Napi::Object::New(env);
  object.Set("commands", ring(region.commands, market_->options().command_slots));
  object.Set("events", ring(region.events, market_->options().event_slots));
  object.Set("eventRingStalls", region.event_ring_stalls.load(std::memory_order_relaxed));
  const memory::MemoryReport kept = market_->memory_report();
  Napi::Object memory = Napi::Object::New(env);
  memory.Set("backedBytes", static_cast<double>(kept.backed_bytes));
  memory.Set("lockedBytes", static_cast<double>(kept.locked_bytes));
  memory.Set("slabs", static_cast<double>(kept.slabs));
  memory.Set("lateSlabs", static_cast<double>(kept.late_slabs));
  memory.Set("lockError", kept.lock_error == 0 ? "" : std::strerror(kept.lock_error));
  object.Set("memory", memory);
  return object;
}

}  // namespace meridian::addon
