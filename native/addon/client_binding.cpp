#include "addon/client_binding.hpp"

#include <algorithm>
#include <cstring>

namespace meridian::addon {
namespace {

std::uint32_t number_of(const Napi::Object& object, const char* name) {
  return object.Get(name).As<Napi::Number>().Uint32Value();
}

}  // namespace

ClientBinding::ClientBinding(Napi::Object request)
    : socket_(request.Get("socket").As<Napi::String>().Utf8Value()) {
  hello_.account = number_of(request, "account");
  hello_.session =
      static_cast<std::uint64_t>(request.Get("session").As<Napi::Number>().Int64Value());
  hello_.permissions = number_of(request, "permissions");
  hello_.cancel_scope = number_of(request, "cancelScope");
  hello_.command_slots = number_of(request, "commandSlots");
  hello_.event_slots = number_of(request, "eventSlots");
  const auto token = request.Get("token").As<Napi::Uint8Array>();
  std::memcpy(hello_.token.data(), token.Data(), std::min(hello_.token.size(), token.ByteLength()));
  const std::string market = request.Get("market").As<Napi::String>().Utf8Value();
  std::copy_n(market.data(), std::min(market.size(), hello_.market.size() - 1),
              hello_.market.begin());
}

std::string ClientBinding::connect() {
  const auto refused = client_.connect(socket_.c_str(), hello_);
  return refused ? std::to_string(static_cast<unsigned>(refused->refusal)) + ": " + refused->text
                 : std::string();
}

Napi::Object ClientBinding::describe(Napi::Env env) {
  const client::MarketClient::Memory memory = client_.memory();
  const auto region = Napi::ArrayBuffer::New(env, memory.region.data(), memory.region.size());
  region_ = Napi::Persistent(region);
  // Mapped read-only: a store from JavaScript would end the process, so it makes none.
  const auto reactor = Napi::ArrayBuffer::New(env, const_cast<std::byte*>(memory.reactor.data()),
                                              memory.reactor.size());
  reactor_ = Napi::Persistent(reactor);
  Napi::Object object = Napi::Object::New(env);
  object.Set("region", region);
  object.Set("reactor", reactor);
  object.Set("parkedOffset", static_cast<double>(memory.parked_offset));
  object.Set("session", static_cast<double>(client_.session()));
  object.Set("commandSlots", hello_.command_slots);
  object.Set("eventSlots", hello_.event_slots);
  return object;
}

void ClientBinding::wait(std::uint32_t head, std::uint32_t timeout_ms) const {
  client_.wait_beyond(head, std::uint64_t{timeout_ms} * 1'000'000U);
}

void ClientBinding::close() {
  for (auto* buffer : {&region_, &reactor_}) {
    if (!buffer->IsEmpty()) {
      buffer->Value().Detach();
      buffer->Reset();
    }
  }
  client_.close();
}

}  // namespace meridian::addon
