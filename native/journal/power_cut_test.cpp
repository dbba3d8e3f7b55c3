// What a log keeps when the power goes, on a disk that keeps no more than it must.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <random>

#include "journal/log.hpp"
#include "journal/seal_file.hpp"
#include "journal/snapshot_file.hpp"
#include "journal/test_disk.hpp"
#include "journal/test_support.hpp"

namespace meridian::journal {
namespace {

const std::string folder = "/log";

std::uint64_t number_of(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}
// A slice in the tests, more by `npm run soak -- power-cut`.
std::uint64_t seeds() { return number_of("MERIDIAN_POWER_CUT_SEEDS", 100); }
std::uint64_t first_seed() { return number_of("MERIDIAN_SEED", 20260101); }

// One life of a log with many ends: what was acknowledged must be there at the next beginning, in
// order and once, and nothing that was never sent.
class Life {
 public:
  Life(std::uint64_t seed, const std::string& forgotten_flush)
      : random_(seed), disk_(seed), segment_(50 + random_() % 350) {
    disk_.forgotten_flush = forgotten_flush;
  }

  // What was wrong; empty when nothing was.
  std::string run() {
    for (int end = 0; end < 12 && fault_.empty(); ++end) {
      disk_.fail_after(random_() % 60);
      if (open()) {
        work();
      }
      log_.reset();
      if (random_() % 4 == 0) {
        disk_.restart_process();
      } else {
        disk_.cut_power();
      }
    }
    if (fault_.empty() && !open()) {
      fault_ = reason_;
    }
    return fault_;
  }

  [[nodiscard]] const std::set<std::string>& flushes() const { return disk_.flushes(); }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  bool open() {
    Recovery recovery;
    std::uint64_t found = 0;
    reason_.clear();
    log_ = Log::open(
        disk_, folder,
        [&](std::span<const Record> records) {
          if (found == 0) {
            found = records.front().prefix().sequence - 1;
          }
          for (const Record& record : records) {
            if (record.bytes != make_record(++found).bytes) {
              fault_ = "record " + std::to_string(found) + " is another";
            }
          }
        },
        recovery, reason_, segment_);
    if (log_ == nullptr) {
      if (!disk_.has_failed()) {
        fault_ = "refused: " + reason_;
      }
      return false;
    }
    found = std::max(found, recovery.last_sequence);
    if (recovery.first_sequence > trimmed_ + 1) {
      fault_ = "the log begins at " + std::to_string(recovery.first_sequence) + ", trimmed at " +
               std::to_string(trimmed_);
    }
    if (found < acknowledged_ || found > sent_) {
      fault_ = std::to_string(found) + " records of " + std::to_string(sent_) + " sent and " +
               std::to_string(acknowledged_) + " acknowledged";
    }
    if (!id_.empty() && id_ != log_->id()) {
      fault_ = "the log has another id";
    }
    id_ = log_->id();
    check_snapshots();
    // Who reads them may act on them.
    acknowledged_ = found;
    sent_ = found;
    return fault_.empty();
  }

  // The newest that was acknowledged is there and whole, or a newer one.
  void check_snapshots() {
    std::vector<std::uint64_t> sequences;
    list_snapshots(disk_, folder, sequences);
    std::uint64_t newest = 0;
    for (const std::uint64_t sequence : sequences) {
      Snapshot snapshot;
      std::string why;
      if (!read_snapshot(disk_, folder, sequence, snapshot, why)) {
        fault_ = why;
      }
      newest = std::max(newest, sequence);
    }
    if (newest < snapshot_) {
      fault_ = "the newest snapshot is " + std::to_string(newest) + ", acknowledged was " +
               std::to_string(snapshot_);
    }
    snapshot_ = newest;
  }

