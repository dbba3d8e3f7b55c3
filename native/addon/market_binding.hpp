// One open market as JavaScript holds it.
#pragma once
#include <napi.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "reactor/client_gateway.hpp"
#include "reactor/reactor.hpp"

namespace meridian::addon {

// Created and used on the JavaScript thread, except where a function says otherwise.
class MarketBinding {
 public:
  // `bell` is called on the JavaScript thread, soon after an armed doorbell rang.
  MarketBinding(Napi::Env env, reactor::Reactor& reactor, Napi::Function bell);
  MarketBinding(const MarketBinding&) = delete;
  MarketBinding& operator=(const MarketBinding&) = delete;
  ~MarketBinding();

  // Blocks: on a thread of the pool. Empty, or why it failed.
  std::string open(journal::FileSystem& files, const reactor::MarketOptions& options);
  // The shared memory, and what was recovered:
  // {region, depth, depthRequests, logId, epoch, recovery}.
  Napi::Object describe(Napi::Env env);
  // Clients of the gateway may connect under this name until the market is closed or they are
  // dismissed.
  void admit_clients(reactor::ClientGateway& gateway, const std::string& name);
  void dismiss_clients();
  // JavaScript loses the shared memory; call before close().
  void detach();
  // Blocks: on a thread of the pool. Everything in the command ring is processed and its records
  // are durable, or the log has failed, when it returns. Events are thrown away.
  void close();

  // Blocks: on a thread of the pool. Empty, or why the records were refused.
  std::string adopt(std::vector<journal::Record> records);
  // Durable records from `from` on, at most `maximum_bytes`.
  Napi::Uint8Array records(Napi::Env env, std::uint64_t from, std::size_t maximum_bytes);
  // order id, account, price, remaining of each; empty optional while the market is not idle.
  Napi::Value resting_orders(Napi::Env env, wire::Side side, std::size_t limit);
  Napi::Object statistics(Napi::Env env) const;

  [[nodiscard]] reactor::HostedMarket& market() noexcept { return *market_; }

 private:
  static void ring(void* function) noexcept;
  static void at_exit(void* binding);
  [[nodiscard]] bool is_idle() const noexcept;

  Napi::Env env_;
  reactor::Reactor& reactor_;
  reactor::ClientGateway* gateway_ = nullptr;  // null while no clients are admitted
  napi_threadsafe_function bell_ = nullptr;
  std::unique_ptr<reactor::HostedMarket> market_;
  std::vector<Napi::Reference<Napi::ArrayBuffer>> shared_;  // what JavaScript sees of the memory
};

}  // namespace meridian::addon
