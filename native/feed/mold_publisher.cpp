#include "feed/mold_publisher.hpp"

#include <cstring>

namespace meridian::feed {
namespace {

namespace mold = protocols::mold;

// Appends a message with its length; the packet has room.
void append(std::byte* packet, std::size_t& size, protocols::Bytes message) noexcept {
  protocols::store_big<mold::message_length_bytes>(packet + size, message.size());
  std::memcpy(packet + size + mold::message_length_bytes, message.data(), message.size());
  size += mold::message_length_bytes + message.size();
}

bool fits(std::size_t size, protocols::Bytes message) noexcept {
  return size + mold::message_length_bytes + message.size() <= packet_bytes;
}

}  // namespace

void MoldPublisher::put(protocols::Bytes message) noexcept {
  if (is_silent_) {
    store_.append(message);
    packet_first_ = store_.next();
    return;
  }
  if (!fits(packet_size_, message)) {
    send_packet();
  }
  store_.append(message);
  append(packet_, packet_size_, message);
  ++packet_count_;
}

void MoldPublisher::send_packet() noexcept {
  mold::encode_header({session_, packet_first_, packet_count_}, packet_);
  port_.send(port_.context, {packet_, packet_size_});
  take_memory();
  ++packets_;
  packet_first_ += packet_count_;
  packet_count_ = 0;
  packet_size_ = mold::header_bytes;
}

void MoldPublisher::flush(std::uint64_t now_ns) noexcept {
  if (packet_count_ != 0) {
    send_packet();
    sent_ns_ = now_ns;
  }
}

void MoldPublisher::send_bare(std::uint16_t count, std::uint64_t now_ns) noexcept {
  // Nothing has gathered: what there was has left before.
  mold::encode_header({session_, store_.next(), count}, packet_);
  port_.send(port_.context, {packet_, mold::header_bytes});
  take_memory();
  ++packets_;
  sent_ns_ = now_ns;
}

void MoldPublisher::tick(std::uint64_t now_ns) noexcept {
  flush(now_ns);
  if (now_ns - sent_ns_ >= heartbeat_ns && !is_over(now_ns)) {
    send_bare(is_ended_ ? mold::end_of_session_count : mold::heartbeat_count, now_ns);
  }
}

void MoldPublisher::end(std::uint64_t now_ns) noexcept {
  flush(now_ns);
  is_ended_ = true;
  ended_ns_ = now_ns;
  send_bare(mold::end_of_session_count, now_ns);
}

MoldReplayer::Answer MoldReplayer::judge(protocols::Bytes request,
                                         mold::Header& asked) const noexcept {
  if (mold::decode_request(request, asked) != mold::Fault::none) {
    return Answer::malformed;
  }
  if (!(asked.session == session_)) {
    return Answer::other_session;
  }
  if (asked.count == 0 || asked.sequence >= store_.next()) {
    return Answer::unknown;
  }
  return asked.sequence < store_.oldest() ? Answer::too_old : Answer::sent;
}

MoldReplayer::Answer MoldReplayer::answer(protocols::Bytes request,
                                          std::array<std::byte, packet_bytes>& packet,
                                          std::size_t& size) noexcept {
  mold::Header asked;
  const Answer verdict = judge(request, asked);
  ++counts_[static_cast<std::size_t>(verdict)];
  size = 0;
  if (verdict != Answer::sent) {
    return verdict;
  }
  std::size_t filled = mold::header_bytes;
  std::uint16_t count = 0;
  while (count < asked.count && store_.has(asked.sequence + count) &&
         fits(filled, store_.at(asked.sequence + count))) {
    append(packet.data(), filled, store_.at(asked.sequence + count));
    ++count;
  }
  mold::encode_header({session_, asked.sequence, count}, packet.data());
  size = filled;
  return verdict;
}

}  // namespace meridian::feed
