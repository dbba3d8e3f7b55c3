// A wide-area network between network namespaces of this machine, in user space: the kernels this
// project meets have no netem. Each site is a namespace with a TUN device; every packet between two
// sites passes through this process, which delays, drops, limits or cuts it by direction.
//
//   wan_router --hosts=FILE --seed=N --sites=NAME,NAME,... -- PROGRAM ARGUMENT...
//
// PROGRAM runs in the namespace of the last site and controls the network over file descriptor 3, a
// stream socket, a line each: "link FROM TO DELAY_US LOSS_PPM BYTES_PER_SECOND CUT", answered "ok"
// or "error ...", and "counts FROM TO", answered "counts PASSED BYTES LOST CUT FULL".
// $MERIDIAN_SITES tells it "NAME=PID,...": the processes whose namespaces are the sites' (`nsenter
// -t PID -n -m`). FILE stands in for /etc/hosts there. The namespaces end with their last process;
// the holders end with the router.

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t largest_packet = 2048;
constexpr std::size_t packets_on_the_way = 16384;
constexpr std::uint64_t nanoseconds = 1'000'000'000;
// What a limited link cannot send within this time it drops, as a line's buffer does.
constexpr std::uint64_t longest_queue_ns = nanoseconds / 2;
constexpr int control_descriptor = 3;
constexpr int device_mtu = 1500;

struct Packet {
  std::uint64_t due_ns;
  std::vector<unsigned char> bytes;
};

// One direction between two sites.
struct Link {
  std::uint64_t delay_ns = 0;
  std::uint32_t loss_ppm = 0;
  std::uint64_t bytes_per_second = 0;  // 0: no limit
  bool cut = false;
  std::uint64_t free_at_ns = 0;  // when the last byte sent so far has left the sender
  std::deque<Packet> on_the_way;
  std::uint64_t passed = 0, bytes = 0, lost = 0, dropped_by_cut = 0, full = 0;
};

struct Site {
  std::string name;
  pid_t holder = -1;
  int device = -1;
};

[[noreturn]] void fail(const std::string& what) {
  // 77: this machine does not allow it; any other failure has the code 1.
  const int cause = errno;
  const bool forbidden = cause == EPERM || cause == EACCES || cause == ENOENT || cause == ENODEV;
  std::fprintf(stderr, "wan_router: %s: %s\n", what.c_str(), std::strerror(cause));
  std::exit(forbidden ? 77 : 1);
}

std::uint64_t now_ns() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (static_cast<std::uint64_t>(time.tv_sec) * nanoseconds) +
         static_cast<std::uint64_t>(time.tv_nsec);
}

// Site number n has 10.77.(n+1).1; all sites are on one network, the router between them.
in_addr address_of(std::size_t site) {
  in_addr address{};
  address.s_addr =
      htonl((10U << 24) | (77U << 16) | (static_cast<std::uint32_t>(site + 1) << 8) | 1U);
  return address;
}

void set_address(int query, ifreq& request, unsigned long operation, in_addr address) {
  sockaddr_in wanted{};
  wanted.sin_family = AF_INET;
  wanted.sin_addr = address;
  std::memcpy(&request.ifr_addr, &wanted, sizeof wanted);
  if (ioctl(query, operation, &request) != 0) {
    fail("address of a device");
  }
}

void bring_up(int query, const char* name) {
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
  if (ioctl(query, SIOCGIFFLAGS, &request) != 0) {
    fail("flags of a device");
  }
  request.ifr_flags = static_cast<std::int16_t>(request.ifr_flags | IFF_UP | IFF_RUNNING);
  if (ioctl(query, SIOCSIFFLAGS, &request) != 0) {
    fail("bringing a device up");
  }
}

