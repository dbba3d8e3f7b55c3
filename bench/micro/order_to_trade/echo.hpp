// The same two rings with nothing behind them, and two cache lines that pass between two
// processors: what the machine can do at most while a burst is measured.
#pragma once
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>

#include "micro/machine.hpp"
#include "rings/spsc_ring.hpp"
#include "wire/command.hpp"
#include "wire/event.hpp"

namespace meridian::bench {

inline void relax() { _mm_pause(); }

// A process that gives each command back as one event. It spins while it is switched on, and sleeps
// otherwise.
class Echo {
 public:
  Echo(int processor, bool wants_fifo) {
    void* memory = mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) {
      return;
    }
    shared_ = new (memory) Shared{};
    process_ = fork();
    if (process_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      alarm(300);
      pin_to(processor);
      if (wants_fifo) {
        sched_param parameters{};
        parameters.sched_priority = 50;
        sched_setscheduler(0, SCHED_FIFO, &parameters);
      }
      serve();
      _exit(0);
    }
    commands_ = std::make_unique<rings::RingWriter<wire::Command>>(shared_->command_cursors,
                                                                   shared_->commands, slots);
    events_ = std::make_unique<rings::RingReader<wire::Event>>(shared_->event_cursors,
                                                               shared_->events, slots);
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  ~Echo() {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
    }
    if (shared_ != nullptr) {
      munmap(shared_, sizeof(Shared));
    }
  }

  [[nodiscard]] bool is_ready() const { return process_ > 0; }

  // On: waits until the other side spins.
  void set_spinning(bool is_on) {
    shared_->wanted.store(is_on ? 1 : 0);
    while (shared_->spinning.load() != (is_on ? 1U : 0U)) {
      const timespec pause{0, 100'000};
      nanosleep(&pause, nullptr);
    }
  }

  // One command and its event; ends when the event has been read.
  void round_trip(const wire::Command& command) {
    *commands_->next() = command;
    commands_->publish_ordered();
    while (events_->available() == 0) {
      relax();
    }
    seen_ = events_->at(0);
    events_->advance(1);
    events_->release_ordered();
  }

  // Round trips of one cache line between the two processors, in ticks.
  void ping_pong(int rounds, Histogram& into) {
    for (int round = 0; round < rounds; ++round) {
      const std::uint64_t value = ++ping_;
      const std::uint64_t before = __rdtsc();
      shared_->ping.store(value, std::memory_order_release);
      while (shared_->pong.load(std::memory_order_acquire) != value) {
      }
      into.add(__rdtsc() - before);
    }
  }

 private:
  static constexpr std::uint32_t slots = 1U << 14U;

  struct Shared {
    alignas(rings::separation_bytes) std::atomic<std::uint32_t> wanted{0};
    alignas(rings::separation_bytes) std::atomic<std::uint32_t> spinning{0};
    alignas(rings::separation_bytes) std::atomic<std::uint64_t> ping{0};
    alignas(rings::separation_bytes) std::atomic<std::uint64_t> pong{0};
    rings::RingCursors command_cursors{};
    rings::RingCursors event_cursors{};
    wire::Command commands[slots]{};
    wire::Event events[slots]{};
  };

  [[noreturn]] void serve() {
    rings::RingReader<wire::Command> commands(shared_->command_cursors, shared_->commands, slots);
    rings::RingWriter<wire::Event> events(shared_->event_cursors, shared_->events, slots);
    for (;;) {
      if (shared_->wanted.load() == 0) {
        shared_->spinning.store(0);
        const timespec pause{0, 500'000};
        nanosleep(&pause, nullptr);
        continue;
      }
      shared_->spinning.store(1);
      for (std::uint32_t turn = 0; turn < 1'000; ++turn) {
        if (const std::uint64_t ping = shared_->ping.load(std::memory_order_acquire);
            ping != shared_->pong.load(std::memory_order_relaxed)) {
          shared_->pong.store(ping, std::memory_order_release);
          turn = 0;
        }
        if (commands.available() == 0) {
          relax();
          continue;
        }
        turn = 0;
        const wire::Command command = commands.at(0);
        wire::Event* event = events.next();
        if (event != nullptr) {
          event->tag = command.tag;
          event->flags = wire::event_is_last;
        }
        commands.advance(1);
        commands.release();
        events.publish();
      }
    }
  }

  Shared* shared_ = nullptr;
  pid_t process_ = -1;
  std::unique_ptr<rings::RingWriter<wire::Command>> commands_;
  std::unique_ptr<rings::RingReader<wire::Event>> events_;
  wire::Event seen_{};
  std::uint64_t ping_ = 0;
};

}  // namespace meridian::bench
