// A shared-memory client as JavaScript holds it: the memory, and what needs the kernel.
#pragma once
#include <napi.h>

#include <cstdint>
#include <string>

#include "client/market_client.hpp"

namespace meridian::addon {

// Created and used on the JavaScript thread, except where a function says otherwise.
class ClientBinding {
 public:
  explicit ClientBinding(Napi::Object request);
  ClientBinding(const ClientBinding&) = delete;
  ClientBinding& operator=(const ClientBinding&) = delete;

  // Blocks: on a thread of the pool. Empty, or "CODE: why" with the number of the refusal.
  std::string connect();
  // {region, reactor, parkedOffset, session, commandSlots, eventSlots}
  Napi::Object describe(Napi::Env env);
  // Blocks: on a thread of the pool, for `timeout_ms` or until an event beyond `head` is there or
  // the connection has ended.
  void wait(std::uint32_t head, std::uint32_t timeout_ms) const;
  void wake() const noexcept { client_.wake(); }
  [[nodiscard]] bool is_peer_gone() const noexcept { return client_.is_peer_gone(); }
  // JavaScript loses the memory.
  void close();

 private:
  client::Hello hello_;
  std::string socket_;
  client::MarketClient client_;
  Napi::Reference<Napi::ArrayBuffer> region_;
  Napi::Reference<Napi::ArrayBuffer> reactor_;
};

}  // namespace meridian::addon