// In the namespace of the calling process.
int open_device(std::size_t site) {
  const int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (device < 0) {
    fail("/dev/net/tun");
  }
  ifreq request{};
  std::snprintf(request.ifr_name, sizeof request.ifr_name, "wan0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(device, TUNSETIFF, &request) != 0) {
    fail("making a TUN device");
  }
  const int query = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (query < 0) {
    fail("socket");
  }
  set_address(query, request, SIOCSIFADDR, address_of(site));
  in_addr mask{};
  mask.s_addr = htonl(0xffff0000U);
  set_address(query, request, SIOCSIFNETMASK, mask);
  request.ifr_mtu = device_mtu;
  if (ioctl(query, SIOCSIFMTU, &request) != 0) {
    fail("MTU of a device");
  }
  bring_up(query, "wan0");
  bring_up(query, "lo");
  close(query);
  return device;
}

void send_device(int channel, int device) {
  char byte = 'd';
  iovec content{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &device, sizeof device);
  if (sendmsg(channel, &message, 0) != 1) {
    fail("handing a device over");
  }
}

int receive_device(int channel) {
  char byte = 0;
  iovec content{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = room.data();
  message.msg_controllen = room.size();
  if (recvmsg(channel, &message, MSG_CMSG_CLOEXEC) != 1) {
    return -1;
  }
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) {
    return -1;
  }
  int device = -1;
  std::memcpy(&device, CMSG_DATA(header), sizeof device);
  return device;
}

// The namespace's first process: makes it, hands the device over, and holds it until the router
// ends.
[[noreturn]] void hold(std::size_t site, const std::string& hosts, int channel) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    fail("making a namespace");
  }
  // What is mounted outside later is seen in here, and nothing of the other way round.
  if (mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    fail("mounts of a namespace");
  }
  if (mount(hosts.c_str(), "/etc/hosts", nullptr, MS_BIND, nullptr) != 0) {
    fail("mounting hosts");
  }
  const int device = open_device(site);
  send_device(channel, device);
  close(device);
  for (;;) {
    pause();
  }
}

Site make_site(std::size_t number, const std::string& name, const std::string& hosts) {
  std::array<int, 2> channel{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel.data()) != 0) {
    fail("socketpair");
  }
  const pid_t holder = fork();
  if (holder < 0) {
    fail("fork");
  }
  if (holder == 0) {
    close(channel[0]);
    hold(number, hosts, channel[1]);
  }
  close(channel[1]);
  const int device = receive_device(channel[0]);
  close(channel[0]);
  if (device < 0) {
    int status = 0;
    waitpid(holder, &status, 0);
    std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
  }
  return Site{name, holder, device};
}

class Network {
 public:
  Network(std::vector<Site> sites, std::uint64_t seed)
      : sites_(std::move(sites)), links_(sites_.size() * sites_.size()), random_(seed) {}

  [[nodiscard]] const std::vector<Site>& sites() const { return sites_; }

  std::string command(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::string from;
    std::string to;
    words >> verb >> from >> to;
    Link* link = find(from, to);
    if (link == nullptr) {
      return "error no such link: " + line;
    }
    if (verb == "counts") {
      std::ostringstream counts;
      counts << "counts " << link->passed << ' ' << link->bytes << ' ' << link->lost << ' '
             << link->dropped_by_cut << ' ' << link->full;
      return counts.str();
    }
    std::uint64_t delay_us = 0;
    std::uint32_t loss_ppm = 0;
    std::uint64_t bytes_per_second = 0;
    int cut = 0;
    words >> delay_us >> loss_ppm >> bytes_per_second >> cut;
    if (verb != "link" || words.fail()) {
      return "error not understood: " + line;
    }
    link->delay_ns = delay_us * 1000;
    link->loss_ppm = loss_ppm;
    link->bytes_per_second = bytes_per_second;
    link->cut = cut != 0;
    if (link->cut) {
      link->dropped_by_cut += link->on_the_way.size();
      link->on_the_way.clear();
    }
    return "ok";
  }

  void read_from(std::size_t site) {
    std::array<unsigned char, largest_packet> buffer{};
    for (int count = 0; count < 256; count += 1) {
      const ssize_t length = read(sites_[site].device, buffer.data(), buffer.size());
      if (length <= 0) {
        return;
      }
      take(site, buffer.data(), static_cast<std::size_t>(length));
    }
  }

