#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>

#include "rings/parking.hpp"
#include "rings/shared_region.hpp"
#include "rings/spsc_ring.hpp"

namespace meridian::rings {
namespace {

struct alignas(64) Slot {
  std::uint64_t value;
  std::array<std::uint64_t, 7> copies;
};

template <std::uint32_t Capacity>
struct Ring {
  RingCursors cursors{};
  std::array<Slot, Capacity> slots{};
  RingWriter<Slot> writer{cursors, slots.data(), Capacity};
  RingReader<Slot> reader{cursors, slots.data(), Capacity};

  bool put(std::uint64_t value) {
    Slot* slot = writer.next();
    if (slot == nullptr) {
      return false;
    }
    slot->value = value;
    slot->copies.fill(value);
    return true;
  }
};

TEST(Ring, ShowsNothingBeforeItIsPublished) {
  Ring<4> ring;
  EXPECT_TRUE(ring.put(1));
  EXPECT_EQ(ring.reader.available(), 0U);
  ring.writer.publish();
  ASSERT_EQ(ring.reader.available(), 1U);
  EXPECT_EQ(ring.reader.at(0).value, 1U);
}

TEST(Ring, RefusesASlotWhenFullAndTakesItAgainAfterRelease) {
  Ring<4> ring;
  for (std::uint64_t value = 0; value < 4; ++value) {
    EXPECT_TRUE(ring.put(value));
  }
  EXPECT_FALSE(ring.put(4));
  ring.writer.publish();
  EXPECT_EQ(ring.reader.available(), 4U);
  ring.reader.advance(1);
  EXPECT_FALSE(ring.put(4)) << "not given back yet";
  ring.reader.release();
  EXPECT_TRUE(ring.writer.has_room(1));
  EXPECT_FALSE(ring.writer.has_room(2));
  EXPECT_TRUE(ring.put(4));
}

TEST(Ring, KeepsItsOrderWhenThePositionsPassTwoToThe32) {
  auto ring = std::make_unique<Ring<8>>();
  ring->cursors.tail.store(0xFFFFFFFC);
  ring->cursors.head.store(0xFFFFFFFC);
  ring->writer = RingWriter<Slot>(ring->cursors, ring->slots.data(), 8);
  ring->reader = RingReader<Slot>(ring->cursors, ring->slots.data(), 8);
  std::uint64_t read = 0;
  for (std::uint64_t written = 0; written < 40;) {
    while (ring->put(written)) {
      ++written;
    }
    ring->writer.publish();
    const std::uint32_t count = ring->reader.available();
    ASSERT_EQ(count, 8U);
    for (std::uint32_t offset = 0; offset < count; ++offset) {
      ASSERT_EQ(ring->reader.at(offset).value, read++);
    }
    ring->reader.advance(count);
    ring->reader.release();
  }
}

TEST(Ring, TellsHowManySlotsLieSideBySide) {
  Ring<8> ring;
  for (std::uint64_t value = 0; value < 6; ++value) {
    ring.put(value);
  }
  ring.writer.publish();
  EXPECT_EQ(ring.reader.contiguous(ring.reader.available()), 6U);
  ring.reader.advance(6);
  ring.reader.release();
  for (std::uint64_t value = 0; value < 6; ++value) {
    ring.put(value);
  }
  ring.writer.publish();
  EXPECT_EQ(ring.reader.available(), 6U);
  EXPECT_EQ(ring.reader.contiguous(6), 2U);
}

TEST(Ring, ReadsNothingFromAPeerWhosePositionIsOutOfRange) {
  Ring<4> ring;
  ring.cursors.tail.store(5);
  EXPECT_EQ(ring.reader.available(), 0U);
  EXPECT_TRUE(ring.reader.is_faulty());
  Ring<4> other;
  for (std::uint64_t value = 0; value < 4; ++value) {
    EXPECT_TRUE(other.put(value));
  }
  other.cursors.head.store(9);
  EXPECT_FALSE(other.put(4)) << "a head beyond the tail is a full ring";
}

// One message at a time in a tiny ring, both sides sleeping whenever they can: a lost wake-up
// hangs.
TEST(Parking, LosesNoMessageAndNoWakeUpUnderStress) {
  constexpr std::uint64_t messages = 200'000;
  auto ring = std::make_unique<Ring<8>>();
  std::atomic<std::uint32_t> reader_word{0};
  std::atomic<std::uint32_t> writer_word{0};
  std::thread consumer([&] {
    Parking own(reader_word);
    Parking writer(writer_word);
    std::uint64_t expected = 0;
    while (expected < messages) {
      std::uint32_t count = ring->reader.available();
      if (count == 0) {
        own.park(Parked::idle, [&] { return ring->reader.available_ordered() > 0; });
        continue;
      }
      if (expected % 3 == 0) {
        count = 1;
      }
      for (std::uint32_t offset = 0; offset < count; ++offset) {
        const Slot& slot = ring->reader.at(offset);
        ASSERT_EQ(slot.value, expected);
        for (const std::uint64_t copy : slot.copies) {
          ASSERT_EQ(copy, expected);
        }
        ++expected;
      }
      ring->reader.advance(count);
      ring->reader.release_ordered();
      writer.wake_if_blocked();
    }
  });
  Parking own(writer_word);
  Parking reader(reader_word);
  for (std::uint64_t value = 0; value < messages;) {
    if (ring->put(value)) {
      ++value;
      if (value % 5 != 0 && value != messages) {
        continue;
      }
    }
    ring->writer.publish_ordered();
    reader.wake();
    if (value < messages && !ring->writer.has_room(1)) {
      own.park(Parked::blocked, [&] { return ring->writer.has_room_ordered(1); });
    }
  }
  consumer.join();
}

TEST(Parking, LeavesAnIdleSleeperAloneWhenOnlyRoomWasMade) {
  std::atomic<std::uint32_t> word{static_cast<std::uint32_t>(Parked::idle)};
  Parking parking(word);
  EXPECT_FALSE(parking.wake_if_blocked());
  EXPECT_TRUE(parking.wake());
  EXPECT_FALSE(parking.wake()) << "the second waker finds it awake";
}

TEST(SharedRegion, CannotBeShrunkOrGrownByAPeer) {
  int error = 0;
  const SharedRegion region = SharedRegion::create("meridian-test", 10'000, error);
  ASSERT_EQ(error, 0);
  EXPECT_GE(region.memory().size(), 10'000U);
  EXPECT_NE(ftruncate(region.descriptor(), 0), 0);
  EXPECT_NE(ftruncate(region.descriptor(), 1 << 20), 0);
  EXPECT_NE(fcntl(region.descriptor(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(SharedRegion, IsReadOnlyForEveryoneButItsMakerIfAskedFor) {
  int error = 0;
  const SharedRegion region = SharedRegion::create("meridian-test", 4096, error, Writers::maker);
  ASSERT_EQ(error, 0);
  const int descriptor = region.descriptor();
  EXPECT_EQ(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), MAP_FAILED);
  EXPECT_LT(write(descriptor, "x", 1), 0);
  void* view = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, descriptor, 0);
  ASSERT_NE(view, MAP_FAILED);
  EXPECT_NE(mprotect(view, 4096, PROT_READ | PROT_WRITE), 0);
  region.memory()[7] = std::byte{42};
  EXPECT_EQ(static_cast<const std::byte*>(view)[7], std::byte{42});
  EXPECT_NE(ftruncate(descriptor, 0), 0);
  munmap(view, 4096);
}

TEST(SharedRegion, CarriesARingBetweenProcesses) {
  constexpr std::uint64_t messages = 50'000;
  constexpr std::uint32_t capacity = 64;
  int error = 0;
  SharedRegion region =
      SharedRegion::create("meridian-test", sizeof(RingCursors) + capacity * sizeof(Slot), error);
  ASSERT_EQ(error, 0);
  auto* cursors = new (region.memory().data()) RingCursors{};
  auto* slots = reinterpret_cast<Slot*>(region.memory().data() + sizeof(RingCursors));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    RingWriter<Slot> writer(*cursors, slots, capacity);
    for (std::uint64_t value = 0; value < messages;) {
      if (Slot* slot = writer.next(); slot != nullptr) {
        slot->value = value++;
        writer.publish();
      }
    }
    _exit(0);
  }
  RingReader<Slot> reader(*cursors, slots, capacity);
  for (std::uint64_t expected = 0; expected < messages;) {
    if (reader.available() == 0) {
      sched_yield();
      continue;
    }
    ASSERT_EQ(reader.at(0).value, expected++);
    reader.advance(1);
    reader.release();
  }
  int status = -1;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace meridian::rings
