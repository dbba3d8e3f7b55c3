// The market and its depth as the reactor instantiates them, for the check of symbols.
#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/depth.hpp"
#include "engine/market.hpp"

namespace meridian::engine {

struct SymbolCheckRing {
  wire::Event* slots;
  std::uint64_t mask;
  std::uint64_t count;
  wire::Event& next() noexcept { return slots[count++ & mask]; }
  void finish() noexcept {}
};

template void Market::apply<SymbolCheckRing>(const wire::Command&, std::uint64_t, std::uint64_t,
                                             SymbolCheckRing&) noexcept;

struct SymbolCheckVisitor {
  std::uint64_t lots;
  bool operator()(OrderId, AccountId, PriceTicks, QuantityLots remaining) noexcept {
    lots += remaining.value();
    return true;
  }
};
template void Market::visit_resting<SymbolCheckVisitor&>(wire::Side,
                                                         SymbolCheckVisitor&) const noexcept;

template void DepthPublisher::poll<Market>(const Market&, std::uint64_t, std::uint64_t) noexcept;
template void DepthPublisher::settle<Market>(const Market&, std::uint64_t) noexcept;

// The constructor is inline: this makes its code.
Market* construct_for_symbol_check(void* place, std::span<std::byte> memory) noexcept;
Market* construct_for_symbol_check(void* place, std::span<std::byte> memory) noexcept {
  return ::new (place) Market(memory);
}

}  // namespace meridian::engine