  // Delivers what is due; returns when the next packet will be, UINT64_MAX for never.
  std::uint64_t deliver(std::uint64_t now) {
    std::uint64_t next = UINT64_MAX;
    for (std::size_t index = 0; index < links_.size(); index += 1) {
      Link& link = links_[index];
      while (!link.on_the_way.empty() && link.on_the_way.front().due_ns <= now) {
        const auto& bytes = link.on_the_way.front().bytes;
        // A device whose queue is full drops, as a network does.
        const ssize_t written =
            write(sites_[index % sites_.size()].device, bytes.data(), bytes.size());
        (written > 0 ? link.passed : link.full) += 1;
        link.bytes += written > 0 ? static_cast<std::uint64_t>(written) : 0;
        link.on_the_way.pop_front();
      }
      if (!link.on_the_way.empty()) {
        next = std::min(next, link.on_the_way.front().due_ns);
      }
    }
    return next;
  }

 private:
  Link* find(const std::string& from, const std::string& to) {
    const std::size_t a = index_of(from);
    const std::size_t b = index_of(to);
    const bool known = a < sites_.size() && b < sites_.size() && a != b;
    return known ? &links_[(a * sites_.size()) + b] : nullptr;
  }

  [[nodiscard]] std::size_t index_of(const std::string& name) const {
    std::size_t index = 0;
    while (index < sites_.size() && sites_[index].name != name) {
      index += 1;
    }
    return index;
  }

  void take(std::size_t from, const unsigned char* bytes, std::size_t length) {
    // IPv4 only: version 4, destination at byte 16, the third number names the site.
    if (length < 20 || (bytes[0] >> 4) != 4 || bytes[16] != 10 || bytes[17] != 77) {
      return;
    }
    const std::size_t to = static_cast<std::size_t>(bytes[18]) - 1;
    if (to >= sites_.size() || to == from) {
      return;
    }
    Link& link = links_[(from * sites_.size()) + to];
    if (link.cut) {
      link.dropped_by_cut += 1;
    } else if (link.loss_ppm > 0 && random_() % 1'000'000 < link.loss_ppm) {
      link.lost += 1;
    } else if (link.on_the_way.size() >= packets_on_the_way) {
      link.full += 1;
    } else {
      std::uint64_t leaves = now_ns();
      if (link.bytes_per_second > 0) {
        const std::uint64_t begins = std::max(link.free_at_ns, leaves);
        if (begins - leaves > longest_queue_ns) {
          link.full += 1;
          return;
        }
        link.free_at_ns = begins + (length * nanoseconds / link.bytes_per_second);
        leaves = link.free_at_ns;
      }
      // Never before the packet ahead, also when the delay has just been lowered.
      std::uint64_t due = leaves + link.delay_ns;
      if (!link.on_the_way.empty()) {
        due = std::max(due, link.on_the_way.back().due_ns);
      }
      link.on_the_way.push_back(Packet{due, {bytes, bytes + length}});
    }
  }

  std::vector<Site> sites_;
  std::vector<Link> links_;
  std::mt19937_64 random_;
};

std::string sites_text(const std::vector<Site>& sites) {
  std::ostringstream text;
  for (const Site& site : sites) {
    text << (text.tellp() > 0 ? "," : "") << site.name << '=' << site.holder;
  }
  return text.str();
}

void enter(const Site& site) {
  for (const auto& [kind, flag] : {std::pair{"net", CLONE_NEWNET}, std::pair{"mnt", CLONE_NEWNS}}) {
    const std::string path = "/proc/" + std::to_string(site.holder) + "/ns/" + kind;
    const int space = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (space < 0 || setns(space, flag) != 0) {
      fail(path);
    }
    close(space);
  }
}

