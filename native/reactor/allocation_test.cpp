// Every operator new of this program is counted by thread: the match thread allocates nothing.
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "reactor/client_test_support.hpp"

namespace {

std::atomic<pid_t> watched_thread{0};
std::atomic<std::uint64_t> allocations{0};

void* allocate(std::size_t bytes) {
  if (watched_thread.load(std::memory_order_relaxed) == static_cast<pid_t>(syscall(SYS_gettid))) {
    allocations.fetch_add(1, std::memory_order_relaxed);
  }
  return std::malloc(bytes == 0 ? 1 : bytes);
}

}  // namespace

void* operator new(std::size_t bytes) { return allocate(bytes); }
void* operator new[](std::size_t bytes) { return allocate(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t /*bytes*/) noexcept { std::free(memory); }

namespace meridian::reactor {
namespace {

class AllocationTest : public ClientFixture {};

TEST_F(AllocationTest, AllocatesNothingForOrdersClientsAndTheirEnd) {
  client::MarketClient watcher = connect(9, client::permission::stream);
  client::Hello hello = hello_of(7);
  hello.cancel_scope = client::cancel_scope::account;
  watched_thread.store(match_thread());
  {
    client::MarketClient client = connect(hello);
    for (std::uint32_t order = 0; order < 20'000; ++order) {
      send(client, place_command(order % 3 == 0 ? wire::Side::buy : wire::Side::sell,
                                 100 + order % 7, 1 + order % 5));
      events_until_last(client);
      watcher.poll_events([](const wire::Event&) {});
    }
  }
  wait_for([&] { return market().region().resting_orders.load() == 0; });
  watched_thread.store(0);
  EXPECT_EQ(allocations.load(), 0U);
}

TEST_F(AllocationTest, SeesAnAllocationOfTheThreadItWatches) {
  const std::uint64_t before = allocations.load();
  watched_thread.store(static_cast<pid_t>(syscall(SYS_gettid)));
  const auto owner = std::make_unique<std::uint64_t>(1);
  watched_thread.store(0);
  EXPECT_EQ(*owner, 1U);
  EXPECT_GE(allocations.load(), before + 1);
}

}  // namespace
}  // namespace meridian::reactor