  void snap() {
    Snapshot snapshot;
    snapshot.state.resize(random_() % 3'000, std::byte{7});
    snapshot.header.sequence = acknowledged_;
    if (write_snapshot(disk_, folder, snapshot) == 0) {
      snapshot_ = acknowledged_;
    }
  }

  // The seals say where the log begins before the first segment goes.
  void trim() {
    const std::uint64_t base = trimmed_ + random_() % (acknowledged_ - trimmed_ + 1);
    trimmed_ = base;
    if (base > 0 && begin_seals(disk_, folder, {.sequence = base}) == 0) {
      log_->trim(base);
    }
  }

  void work() {
    while (!disk_.has_failed()) {
      if (random_() % 8 == 0) {
        log_->prepare_spare();
      }
      if (random_() % 6 == 0) {
        snap();
      }
      if (random_() % 10 == 0) {
        trim();
      }
      const std::uint64_t count = 1 + (random_() % 4 == 0 ? random_() % 600 : random_() % 12);
      sent_ += count;
      const auto appended = log_->append(make_records(acknowledged_ + 1, count), reason_);
      if (appended == Appended::all) {
        acknowledged_ = sent_;
      } else {
        acknowledged_ = log_->last_sequence();
        return;
      }
    }
  }

  std::mt19937_64 random_;
  TestDisk disk_;
  std::uint64_t segment_;
  std::unique_ptr<Log> log_;
  std::string id_;
  std::string reason_;
  std::string fault_;
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t snapshot_ = 0;
  // Records up to here may be gone.
  std::uint64_t trimmed_ = 0;
};

TEST(PowerCut, KeepsEveryAcknowledgedRecordInOrderAndOnce) {
  std::uint64_t acknowledged = 0;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
    Life life(seed, "");
    ASSERT_EQ(life.run(), "") << "SEED=" << seed
                              << " replay: MERIDIAN_POWER_CUT_SEEDS=1 MERIDIAN_SEED=" << seed;
    acknowledged += life.acknowledged();
  }
  EXPECT_GT(acknowledged, seeds() * 100) << "the disk dies before anything happens";
}

// The test above proves nothing that it would not notice: without any one of the flushes in the
// code it must fail.
TEST(PowerCut, IsNoticedWhenAnyFlushIsMissing) {
  std::set<std::string> flushes;
  for (std::uint64_t seed = first_seed(); seed < first_seed() + 100; ++seed) {
    Life life(seed, "");
    ASSERT_EQ(life.run(), "") << "SEED=" << seed;
    flushes.insert(life.flushes().begin(), life.flushes().end());
  }
  // It keeps the first commit into a segment from waiting for a megabyte of zeros, no more.
  flushes.erase("sync segment.spare");
  for (const std::string& forgotten : flushes) {
    bool is_noticed = false;
    for (std::uint64_t seed = first_seed(); seed < first_seed() + 2000 && !is_noticed; ++seed) {
      is_noticed = !Life(seed, forgotten).run().empty();
    }
    EXPECT_TRUE(is_noticed) << "nobody misses: " << forgotten;
  }
  EXPECT_GT(flushes.size(), 4U);
}

// A log of 500 records in segments of 100, and what a later opening makes of it.
class Damage {
 public:
  Damage() {
    EXPECT_TRUE(open());
    std::string reason;
    EXPECT_EQ(log_->append(make_records(1, 500), reason), Appended::all);
    log_.reset();
    disk_.restart_process();
  }
  // What was wrong with the answer to the damage: it is named, or nothing is missing.
  std::string judge() {
    if (!open()) {
      return reason_.find("damage") != std::string::npos ||
                     reason_.find("version") != std::string::npos
                 ? ""
                 : "refused without a name: " + reason_;
    }
    log_.reset();
    return found_ == 500 || recovery_.cut_bytes > 0 ? "" : std::to_string(found_) + " of 500";
  }
  std::vector<std::byte>& segment(std::uint64_t number) {
    return *disk_.content(folder + "/" + segment_name(number * 100 + 1));
  }

 private:
  bool open() {
    found_ = 0;
    recovery_ = {};
    log_ = Log::open(
        disk_, folder,
        [&](std::span<const Record> records) {
          for (const Record& record : records) {
            EXPECT_EQ(record.bytes, make_record(++found_).bytes);
          }
        },
        recovery_, reason_, 100);
    return log_ != nullptr;
  }

  TestDisk disk_{1};
  std::unique_ptr<Log> log_;
  Recovery recovery_;
  std::uint64_t found_ = 0;
  std::string reason_;
};

TEST(Damage, OfAnyBitIsNamedOrHarmless) {
  std::mt19937_64 random(first_seed());
  for (int round = 0; round < 300; ++round) {
    Damage damage;
    auto& bytes = damage.segment(random() % 5);
    const std::size_t bit = random() % (bytes.size() * 8);
    bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    ASSERT_EQ(damage.judge(), "") << "SEED=" << first_seed() << " round " << round;
  }
}

// A last segment that ends between two records is a log with fewer of them: its accepted journal
// tells, not its files.
TEST(Damage, ByTruncationInsideARecordIsNamedOrHarmless) {
  std::mt19937_64 random(first_seed());
  for (int round = 0; round < 300; ++round) {
    Damage damage;
    auto& bytes = damage.segment(random() % 5);
    const std::size_t length = random() % bytes.size();
    bytes.resize(length % wire::record_bytes == 0 ? length + 1 : length);
    ASSERT_EQ(damage.judge(), "") << "SEED=" << first_seed() << " round " << round;
  }
}

TEST(FullDisk, KeepsEverythingAndGoesOnWhenThereIsRoom) {
  TestDisk disk(1);
  disk.capacity = 120'000;
  Recovery recovery;
  std::string reason;
  const auto log = Log::open(disk, folder, [](std::span<const Record>) {}, recovery, reason, 100);
  ASSERT_NE(log, nullptr) << reason;
  EXPECT_EQ(log->append(make_records(1, 5'000), reason), Appended::no_room);
  EXPECT_NE(reason.find(std::strerror(ENOSPC)), std::string::npos) << reason;
  const std::uint64_t durable = log->last_sequence();
  EXPECT_GE(durable, 900U);
  EXPECT_EQ(log->prepare_spare(), -ENOSPC);
  EXPECT_EQ(log->append(make_records(durable + 1, 10), reason), Appended::no_room);
  disk.capacity = SIZE_MAX;
  EXPECT_EQ(log->append(make_records(durable + 1, 5'000), reason), Appended::all);
  EXPECT_EQ(log->last_sequence(), durable + 5'000);
}

}  // namespace
}  // namespace meridian::journal
