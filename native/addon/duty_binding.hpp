// Order entry and the feed of a market as JavaScript holds them.
#pragma once
#include <napi.h>

#include <memory>
#include <string>

#include "duties/feed_duty.hpp"
#include "duties/order_duty.hpp"

namespace meridian::addon {

// Created and used on the JavaScript thread, except where a function says otherwise.
class DutyBinding {
 public:
  // {symbol, pricePerTick, session, host, port, connections, backend, members}
  static std::unique_ptr<DutyBinding> of_orders(Napi::Object request);
  // {symbol, locate, pricePerTick, roundLot, session, host, port, connections, backend,
  // packetsHost, packetsPort, requestsPort, subscribers}
  static std::unique_ptr<DutyBinding> of_feed(Napi::Object request);
  DutyBinding(const DutyBinding&) = delete;
  DutyBinding& operator=(const DutyBinding&) = delete;
  ~DutyBinding();

  // Blocks: on a thread of the pool. Empty, or why it cannot be opened. The market stays until the
  // binding is closed.
  std::string open(reactor::Reactor& reactor, reactor::HostedMarket& market);
  // Blocks as well.
  void close();
  // {port, requestsPort, backend}
  Napi::Object describe(Napi::Env env) const;
  // Counts by name; `ended` is the number of the reason, `failure` a text.
  Napi::Object report(Napi::Env env) const;
  // Five numbers for each traced command that was answered since the last call: its sequence, and
  // by CLOCK_MONOTONIC in nanoseconds when it was received, offered, answered for and told.
  Napi::Value stamps(Napi::Env env);

 private:
  explicit DutyBinding(Napi::Env env);
  static void at_exit(void* binding);

  Napi::Env env_;
  bool is_feed_ = false;
  duties::OrderDutyOptions order_options_;
  duties::FeedDutyOptions feed_options_;
  std::unique_ptr<duties::OrderDuty> orders_;
  std::unique_ptr<duties::FeedDuty> feed_;
};

}  // namespace meridian::addon
