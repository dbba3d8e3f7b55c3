// A stream of messages as MoldUDP64 packets, and the answers to those who missed some.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "protocols/message_store.hpp"
#include "protocols/mold.hpp"

namespace meridian::feed {

using protocols::ItchStore;

struct PacketPort {
  void* context = nullptr;
  void (*send)(void* context, protocols::Bytes packet) noexcept = nullptr;
  // Where the next packet is made, packet_bytes long; asked for again after each send. Without it
  // packets are made in memory of the publisher's.
  std::byte* (*memory)(void* context) noexcept = nullptr;
};

// What a packet may have in an Ethernet frame, with room for tunnels.
inline constexpr std::size_t packet_bytes = 1400;

class MoldPublisher {
 public:
  static constexpr std::uint64_t heartbeat_ns = 1'000'000'000;
  // How long the end of a session is repeated.
  static constexpr std::uint64_t farewell_ns = 30'000'000'000;

  // `store` outlives the publisher and is written by it alone.
  MoldPublisher(const protocols::mold::Session& session, ItchStore& store, PacketPort port) noexcept
      : session_(session), store_(store), port_(port), packet_first_(store.next()) {
    take_memory();
  }
  MoldPublisher(const MoldPublisher&) = delete;
  MoldPublisher& operator=(const MoldPublisher&) = delete;

  // The next message. Packets leave when they are full, and with flush().
  void put(protocols::Bytes message) noexcept;
  // Messages are only kept, not sent, while this is on. Nothing may have gathered when it changes.
  void keep_silent(bool is_silent) noexcept { is_silent_ = is_silent; }
  // Sends what has gathered: at the end of a turn.
  void flush(std::uint64_t now_ns) noexcept;
  // Sends a heartbeat when nothing left for a second, or the end again.
  void tick(std::uint64_t now_ns) noexcept;
  // No message follows.
  void end(std::uint64_t now_ns) noexcept;
  // The end has been told long enough.
  [[nodiscard]] bool is_over(std::uint64_t now_ns) const noexcept {
    return is_ended_ && now_ns - ended_ns_ >= farewell_ns;
  }

  [[nodiscard]] const protocols::mold::Session& session() const noexcept { return session_; }
  [[nodiscard]] std::uint64_t packets() const noexcept { return packets_; }

 private:
  void take_memory() noexcept {
    packet_ = port_.memory == nullptr ? own_.data() : port_.memory(port_.context);
  }
  void send_packet() noexcept;
  void send_bare(std::uint16_t count, std::uint64_t now_ns) noexcept;

  protocols::mold::Session session_;
  ItchStore& store_;
  PacketPort port_;
  std::array<std::byte, packet_bytes> own_{};
  std::byte* packet_ = nullptr;
  std::size_t packet_size_ = protocols::mold::header_bytes;
  std::uint64_t packet_first_;
  std::uint16_t packet_count_ = 0;
  std::uint64_t sent_ns_ = 0;
  std::uint64_t ended_ns_ = 0;
  std::uint64_t packets_ = 0;
  bool is_ended_ = false;
  bool is_silent_ = false;
};

// Answers re-requests out of a store.
class MoldReplayer {
 public:
  enum class Answer : std::uint8_t {
    sent = 0,
    malformed = 1,
    other_session = 2,
    too_old = 3,  // no longer kept: a snapshot is the way back
    unknown = 4,  // asks for nothing, or for what is yet to come
  };
  static constexpr std::size_t answers = 5;

  MoldReplayer(const protocols::mold::Session& session, const ItchStore& store) noexcept
      : session_(session), store_(store) {}

  // Writes a packet with the first messages asked for, as many as fit it. `size` is 0 unless sent:
  // the protocol has no refusal, so they are only counted.
  Answer answer(protocols::Bytes request, std::array<std::byte, packet_bytes>& packet,
                std::size_t& size) noexcept;

  [[nodiscard]] std::uint64_t count(Answer answer) const noexcept {
    return counts_[static_cast<std::size_t>(answer)];
  }

 private:
  [[nodiscard]] Answer judge(protocols::Bytes request,
                             protocols::mold::Header& asked) const noexcept;

  protocols::mold::Session session_;
  const ItchStore& store_;
  std::array<std::uint64_t, answers> counts_{};
};

}  // namespace meridian::feed
