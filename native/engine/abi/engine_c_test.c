/* The C interface as a C program sees it: every argument error, back-pressure, stamps, what is
 * asked of a market. Prints the first expectation that fails, and ends with 1. */
#include <inttypes.h>
#include <meridian/engine_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(condition)                                                                    \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      fprintf(stderr, "%s:%d: %s: expected %s\n", __FILE__, __LINE__, __func__, #condition); \
      exit(1);                                                                               \
    }                                                                                        \
  } while (0)
#define EXPECT_OK(call) EXPECT((call) == MERIDIAN_ENGINE_OK)

enum { most_events = 4096 };
static meridian_engine_event events[most_events];

static meridian_engine* market(uint32_t capacity, uint32_t event_capacity) {
  meridian_engine_config config = MERIDIAN_ENGINE_CONFIG_INIT;
  config.capacity = capacity;
  config.event_capacity = event_capacity;
  config.flags = MERIDIAN_ENGINE_COUNTED_TIME;
  meridian_engine* engine = NULL;
  EXPECT_OK(meridian_engine_create(&config, &engine));
  EXPECT(engine != NULL);
  return engine;
}

static meridian_engine_command limit(uint8_t side, uint32_t quantity, int32_t price,
                                     uint32_t account) {
  meridian_engine_command command;
  memset(&command, 0, sizeof(command));
  command.kind = MERIDIAN_PLACE;
  command.side = side;
  command.price = price;
  command.quantity = quantity;
  command.account = account;
  return command;
}

/* All events that wait; the number of them. */
static size_t poll_all(meridian_engine* engine) {
  size_t count = 0;
  size_t left = 0;
  EXPECT_OK(meridian_engine_poll(engine, events, most_events, &count, &left));
  EXPECT(left == 0);
  return count;
}

static void submit_one(meridian_engine* engine, meridian_engine_command command) {
  size_t taken = 0;
  EXPECT_OK(meridian_engine_submit(engine, &command, NULL, 1, &taken));
  EXPECT(taken == 1);
}

static uint64_t digest_of(const meridian_engine* engine) {
  uint64_t digest = 0;
  EXPECT_OK(meridian_engine_digest(engine, &digest));
  return digest;
}

static void has_the_version_of_its_header(void) {
  EXPECT(meridian_engine_abi_version() == MERIDIAN_ENGINE_ABI_VERSION);
  EXPECT(sizeof(meridian_engine_command) == 64 && sizeof(meridian_engine_event) == 64);
}

static void has_a_text_of_its_own_for_every_status(void) {
  const char* none = meridian_engine_status_text(-1);
  for (int32_t status = MERIDIAN_ENGINE_OK; status <= MERIDIAN_ENGINE_NOT_NEW; ++status) {
    const char* text = meridian_engine_status_text(status);
    EXPECT(text != NULL && strcmp(text, none) != 0);
    for (int32_t other = MERIDIAN_ENGINE_OK; other < status; ++other) {
      EXPECT(strcmp(text, meridian_engine_status_text(other)) != 0);
    }
  }
  EXPECT(strcmp(none, meridian_engine_status_text(MERIDIAN_ENGINE_NOT_NEW + 1)) == 0);
  EXPECT(strcmp(none, meridian_engine_status_text(INT32_MAX)) == 0);
}

