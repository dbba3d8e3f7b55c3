// Tells JavaScript that the alert of a market has begun or ended.
#pragma once
#include <napi.h>

#include <mutex>

namespace meridian::addon {

// Made and ended on the JavaScript thread; rung on any other.
class AlertBell {
 public:
  // `heard` is called on the JavaScript thread, once or more after each ring; which market it was
  // about stands in the markets' metrics. It does not keep the process alive.
  AlertBell(Napi::Env env, Napi::Function heard);
  AlertBell(const AlertBell&) = delete;
  AlertBell& operator=(const AlertBell&) = delete;
  ~AlertBell();

  void ring() noexcept;

 private:
  static void at_exit(void* bell);

  Napi::Env env_;
  std::mutex mutex_;  // guards the function, which Node frees with its environment
  napi_threadsafe_function function_ = nullptr;
};

}  // namespace meridian::addon
