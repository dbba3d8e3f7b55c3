// Slots as they may come from outside: commands made of any bytes. Bytes alone seldom get past the
// first check, so a mask before each command says which fields are taken as they are; the others
// are 0 or, where 0 has no meaning, small.
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "input.hpp"
#include "observed_market.hpp"

namespace {

using namespace meridian;

wire::Command take_command(fuzz::Input& input, const fuzz::ObservedMarket& market) {
  // Of two draws, so that few fields are kept.
  const auto mask = input.take<std::uint16_t>() & input.take<std::uint16_t>();
  auto command = input.take<wire::Command>();
  const auto keeps = [mask](unsigned bit) { return ((mask >> bit) & 1) != 0; };
  const auto clear = [&](auto& field, unsigned bit) {
    if (!keeps(bit)) {
      field = 0;
    }
  };
  const auto shrink = [&](auto& field, unsigned bit, std::uint32_t bound) {
    if (!keeps(bit)) {
      field = static_cast<std::remove_reference_t<decltype(field)>>(
          1 + static_cast<std::uint32_t>(field) % bound);
    }
  };
  shrink(command.kind, 0, 15);
  shrink(command.account, 1, 3);
  shrink(command.quantity, 2, 20);
  shrink(command.price, 3, 16);
  if (!keeps(4)) {
    command.side &= 1;
    command.order_type = command.order_type < 128 ? 0 : command.order_type & 7;
    command.time_in_force = command.time_in_force < 128 ? 0 : command.time_in_force & 7;
  }
  clear(command.session, 5);
  clear(command.number, 5);
  clear(command.trigger, 6);
  clear(command.display, 7);
  clear(command.minimum, 8);
  clear(command.expiry_s, 9);
  clear(command.attributes, 10);
  clear(command.discretion, 11);
  clear(command.group, 12);
  if (!keeps(13)) {
    // An order that is open, for commands that name one.
    const auto kind = static_cast<wire::CommandKind>(command.kind);
    const bool names_order = kind == wire::CommandKind::cancel ||
                             kind == wire::CommandKind::reduce ||
                             kind == wire::CommandKind::replace;
    command.order_id = names_order && !market.lots().empty() ? market.lots().begin()->first : 0;
    command.side = names_order ? 0 : command.side;
    command.price =
        kind == wire::CommandKind::cancel || kind == wire::CommandKind::reduce ? 0 : command.price;
    command.quantity = kind == wire::CommandKind::cancel ? 0 : command.quantity;
    command.order_type = names_order ? 0 : command.order_type;
    command.time_in_force = names_order ? 0 : command.time_in_force;
  }
  return command;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  fuzz::ObservedMarket market;
  // One input in four starts before the first configure.
  if (!input.one_in(4)) {
    wire::Command configure{};
    configure.kind = static_cast<std::uint8_t>(wire::CommandKind::configure);
    configure.order_id = 64;
    configure.price = 1;
    configure.trigger = 0x7FFFFFFE;
    configure.quantity = 1'000'000;
    market.apply(configure, 0);
  }
  while (!input.is_empty()) {
    const std::uint64_t passed_ns = std::uint64_t{input.take<std::uint16_t>()} << 16;
    market.apply(take_command(input, market), market.now_ns() + passed_ns);
  }
  market.check();
  return 0;
}
