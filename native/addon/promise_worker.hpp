// Work that blocks, on Node's thread pool, with a promise for its outcome.
#pragma once
#include <napi.h>

#include <functional>
#include <string>
#include <utility>

namespace meridian::addon {

class PromiseWorker final : public Napi::AsyncWorker {
 public:
  // Runs off the JavaScript thread; a text other than the empty one is why it failed.
  using Work = std::function<std::string()>;
  // Run on the JavaScript thread afterwards.
  using Finish = std::function<Napi::Value(Napi::Env)>;
  using Fail = std::function<void()>;

  // Starts the work. The promise is rejected with an Error of the text when the work fails.
  static Napi::Promise start(Napi::Env env, Work work, Finish finish, Fail fail = [] {}) {
    auto* worker = new PromiseWorker(env, std::move(work), std::move(finish), std::move(fail));
    const Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();  // deletes itself when done
    return promise;
  }

 private:
  PromiseWorker(Napi::Env env, Work work, Finish finish, Fail fail)
      : AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        work_(std::move(work)),
        finish_(std::move(finish)),
        fail_(std::move(fail)) {}

  void Execute() override {
    if (const std::string reason = work_(); !reason.empty()) {
      SetError(reason);
    }
  }
  void OnOK() override { deferred_.Resolve(finish_(Env())); }
  void OnError(const Napi::Error& error) override {
    fail_();
    deferred_.Reject(error.Value());
  }

  Napi::Promise::Deferred deferred_;
  Work work_;
  Finish finish_;
  Fail fail_;
};

}  // namespace meridian::addon
