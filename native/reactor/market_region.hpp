// The memory that a market shares with JavaScript (and later with other producers).
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "journal/journal.hpp"
#include "reactor/latency_histogram.hpp"
#include "rings/spsc_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::reactor {

// Start of the region; the command slots follow, then the event slots. Numbers that JavaScript
// reads alone are doubles: it has no whole 64-bit integers, and all of them stay below 2^53.
struct MarketRegion {
  rings::RingCursors commands;  // producer JavaScript, consumer the match thread
  rings::RingCursors events;    // producer the match thread, consumer JavaScript

  // Written by the match thread only, relaxed: JavaScript orders its reads by the ring cursors,
  // which are published after these.
  alignas(rings::separation_bytes) std::atomic<double> matched;  // last sequence processed
  std::atomic<double> event_ring_stalls;  // times the match thread had to wait for room for events
  std::atomic<double> resting_orders;
  std::atomic<std::uint64_t> digest;

  journal::JournalStatus journal;

  // Doorbells: set by JavaScript, cleared by the thread that rings.
  alignas(rings::separation_bytes) std::atomic<std::uint32_t> events_armed;
  std::atomic<std::uint32_t> durable_armed;

  // What the market's owner says about what may leave: written by it only. See OutputGate.
  alignas(rings::separation_bytes) std::atomic<double> committed;
  std::atomic<double> lease_until_ns;

  // Written by the match thread only.
  alignas(rings::separation_bytes) LatencyHistogram service_time;
};
static_assert(std::atomic<double>::is_always_lock_free);

inline constexpr std::size_t market_slots_offset = 16384;
static_assert(sizeof(MarketRegion) <= market_slots_offset);

// Of one command in `sample_interval`: where its service time went.
enum class Stage : std::uint8_t {
  sequence = 0,  // from the ring to its stamp and record
  match = 1,     // checks, matching, its events written and shown
  hand_on = 2,   // its record passed to the journal
};
inline constexpr std::size_t stage_count = 3;
inline constexpr std::uint64_t sample_interval = 64;

// What a market tells of itself: memory of its own, read-only for everybody else, so that a scraper
// in another process disturbs nothing. Written by the match thread, relaxed, where nothing else is
// said.
struct MarketMetrics {
  static constexpr std::uint64_t expected_magic = 0x3254'454D'4B52'4D4DULL;  // "MMRKMET2"

  std::uint64_t magic = expected_magic;  // changes with the layout
  std::uint64_t stages_per_command = stage_count;
  LatencyHistogram stages[stage_count];
  // Commands by their kind; those of unknown kinds are in the first.
  alignas(rings::separation_bytes) std::atomic<std::uint64_t> commands[16];

  // Written by the thread that watches over the market: the last alert, and whether it stands.
  alignas(rings::separation_bytes) std::atomic<std::uint64_t> alerts;  // raised so far
  std::atomic<std::uint64_t> slow_p50_ns;
  std::atomic<std::uint64_t> usual_p50_ns;
  std::atomic<std::uint32_t> slow_cause;  // Cause of latency_detector.hpp
  std::atomic<std::uint32_t> is_slow;

  // Written by the journal thread: how long each group of records took to be on the disk, and how
  // many records that were.
  alignas(rings::separation_bytes) LatencyHistogram commits;
  std::atomic<std::uint64_t> committed_records;
};

// What all markets of a reactor share with JavaScript.
struct ReactorRegion {
  // Parking word of the match thread.
  alignas(rings::separation_bytes) std::atomic<std::uint32_t> parked;
  // Gaps above 1 µs between two turns of the idle match thread: what the machine takes away.
  alignas(rings::separation_bytes) LatencyHistogram hiccups;
  // Written by the match thread only: times it went to sleep.
  alignas(rings::separation_bytes) std::atomic<std::uint64_t> parkings;
  // Written once by the match thread, before it serves: what of its placement it got.
  std::atomic<std::uint32_t> placed;  // placed_… bits
  // Written by the match thread, once a second: its counter beside the kernel's clock.
  std::atomic<std::uint64_t> clock_checks;
  std::atomic<std::uint64_t> clock_worst_error_ns;
  std::atomic<std::uint64_t> clock_restarts;  // the rate was measured anew
};
inline constexpr std::uint32_t placed_known = 1;  // the other bits are true
inline constexpr std::uint32_t placed_pinned = 2;
inline constexpr std::uint32_t placed_fifo = 4;

}  // namespace meridian::reactor
