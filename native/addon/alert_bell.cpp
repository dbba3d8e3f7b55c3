#include "addon/alert_bell.hpp"

#include "base/ensure.hpp"

namespace meridian::addon {

AlertBell::AlertBell(Napi::Env env, Napi::Function heard) : env_(env) {
  // One call waits at most: it reads what stands when it runs, so that a second would read the
  // same.
  const napi_status made = napi_create_threadsafe_function(
      env, heard, nullptr, Napi::String::New(env, "meridian alerts"), 1, 1, nullptr, nullptr,
      nullptr, nullptr, &function_);
  ensure(made == napi_ok);
  napi_unref_threadsafe_function(env, function_);
  // Hooks run last in, first out: ours takes the function away before Node frees it.
  napi_add_env_cleanup_hook(env_, at_exit, this);
}

AlertBell::~AlertBell() {
  if (function_ != nullptr) {
    napi_remove_env_cleanup_hook(env_, at_exit, this);
    napi_release_threadsafe_function(function_, napi_tsfn_release);
  }
}

void AlertBell::at_exit(void* bell) {
  auto* self = static_cast<AlertBell*>(bell);
  const std::scoped_lock guard(self->mutex_);
  self->function_ = nullptr;
}

void AlertBell::ring() noexcept {
  const std::scoped_lock guard(mutex_);
  if (function_ != nullptr) {
    napi_call_threadsafe_function(function_, nullptr, napi_tsfn_nonblocking);
  }
}

}  // namespace meridian::addon