pid_t start_program(const Network& network, char** arguments, int control) {
  const std::string sites = sites_text(network.sites());
  const pid_t program = fork();
  if (program < 0) {
    fail("fork");
  }
  if (program > 0) {
    return program;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::array<char, 4096> folder{};
  if (getcwd(folder.data(), folder.size()) == nullptr) {
    fail("getcwd");
  }
  if (dup2(control, control_descriptor) != control_descriptor) {
    fail("dup2");
  }
  setenv("MERIDIAN_SITES", sites.c_str(), 1);
  enter(network.sites().back());
  // The folder seen through the mounts of the new namespace.
  if (chdir(folder.data()) != 0) {
    fail("chdir");
  }
  execvp(arguments[0], arguments);
  fail(arguments[0]);
}

// Answers every whole line; false when the program has closed its end.
bool answer(Network& network, int control, std::string& unread) {
  std::array<char, 4096> buffer{};
  const ssize_t length = read(control, buffer.data(), buffer.size());
  if (length == 0) {
    return false;
  }
  if (length < 0) {
    return errno == EAGAIN || errno == EINTR;
  }
  unread.append(buffer.data(), static_cast<std::size_t>(length));
  for (std::size_t end = unread.find('\n'); end != std::string::npos; end = unread.find('\n')) {
    const std::string reply = network.command(unread.substr(0, end)) + "\n";
    unread.erase(0, end + 1);
    if (write(control, reply.data(), reply.size()) < 0) {
      return false;
    }
  }
  return true;
}

int wait_ms(std::uint64_t next, std::uint64_t now) {
  constexpr std::uint64_t longest_ms = 100;
  if (next == UINT64_MAX) {
    return static_cast<int>(longest_ms);
  }
  const std::uint64_t wait = next <= now ? 0 : (next - now + 999'999) / 1'000'000;
  return static_cast<int>(std::min(wait, longest_ms));
}

int run(Network& network, pid_t program, int control) {
  std::string unread;
  bool controlled = true;
  for (;;) {
    std::vector<pollfd> watched;
    for (const Site& site : network.sites()) {
      watched.push_back({site.device, POLLIN, 0});
    }
    watched.push_back({controlled ? control : -1, POLLIN, 0});
    const std::uint64_t now = now_ns();
    poll(watched.data(), watched.size(), wait_ms(network.deliver(now), now));
    for (std::size_t site = 0; site + 1 < watched.size(); site += 1) {
      if (watched[site].revents != 0) {
        network.read_from(site);
      }
    }
    if (watched.back().revents != 0) {
      controlled = answer(network, control, unread);
    }
    int status = 0;
    if (waitpid(program, &status, WNOHANG) == program) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
}

std::vector<std::string> split(std::string_view names) {
  std::vector<std::string> parts;
  std::istringstream text{std::string(names)};
  for (std::string part; std::getline(text, part, ',');) {
    parts.push_back(part);
  }
  return parts;
}

}  // namespace

int main(int count, char** arguments) {
  std::string hosts;
  std::vector<std::string> names;
  std::uint64_t seed = 1;
  int at = 1;
  for (; at < count && std::string_view(arguments[at]) != "--"; at += 1) {
    const std::string_view option = arguments[at];
    if (option.starts_with("--hosts=")) {
      hosts = option.substr(8);
    }
    if (option.starts_with("--sites=")) {
      names = split(option.substr(8));
    }
    if (option.starts_with("--seed=")) {
      seed = std::strtoull(arguments[at] + 7, nullptr, 10);
    }
  }
  if (at + 1 >= count || names.size() < 2 || hosts.empty()) {
    std::fputs("wan_router: --hosts=FILE --sites=NAME,NAME,... -- PROGRAM ...\n", stderr);
    return 2;
  }
  // A namespace must not outlive a router that was killed: every process of it is tied to its
  // parent.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<Site> sites;
  sites.reserve(names.size());
  for (const std::string& name : names) {
    sites.push_back(make_site(sites.size(), name, hosts));
  }
  Network network(std::move(sites), seed);
  std::array<int, 2> control{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control.data()) != 0) {
    fail("socketpair");
  }
  const pid_t program = start_program(network, arguments + at + 1, control[1]);
  close(control[1]);
  const int code = run(network, program, control[0]);
  for (const Site& site : network.sites()) {
    kill(site.holder, SIGKILL);
  }
  return code;
}