static void refuses_a_configuration_that_it_cannot_honour(void) {
  const meridian_engine_config good = MERIDIAN_ENGINE_CONFIG_INIT;
  meridian_engine* engine = (meridian_engine*)&engine;
  meridian_engine_config config = good;
  EXPECT(meridian_engine_create(NULL, &engine) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(engine == NULL);
  EXPECT(meridian_engine_create(&config, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_create((const meridian_engine_config*)((const char*)&config + 1),
                                &engine) == MERIDIAN_ENGINE_ARGUMENT_MISALIGNED);
#define EXPECT_CONFIG(field, value, status)                     \
  config = good;                                                \
  config.field = value;                                         \
  EXPECT(meridian_engine_create(&config, &engine) == (status)); \
  EXPECT(engine == NULL)
  EXPECT_CONFIG(size, 0, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(size, 7, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(size, 4097, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(flags, 4, MERIDIAN_ENGINE_CONFIG_UNKNOWN);
  EXPECT_CONFIG(reserved, 1, MERIDIAN_ENGINE_CONFIG_UNKNOWN);
  EXPECT_CONFIG(event_capacity, (1U << 26) + 1, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(capacity, (1U << 24) - 1, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(band_low, -1, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(band_high, -1, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(band_high, INT32_MAX, MERIDIAN_ENGINE_CONFIG_INVALID);
  EXPECT_CONFIG(maximum_quantity, 1U << 31, MERIDIAN_ENGINE_CONFIG_INVALID);
  config = good;
  config.band_low = 2;
  config.band_high = 1;
  EXPECT(meridian_engine_create(&config, &engine) == MERIDIAN_ENGINE_CONFIG_INVALID);
}

static void takes_a_configuration_of_an_older_and_of_a_newer_header(void) {
  struct {
    meridian_engine_config config;
    uint64_t later;
  } newer = {MERIDIAN_ENGINE_CONFIG_INIT, 0};
  newer.config.size = sizeof(newer);
  meridian_engine* engine = NULL;
  EXPECT_OK(meridian_engine_create(&newer.config, &engine));
  meridian_engine_destroy(engine);
  newer.later = 1;
  EXPECT(meridian_engine_create(&newer.config, &engine) == MERIDIAN_ENGINE_CONFIG_UNKNOWN);

  meridian_engine_config older = MERIDIAN_ENGINE_CONFIG_INIT;
  older.size = offsetof(meridian_engine_config, capacity);
  older.capacity = 5; /* beyond its size: not read */
  EXPECT_OK(meridian_engine_create(&older, &engine));
  EXPECT(poll_all(engine) == 0);
  meridian_engine_destroy(engine);
}

static void answers_argument_errors_and_changes_nothing(void) {
  meridian_engine* engine = market(100, 0);
  meridian_engine_command command = limit(MERIDIAN_BUY, 1, 10, 1);
  const meridian_engine_command* odd = (const void*)((const char*)&command + 1);
  meridian_engine_stamp stamp = {2, 2};
  size_t count = 77;
  const size_t huge = MERIDIAN_ENGINE_HIGHEST_COUNT + 1;
  const uint64_t before = digest_of(engine);

  EXPECT(meridian_engine_submit(NULL, &command, NULL, 1, &count) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_submit(engine, NULL, NULL, 1, &count) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_submit(engine, &command, NULL, 1, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_submit(engine, odd, NULL, 1, &count) ==
         MERIDIAN_ENGINE_ARGUMENT_MISALIGNED);
  EXPECT(meridian_engine_submit(engine, &command, (const meridian_engine_stamp*)(const void*)odd, 1,
                                &count) == MERIDIAN_ENGINE_ARGUMENT_MISALIGNED);
  EXPECT(meridian_engine_submit(engine, &command, NULL, huge, &count) ==
         MERIDIAN_ENGINE_COUNT_TOO_LARGE);
  EXPECT(meridian_engine_submit(engine, &command, &stamp, SIZE_MAX, &count) ==
         MERIDIAN_ENGINE_COUNT_TOO_LARGE);
  EXPECT(meridian_engine_poll(NULL, events, 1, &count, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_poll(engine, NULL, 1, &count, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_poll(engine, events, 1, NULL, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_poll(engine, events, SIZE_MAX, &count, NULL) ==
         MERIDIAN_ENGINE_COUNT_TOO_LARGE);

  meridian_engine_level level;
  meridian_engine_order order;
  EXPECT(meridian_engine_depth(NULL, 0, &level, 1, &count) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_depth(engine, 0, NULL, 1, &count) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_depth(engine, 0, &level, 1, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_depth(engine, 2, &level, 1, &count) == MERIDIAN_ENGINE_SIDE_INVALID);
  EXPECT(meridian_engine_depth(engine, -1, &level, 1, &count) == MERIDIAN_ENGINE_SIDE_INVALID);
  EXPECT(meridian_engine_depth(engine, 0, &level, huge, &count) == MERIDIAN_ENGINE_COUNT_TOO_LARGE);
  EXPECT(meridian_engine_resting_orders(NULL, 0, &order, 1, &count, NULL) ==
         MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_resting_orders(engine, 0, NULL, 1, &count, NULL) ==
         MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_resting_orders(engine, 0, &order, 1, NULL, NULL) ==
         MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_resting_orders(engine, 9, &order, 1, &count, NULL) ==
         MERIDIAN_ENGINE_SIDE_INVALID);
  EXPECT(meridian_engine_open_orders(NULL, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_open_orders(engine, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_digest(NULL, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_digest(engine, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_last_stamp(NULL, &stamp) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_last_stamp(engine, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_has_work(NULL, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_has_work(engine, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_verify(NULL, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_verify(engine, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  meridian_engine_destroy(NULL);

  EXPECT(count == 77);
  EXPECT(digest_of(engine) == before);
  EXPECT(poll_all(engine) == 1 && events[0].kind == MERIDIAN_CONFIGURED);
  EXPECT_OK(meridian_engine_poll(engine, NULL, 0, &count, NULL));
  EXPECT(count == 0);
  meridian_engine_destroy(engine);
}

static void refuses_stamps_that_do_not_follow_and_keeps_what_came_before(void) {
  meridian_engine* engine = market(100, 0);
  const meridian_engine_command commands[3] = {
      limit(MERIDIAN_BUY, 1, 10, 1), limit(MERIDIAN_BUY, 1, 11, 1), limit(MERIDIAN_BUY, 1, 12, 1)};
  size_t taken = 0;
  const meridian_engine_stamp gap[3] = {{2, 50}, {3, 50}, {5, 50}};
  EXPECT(meridian_engine_submit(engine, commands, gap, 3, &taken) ==
         MERIDIAN_ENGINE_SEQUENCE_INVALID);
  EXPECT(taken == 2);
  const meridian_engine_stamp back[1] = {{4, 49}};
  EXPECT(meridian_engine_submit(engine, commands + 2, back, 1, &taken) ==
         MERIDIAN_ENGINE_TIMESTAMP_INVALID);
  EXPECT(taken == 0);
  meridian_engine_stamp last;
  EXPECT_OK(meridian_engine_last_stamp(engine, &last));
  EXPECT(last.sequence == 3 && last.timestamp_ns == 50);
  submit_one(engine, commands[2]);
  EXPECT_OK(meridian_engine_last_stamp(engine, &last));
  EXPECT(last.sequence == 4 && last.timestamp_ns == 50);
  meridian_engine_destroy(engine);
}

static void reads_the_clock_when_no_stamps_are_given(void) {
  meridian_engine_config config = MERIDIAN_ENGINE_CONFIG_INIT;
  config.capacity = 10;
  config.flags = MERIDIAN_ENGINE_PREFAULT;
  config.prefault_bytes = 1 << 20;
  meridian_engine* engine = NULL;
  EXPECT_OK(meridian_engine_create(&config, &engine));
  meridian_engine_stamp last;
  EXPECT_OK(meridian_engine_last_stamp(engine, &last));
  const uint64_t year_2020_ns = UINT64_C(1577836800) * 1000000000;
  EXPECT(last.sequence == 1 && last.timestamp_ns > year_2020_ns);
  submit_one(engine, limit(MERIDIAN_BUY, 1, 10, 1));
  EXPECT(poll_all(engine) == 3 && events[1].kind == MERIDIAN_ACCEPTED);
  meridian_engine_destroy(engine);
}

static void shows_depth_and_resting_orders_best_first(void) {
  meridian_engine* engine = market(100, 0);
  submit_one(engine, limit(MERIDIAN_SELL, 5, 103, 7));
  submit_one(engine, limit(MERIDIAN_SELL, 2, 101, 8));
  submit_one(engine, limit(MERIDIAN_SELL, 3, 101, 9));
  submit_one(engine, limit(MERIDIAN_BUY, 4, 99, 7));
  meridian_engine_level levels[3];
  size_t count = 0;
  EXPECT_OK(meridian_engine_depth(engine, MERIDIAN_SELL, levels, 3, &count));
  EXPECT(count == 2);
  EXPECT(levels[0].price == 101 && levels[0].lots == 5 && levels[0].orders == 2);
  EXPECT(levels[1].price == 103 && levels[1].lots == 5 && levels[1].orders == 1);
  EXPECT_OK(meridian_engine_depth(engine, MERIDIAN_SELL, levels, 1, &count));
  EXPECT(count == 1 && levels[0].orders == 2);
  EXPECT_OK(meridian_engine_depth(engine, MERIDIAN_SELL, NULL, 0, &count));
  EXPECT(count == 0);
  EXPECT_OK(meridian_engine_depth(engine, MERIDIAN_BUY, levels, 3, &count));
  EXPECT(count == 1 && levels[0].price == 99 && levels[0].lots == 4);
  meridian_engine_order orders[2];
  size_t left = 0;
  EXPECT_OK(meridian_engine_resting_orders(engine, MERIDIAN_SELL, orders, 2, &count, &left));
  EXPECT(count == 2 && left == 1);
  EXPECT(orders[0].account == 8 && orders[0].lots == 2 && orders[0].price == 101);
  EXPECT(orders[1].account == 9 && orders[1].lots == 3);
  uint64_t open = 0;
  uint32_t is_sound = 0;
  uint32_t has_work = 1;
  EXPECT_OK(meridian_engine_open_orders(engine, &open));
  EXPECT_OK(meridian_engine_verify(engine, &is_sound));
  EXPECT_OK(meridian_engine_has_work(engine, &has_work));
  EXPECT(open == 4 && is_sound == 1 && has_work == 0);
  meridian_engine_destroy(engine);
}

static void answers_commands_of_any_bytes_with_an_event(void) {
  meridian_engine* engine = market(100, 0);
  EXPECT(poll_all(engine) == 1);
  meridian_engine_command command;
  for (int byte = 0; byte < 256; ++byte) {
    memset(&command, byte, sizeof(command));
    submit_one(engine, command);
    EXPECT(poll_all(engine) == 1);
    EXPECT(events[0].kind == MERIDIAN_REFUSED && events[0].tag == command.tag);
    EXPECT((events[0].flags & MERIDIAN_EVENT_IS_LAST) != 0);
  }
  meridian_engine_destroy(engine);
}

/* The same commands through a buffer of `event_capacity`, polled `at_once` events at a time: all
 * events, as a hash, and the digest at the end. */
struct answer {
  size_t events;
  size_t pauses;
  uint64_t hash;
  uint64_t digest;
};

static struct answer run_iceberg(uint32_t event_capacity, size_t at_once) {
  enum { all = 4 };
  meridian_engine_command commands[all] = {
      limit(MERIDIAN_SELL, 500, 100, 1), limit(MERIDIAN_BUY, 400, 100, 2),
      limit(MERIDIAN_BUY, 1, 100, 3), limit(MERIDIAN_BUY, 9, 90, 3)};
  commands[0].display = 1; /* an execution a lot: one command with hundreds of events */
  meridian_engine* engine = market(100, event_capacity);
  struct answer answer = {0, 0, UINT64_C(1469598103934665603), 0};
  size_t next = 0;
  size_t left = 1;
  while (next < all || left > 0) {
    size_t taken = 0;
    size_t count = 0;
    const meridian_engine_status status =
        meridian_engine_submit(engine, commands + next, NULL, all - next, &taken);
    EXPECT(status == MERIDIAN_ENGINE_OK || status == MERIDIAN_ENGINE_EVENTS_FULL);
    EXPECT(status != MERIDIAN_ENGINE_OK || taken == all - next);
    next += taken;
    uint64_t digest = 0;
    if (meridian_engine_digest(engine, &digest) == MERIDIAN_ENGINE_COMMAND_PENDING) {
      meridian_engine_level level;
      meridian_engine_order order;
      uint64_t open = 0;
      uint32_t flag = 0;
      size_t some = 0;
      ++answer.pauses;
      EXPECT(meridian_engine_depth(engine, 0, &level, 1, &some) == MERIDIAN_ENGINE_COMMAND_PENDING);
      EXPECT(meridian_engine_resting_orders(engine, 0, &order, 1, &some, NULL) ==
             MERIDIAN_ENGINE_COMMAND_PENDING);
      EXPECT(meridian_engine_open_orders(engine, &open) == MERIDIAN_ENGINE_COMMAND_PENDING);
      EXPECT(meridian_engine_verify(engine, &flag) == MERIDIAN_ENGINE_COMMAND_PENDING);
      EXPECT(meridian_engine_has_work(engine, &flag) == MERIDIAN_ENGINE_COMMAND_PENDING);
    }
    EXPECT_OK(meridian_engine_poll(engine, events, at_once, &count, &left));
    EXPECT(count > 0 || left == 0);
    for (const unsigned char* byte = (const unsigned char*)events;
         byte != (const unsigned char*)(events + count); ++byte) {
      answer.hash = (answer.hash ^ *byte) * UINT64_C(1099511628211);
    }
    answer.events += count;
  }
  answer.digest = digest_of(engine);
  uint32_t is_sound = 0;
  EXPECT_OK(meridian_engine_verify(engine, &is_sound));
  EXPECT(is_sound == 1);
  meridian_engine_destroy(engine);
  return answer;
}

static void loses_no_event_however_small_the_buffer(void) {
  const struct answer whole = run_iceberg(2048, most_events);
  EXPECT(whole.events > 800 && whole.pauses == 0);
  static const uint32_t capacities[] = {1, 2, 3, 8, 512};
  static const size_t at_once[] = {1, 5, 100, most_events};
  for (size_t one = 0; one < sizeof(capacities) / sizeof(capacities[0]); ++one) {
    for (size_t other = 0; other < sizeof(at_once) / sizeof(at_once[0]); ++other) {
      const struct answer answer = run_iceberg(capacities[one], at_once[other]);
      EXPECT(answer.events == whole.events && answer.hash == whole.hash);
      EXPECT(answer.digest == whole.digest && answer.pauses > 0);
    }
  }
}

static void is_destroyed_while_a_command_pauses_inside(void) {
  meridian_engine* engine = market(100, 1);
  meridian_engine_command command = limit(MERIDIAN_BUY, 1, 10, 1);
  size_t taken = 0;
  size_t count = 0;
  EXPECT_OK(meridian_engine_poll(engine, events, 1, &count, NULL));
  EXPECT(meridian_engine_submit(engine, &command, NULL, 1, &taken) == MERIDIAN_ENGINE_EVENTS_FULL);
  EXPECT(taken == 1);
  meridian_engine_destroy(engine);
}

static void goes_on_from_a_snapshot_as_if_nothing_had_been(void) {
  meridian_engine* engine = market(100, 0);
  submit_one(engine, limit(MERIDIAN_SELL, 5, 101, 7));
  submit_one(engine, limit(MERIDIAN_BUY, 2, 101, 8));
  size_t size = 0;
  EXPECT(meridian_engine_save(engine, NULL, 0, &size) == MERIDIAN_ENGINE_BYTES_TOO_FEW);
  unsigned char* bytes = malloc(size);
  EXPECT(bytes != NULL && size > 0);
  size_t written = 0;
  EXPECT(meridian_engine_save(engine, bytes, size - 1, &written) == MERIDIAN_ENGINE_BYTES_TOO_FEW);
  EXPECT(written == size);
  EXPECT_OK(meridian_engine_save(engine, bytes, size, &written));
  EXPECT(written == size);
  EXPECT(meridian_engine_save(NULL, bytes, size, &written) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_save(engine, NULL, 1, &written) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_save(engine, bytes, size, NULL) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_restore(engine, bytes, size) == MERIDIAN_ENGINE_NOT_NEW);

  meridian_engine* restored = market(0, 0);
  EXPECT(meridian_engine_restore(NULL, bytes, size) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_restore(restored, NULL, 1) == MERIDIAN_ENGINE_ARGUMENT_NULL);
  EXPECT(meridian_engine_restore(restored, bytes, SIZE_MAX) == MERIDIAN_ENGINE_COUNT_TOO_LARGE);
  EXPECT(meridian_engine_restore(restored, bytes, 0) == MERIDIAN_ENGINE_SNAPSHOT_INVALID);
  /* One bit of any byte, or a byte too few, and the market stays new. */
  for (size_t at = 0; at < size; ++at) {
    bytes[at] ^= 1;
    EXPECT(meridian_engine_restore(restored, bytes, size) == MERIDIAN_ENGINE_SNAPSHOT_INVALID);
    bytes[at] ^= 1;
    EXPECT(meridian_engine_restore(restored, bytes, at) == MERIDIAN_ENGINE_SNAPSHOT_INVALID);
  }
  EXPECT_OK(meridian_engine_restore(restored, bytes, size));
  free(bytes);
  EXPECT(digest_of(restored) == digest_of(engine));
  meridian_engine_stamp last;
  EXPECT_OK(meridian_engine_last_stamp(restored, &last));
  EXPECT(last.sequence == 3 && last.timestamp_ns == 3);
  submit_one(engine, limit(MERIDIAN_BUY, 3, 101, 8));
  submit_one(restored, limit(MERIDIAN_BUY, 3, 101, 8));
  EXPECT(poll_all(restored) == 3 && events[1].kind == MERIDIAN_EXECUTED);
  EXPECT(digest_of(restored) == digest_of(engine));
  meridian_engine_destroy(engine);
  meridian_engine_destroy(restored);
}

static void keeps_handles_apart(void) {
  meridian_engine* one = market(100, 0);
  meridian_engine* other = market(100, 0);
  const uint64_t before = digest_of(other);
  submit_one(one, limit(MERIDIAN_BUY, 1, 10, 1));
  EXPECT(digest_of(other) == before && digest_of(one) != before);
  submit_one(other, limit(MERIDIAN_BUY, 1, 10, 1));
  EXPECT(digest_of(other) == digest_of(one));
  meridian_engine_destroy(one);
  meridian_engine_destroy(other);
}

int main(void) {
  has_the_version_of_its_header();
  has_a_text_of_its_own_for_every_status();
  refuses_a_configuration_that_it_cannot_honour();
  takes_a_configuration_of_an_older_and_of_a_newer_header();
  answers_argument_errors_and_changes_nothing();
  refuses_stamps_that_do_not_follow_and_keeps_what_came_before();
  reads_the_clock_when_no_stamps_are_given();
  shows_depth_and_resting_orders_best_first();
  answers_commands_of_any_bytes_with_an_event();
  loses_no_event_however_small_the_buffer();
  is_destroyed_while_a_command_pauses_inside();
  goes_on_from_a_snapshot_as_if_nothing_had_been();
  keeps_handles_apart();
  puts("13 passed");
  return 0;
}
