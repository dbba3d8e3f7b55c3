// The four functions that a compiler calls of its own accord, whatever it is told to leave out.
#include <cstddef>
#include <cstring>

extern "C" {

void* memcpy(void* to, const void* from, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  for (std::size_t index = 0; index < size; ++index) {
    bytes[index] = source[index];
  }
  return to;
}

void* memmove(void* to, const void* from, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  if (bytes < source) {
    return memcpy(to, from, size);
  }
  for (std::size_t index = size; index > 0; --index) {
    bytes[index - 1] = source[index - 1];
  }
  return to;
}

void* memset(void* to, int value, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(to);
  for (std::size_t index = 0; index < size; ++index) {
    bytes[index] = static_cast<unsigned char>(value);
  }
  return to;
}

int memcmp(const void* left, const void* right, std::size_t size) {
  const auto* one = static_cast<const unsigned char*>(left);
  const auto* other = static_cast<const unsigned char*>(right);
  for (std::size_t index = 0; index < size; ++index) {
    if (one[index] != other[index]) {
      return one[index] < other[index] ? -1 : 1;
    }
  }
  return 0;
}

}  // extern "C"
