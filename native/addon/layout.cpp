#include "addon/layout.hpp"

#include <cstddef>
#include <initializer_list>
#include <utility>

#include "client/client_region.hpp"
#include "engine/depth_region.hpp"
#include "journal/seal_file.hpp"
#include "reactor/market_region.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"
#include "wire/record.hpp"

namespace meridian::addon {
namespace {

using Offsets = std::initializer_list<std::pair<const char*, std::size_t>>;

Napi::Object object_of(Napi::Env env, Offsets offsets) {
  Napi::Object object = Napi::Object::New(env);
  for (const auto& [name, offset] : offsets) {
    object.Set(name, Napi::Number::New(env, static_cast<double>(offset)));
  }
  return object;
}

Napi::Object depth(Napi::Env env) {
  using engine::DepthBoard;
  using engine::DepthPageSlot;
  using engine::DepthRegion;
  using engine::DepthTop;
  using engine::SnapshotWords;
  using Buffer = DepthBoard::Buffer;
  constexpr std::size_t top = offsetof(DepthRegion, top);
  constexpr std::size_t board = offsetof(DepthRegion, board);
  constexpr auto word = [](std::size_t index) {
    return offsetof(Buffer, words) + index * sizeof(engine::SharedWord);
  };
  return object_of(
      env,
      {{"top_version", top + offsetof(DepthTop, version)},
       {"top_sequence", top + offsetof(DepthTop, sequence)},
       {"top_prices", top + offsetof(DepthTop, prices)},
       {"top_bid_lots", top + offsetof(DepthTop, bid_lots)},
       {"top_ask_lots", top + offsetof(DepthTop, ask_lots)},
       {"applied", board + offsetof(DepthBoard, applied)},
       {"latest", board + offsetof(DepthBoard, latest)},
       {"buffers", board + offsetof(DepthBoard, buffers)},
       {"buffer_count", engine::depth_buffers},
       {"buffer_bytes", sizeof(Buffer)},
       {"buffer_sequence", offsetof(Buffer, sequence)},
       {"level_counts", word(SnapshotWords::level_counts)},
       {"order_counts", word(SnapshotWords::order_counts)},
       {"more", word(SnapshotWords::more)},
       {"levels", word(SnapshotWords::level(0, 0))},
       {"side_levels_bytes", word(SnapshotWords::level(1, 0)) - word(SnapshotWords::level(0, 0))},
       {"orders", word(SnapshotWords::order(0, 0))},
       {"side_orders_bytes", word(SnapshotWords::order(1, 0)) - word(SnapshotWords::order(0, 0))},
       {"pages", offsetof(DepthRegion, pages)},
       {"page_request", offsetof(DepthPageSlot, request)},
       {"page_sequence", offsetof(DepthPageSlot, sequence)},
       {"page_count", offsetof(DepthPageSlot, count)},
       {"page_next", offsetof(DepthPageSlot, next)},
       {"page_is_cut", offsetof(DepthPageSlot, is_cut)},
       {"page_orders", offsetof(DepthPageSlot, orders)}});
}

}  // namespace

Napi::Object layout(Napi::Env env) {
  using journal::SealEntry;
  using reactor::MarketRegion;
  using reactor::ReactorRegion;
  using rings::RingCursors;
  using wire::Command;
  using wire::Event;
  using wire::RecordPrefix;
  Napi::Object object = Napi::Object::New(env);
  object.Set("command", object_of(env, {{"kind", offsetof(Command, kind)},
                                        {"side", offsetof(Command, side)},
                                        {"order_type", offsetof(Command, order_type)},
                                        {"time_in_force", offsetof(Command, time_in_force)},
                                        {"tag", offsetof(Command, tag)},
                                        {"session", offsetof(Command, session)},
                                        {"number", offsetof(Command, number)},
                                        {"order_id", offsetof(Command, order_id)},
                                        {"price", offsetof(Command, price)},
                                        {"trigger", offsetof(Command, trigger)},
                                        {"quantity", offsetof(Command, quantity)},
                                        {"display", offsetof(Command, display)},
                                        {"minimum", offsetof(Command, minimum)},
                                        {"expiry_s", offsetof(Command, expiry_s)},
                                        {"account", offsetof(Command, account)},
                                        {"attributes", offsetof(Command, attributes)},
                                        {"discretion", offsetof(Command, discretion)},
                                        {"group", offsetof(Command, group)},
                                        {"bytes", sizeof(Command)}}));
  object.Set("event", object_of(env, {{"kind", offsetof(Event, kind)},
                                      {"code", offsetof(Event, code)},
                                      {"side", offsetof(Event, side)},
                                      {"flags", offsetof(Event, flags)},
                                      {"tag", offsetof(Event, tag)},
                                      {"sequence", offsetof(Event, sequence)},
                                      {"index", offsetof(Event, index)},
                                      {"account", offsetof(Event, account)},
                                      {"order_id", offsetof(Event, order_id)},
                                      {"price", offsetof(Event, price)},
                                      {"other_order_id", offsetof(Event, other_order_id)},
                                      {"other_price", offsetof(Event, other_price)},
                                      {"quantity", offsetof(Event, quantity)},
                                      {"remaining", offsetof(Event, remaining)},
                                      {"bytes", sizeof(Event)}}));
  object.Set("record", object_of(env, {{"crc32c", offsetof(RecordPrefix, crc32c)},
                                       {"version", offsetof(RecordPrefix, version)},
                                       {"reserved", offsetof(RecordPrefix, reserved)},
                                       {"epoch", offsetof(RecordPrefix, epoch)},
                                       {"sequence", offsetof(RecordPrefix, sequence)},
                                       {"timestamp_ns", offsetof(RecordPrefix, timestamp_ns)},
                                       {"command", sizeof(RecordPrefix)},
                                       {"bytes", wire::record_bytes}}));
  object.Set("seal", object_of(env, {{"crc32c", offsetof(SealEntry, crc32c)},
                                     {"version", offsetof(SealEntry, version)},
                                     {"kind", offsetof(SealEntry, kind)},
                                     {"epoch", offsetof(SealEntry, epoch)},
                                     {"first", offsetof(SealEntry, first)},
                                     {"last", offsetof(SealEntry, last)},
                                     {"previous_hash", offsetof(SealEntry, previous_hash)},
                                     {"hash", offsetof(SealEntry, hash)},
                                     {"market", offsetof(SealEntry, market)},
                                     {"holder", offsetof(SealEntry, holder)},
                                     {"log", offsetof(SealEntry, log)},
                                     {"bytes", sizeof(SealEntry)}}));
  constexpr std::size_t tail = offsetof(RingCursors, tail);
  constexpr std::size_t head = offsetof(RingCursors, head);
  object.Set(
      "market",
      object_of(
          env,
          {{"commands_tail", offsetof(MarketRegion, commands) + tail},
           {"commands_head", offsetof(MarketRegion, commands) + head},
           {"events_tail", offsetof(MarketRegion, events) + tail},
           {"events_head", offsetof(MarketRegion, events) + head},
           {"matched", offsetof(MarketRegion, matched)},
           {"event_ring_stalls", offsetof(MarketRegion, event_ring_stalls)},
           {"resting_orders", offsetof(MarketRegion, resting_orders)},
           {"digest", offsetof(MarketRegion, digest)},
           {"durable", offsetof(MarketRegion, journal) + offsetof(journal::JournalStatus, durable)},
           {"failed", offsetof(MarketRegion, journal) + offsetof(journal::JournalStatus, failed)},
           {"waiting_for_room",
            offsetof(MarketRegion, journal) + offsetof(journal::JournalStatus, waiting_for_room)},
           {"events_armed", offsetof(MarketRegion, events_armed)},
           {"durable_armed", offsetof(MarketRegion, durable_armed)},
           {"committed", offsetof(MarketRegion, committed)},
           {"lease_until_ns", offsetof(MarketRegion, lease_until_ns)},
           {"slots", reactor::market_slots_offset}}));
  using client::ClientRegion;
  object.Set("client", object_of(env, {{"commands_tail", offsetof(ClientRegion, commands) + tail},
                                       {"commands_head", offsetof(ClientRegion, commands) + head},
                                       {"events_tail", offsetof(ClientRegion, events) + tail},
                                       {"events_head", offsetof(ClientRegion, events) + head},
                                       {"ended", offsetof(ClientRegion, ended)},
                                       {"slots", client::client_slots_offset}}));
  object.Set("depth", depth(env));
  object.Set("depth_requests", object_of(env, {{"raised", offsetof(engine::DepthRequests, raised)},
                                               {"page", offsetof(engine::DepthRequests, page)}}));
  object.Set("reactor", object_of(env, {{"parked", offsetof(ReactorRegion, parked)}}));
  return object;
}

}  // namespace meridian::addon
