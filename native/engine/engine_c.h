/* The matching engine for programs in any language: libmeridian_engine.so.1, a plain C11 interface.
 * ABI.md explains it with an example; what commands and events mean is in README.md.
 *
 * A handle holds one market. Threads: one thread at a time uses a handle; the library takes no
 * lock. To hand a handle over, the threads synchronize as for any memory of theirs. Handles share
 * nothing.
 *
 * No function blocks, and none but create and destroy allocates or frees memory. Every function
 * that can fail returns a meridian_engine_status. When it is an argument error, nothing has
 * changed. */
#ifndef MERIDIAN_ENGINE_C_H
#define MERIDIAN_ENGINE_C_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rises when functions, fields or numbers are added. What is here keeps its meaning as long as the
 * library's name ends in .so.1. */
#define MERIDIAN_ENGINE_ABI_VERSION 1

#if defined(__GNUC__)
#define MERIDIAN_ENGINE_API __attribute__((visibility("default")))
#else
#define MERIDIAN_ENGINE_API
#endif

/* One market. */
typedef struct meridian_engine meridian_engine;

/* ---- Statuses */

typedef enum meridian_engine_status {
  MERIDIAN_ENGINE_OK = 0,
  /* submit: no room for more events; poll, then submit what was not taken. Not an error. */
  MERIDIAN_ENGINE_EVENTS_FULL = 1,
  /* A pointer that must not be null is null. */
  MERIDIAN_ENGINE_ARGUMENT_NULL = 2,
  /* A pointer is not aligned as its type demands. */
  MERIDIAN_ENGINE_ARGUMENT_MISALIGNED = 3,
  /* A count above MERIDIAN_ENGINE_HIGHEST_COUNT. */
  MERIDIAN_ENGINE_COUNT_TOO_LARGE = 4,
  /* A side other than MERIDIAN_BUY and MERIDIAN_SELL. */
  MERIDIAN_ENGINE_SIDE_INVALID = 5,
  /* create: a field of the configuration is out of range. */
  MERIDIAN_ENGINE_CONFIG_INVALID = 6,
  /* create: the configuration uses fields that this library does not know. */
  MERIDIAN_ENGINE_CONFIG_UNKNOWN = 7,
  /* create: the system refused the memory. */
  MERIDIAN_ENGINE_MEMORY_REFUSED = 8,
  /* submit: a sequence that is not the last plus one. Commands before it were taken. */
  MERIDIAN_ENGINE_SEQUENCE_INVALID = 9,
  /* submit: a timestamp lower than the last. Commands before it were taken. */
  MERIDIAN_ENGINE_TIMESTAMP_INVALID = 10,
  /* A command still has events to give: poll until none is left, then ask again. */
  MERIDIAN_ENGINE_COMMAND_PENDING = 11,
  /* save: the snapshot does not fit; *size says how many bytes it needs. */
  MERIDIAN_ENGINE_BYTES_TOO_FEW = 12,
  /* restore: the bytes are damaged, or no snapshot that this library knows. */
  MERIDIAN_ENGINE_SNAPSHOT_INVALID = 13,
  /* restore: the market has taken commands already. */
  MERIDIAN_ENGINE_NOT_NEW = 14
} meridian_engine_status;

/* Most elements of an array argument. */
#define MERIDIAN_ENGINE_HIGHEST_COUNT ((size_t)1 << 32)

/* ---- Commands */

enum {
  MERIDIAN_PLACE = 1,
  MERIDIAN_CANCEL = 2,
  MERIDIAN_REDUCE = 3,
  MERIDIAN_REPLACE = 4,
  MERIDIAN_CONFIGURE = 5,
  MERIDIAN_SET_STATE = 6,
  MERIDIAN_SET_BREAKER = 7,
  MERIDIAN_MASS_CANCEL = 8,
  MERIDIAN_SET_LIMIT = 9,
  MERIDIAN_KILL = 10,
  MERIDIAN_SET_POSITION = 11,
  MERIDIAN_BUST = 12,
  MERIDIAN_CORRECT = 13,
  MERIDIAN_TICK = 14,
  MERIDIAN_SEED = 15
};

enum { MERIDIAN_BUY = 0, MERIDIAN_SELL = 1 };

enum {
  MERIDIAN_LIMIT = 0,
  MERIDIAN_MARKET = 1,
  MERIDIAN_STOP = 2,
  MERIDIAN_STOP_LIMIT = 3,
  MERIDIAN_TRAILING_STOP = 4,
  MERIDIAN_PEGGED_PRIMARY = 5,
  MERIDIAN_PEGGED_MARKET = 6,
  MERIDIAN_PEGGED_MID = 7
};

enum {
  MERIDIAN_DAY = 0,
  MERIDIAN_IMMEDIATE_OR_CANCEL = 1,
  MERIDIAN_FILL_OR_KILL = 2,
  MERIDIAN_GOOD_TILL_CANCEL = 3,
  MERIDIAN_GOOD_TILL_DATE = 4,
  MERIDIAN_AT_OPEN = 5,
  MERIDIAN_AT_CLOSE = 6,
  MERIDIAN_GOOD_FOR_AUCTION = 7
};

enum {
  MERIDIAN_STATE_OPEN = 0,
  MERIDIAN_STATE_HALTED = 1,
  MERIDIAN_STATE_PRE_OPEN = 2,
  MERIDIAN_STATE_OPENING_AUCTION = 3,
  MERIDIAN_STATE_VOLATILITY_AUCTION = 4,
  MERIDIAN_STATE_CLOSING_AUCTION = 5,
  MERIDIAN_STATE_CLOSED = 6
};

/* Bits of `attributes`. Self-trade prevention and link are numbers within it. */
enum {
  MERIDIAN_POST_ONLY = 1,
  MERIDIAN_REPRICE = 2,
  MERIDIAN_HIDDEN = 4,
  MERIDIAN_REDUCE_ONLY = 8,
  MERIDIAN_ALL_OR_NONE = 16,
  MERIDIAN_RANDOM_REFRESH = 32,
  MERIDIAN_SELF_TRADE_CANCEL_NEWEST = 1 << 6,
  MERIDIAN_SELF_TRADE_CANCEL_OLDEST = 2 << 6,
  MERIDIAN_SELF_TRADE_CANCEL_BOTH = 3 << 6,
  MERIDIAN_SELF_TRADE_DECREMENT = 4 << 6,
  MERIDIAN_LINK_OCO = 1 << 9,
  MERIDIAN_LINK_CHILD = 2 << 9,
  MERIDIAN_TRAIL_BPS = 2048
};

/* One command. Which kind uses which field: README.md, "Commands and their fields"; the others are
 * 0. Little-endian, 64 bytes. */
typedef struct meridian_engine_command {
  uint8_t kind;
  uint8_t side;
  uint8_t order_type;
  uint8_t time_in_force;
  uint32_t tag;     /* echoed in every event of the command */
  uint64_t session; /* 0: none */
  uint64_t number;  /* rising within the session */
  uint64_t order_id;
  int32_t price;   /* ticks */
  int32_t trigger; /* ticks */
  uint32_t quantity;
  uint32_t display;
  uint32_t minimum;
  uint32_t expiry_s; /* seconds since 1970-01-01 UTC */
  uint32_t account;
  uint16_t attributes;
  uint8_t discretion; /* ticks */
  uint8_t group;
} meridian_engine_command;

/* A command's place in its market. */
typedef struct meridian_engine_stamp {
  uint64_t sequence;     /* 1, 2, 3, ... */
  uint64_t timestamp_ns; /* never lower than the one before */
} meridian_engine_stamp;

/* ---- Events */

enum {
  MERIDIAN_ACCEPTED = 1,
  MERIDIAN_EXECUTED = 2,
  MERIDIAN_CANCELED = 3,
  MERIDIAN_REDUCED = 4,
  MERIDIAN_REPLACED = 5,
  MERIDIAN_REFUSED = 6,
  MERIDIAN_REPEATED = 7,
  MERIDIAN_CONFIGURED = 8,
  MERIDIAN_STATE_SET = 9,
  MERIDIAN_TOUCH = 10,
  MERIDIAN_RESTED = 11,
  MERIDIAN_TRIGGERED = 12,
  MERIDIAN_ACTIVATED = 13,
  MERIDIAN_REPRICED = 14,
  MERIDIAN_INDICATIVE = 15,
  MERIDIAN_LIMIT_STATE = 16,
  MERIDIAN_BREAKER_SET = 17,
  MERIDIAN_MASS_CANCELED = 18,
  MERIDIAN_LIMIT_SET = 19,
  MERIDIAN_KILLED = 20,
  MERIDIAN_POSITION_SET = 21,
  MERIDIAN_BUSTED = 22,
  MERIDIAN_CORRECTED = 23,
  MERIDIAN_TICKED = 24,
  MERIDIAN_SEEDED = 25
};

/* Bit of `flags`: the last event of its command. Every command has one. */
#define MERIDIAN_EVENT_IS_LAST 1

/* One event. What each kind carries where, and the numbers of refusals and reasons: README.md,
 * "Events: fields". Little-endian, 64 bytes. */
typedef struct meridian_engine_event {
  uint8_t kind;
  uint8_t code; /* refusal, reason, order type, state */
  uint8_t side;
  uint8_t flags;
  uint32_t tag;      /* of the command */
  uint64_t sequence; /* of the command */
  uint32_t index;    /* within the command */
  uint32_t account;
  uint64_t order_id;
  int64_t price; /* ticks */
  uint64_t other_order_id;
  int64_t other_price;
  uint32_t quantity;
  uint32_t remaining;
} meridian_engine_event;

/* ---- What is asked of a market */

/* One price of the lit book. */
typedef struct meridian_engine_level {
  int64_t price; /* ticks */
  uint64_t lots; /* shown */
  uint64_t orders;
} meridian_engine_level;

/* One order of the lit book. */
typedef struct meridian_engine_order {
  uint64_t order_id;
  int64_t price; /* ticks */
  uint32_t lots; /* shown */
  uint32_t account;
} meridian_engine_order;

/* ---- Configuration */

/* Bits of `flags`. */
enum {
  /* Touch the event buffer and the memory of `prefault_bytes` now, not when it is used. */
  MERIDIAN_ENGINE_PREFAULT = 1,
  /* Stamps that submit assigns do not read the clock: the timestamp is the sequence. */
  MERIDIAN_ENGINE_COUNTED_TIME = 2
};

typedef struct meridian_engine_config {
  /* sizeof(meridian_engine_config) as the caller knows it: later versions may append fields, whose
   * 0 means what this version does. */
  uint32_t size;
  uint32_t flags;
  /* Events that can wait for poll, 1 ... 2^26, rounded up to a power of two; 0: 32,768 (2 MiB). */
  uint32_t event_capacity;
  /* 0: the caller's first command configures the market. Else the library does it as sequence 1,
   * with this many open orders at most (<= 2^24 - 2) and the three fields below. */
  uint32_t capacity;
  int32_t band_low;          /* lowest price in ticks; 0: 1 */
  int32_t band_high;         /* highest price; 0: 2^31 - 2 */
  uint32_t maximum_quantity; /* of an order; 0: 2^31 - 1 */
  uint32_t reserved;         /* 0 */
  /* With MERIDIAN_ENGINE_PREFAULT: bytes of the order memory; beyond its size: all of it. */
  uint64_t prefault_bytes;
} meridian_engine_config;

#define MERIDIAN_ENGINE_CONFIG_INIT {sizeof(meridian_engine_config), 0, 0, 0, 0, 0, 0, 0, 0}

/* ---- Functions */

/* MERIDIAN_ENGINE_ABI_VERSION of the library that was loaded. */
MERIDIAN_ENGINE_API uint32_t meridian_engine_abi_version(void);

/* A short English text, also for numbers that are none. Never null, never freed. */
MERIDIAN_ENGINE_API const char* meridian_engine_status_text(int32_t status);

/* A new market in *engine; null there when it fails. Its address space, about 2.0 GiB, is backed as
 * orders come to rest. CONFIG_INVALID, CONFIG_UNKNOWN, MEMORY_REFUSED. */
MERIDIAN_ENGINE_API meridian_engine_status
meridian_engine_create(const meridian_engine_config* config, meridian_engine** engine);

/* Gives back all memory; events not polled are gone. Null: nothing happens. */
MERIDIAN_ENGINE_API void meridian_engine_destroy(meridian_engine* engine);

/* Takes `count` commands in order; *taken says how many. stamps[i] belongs to commands[i]; with
 * null stamps the sequences go on by one, all with the time of the call (or see COUNTED_TIME),
 * never lower than the last. Neither array is used after the call.
 * EVENTS_FULL: the event buffer is full, so that commands were left, or the last one taken has
 * paused inside because it has more events than fit. It goes on with the next poll or submit; no
 * event is ever lost. A `count` of 0 only goes on.
 *
 * SEQUENCE_INVALID, TIMESTAMP_INVALID: the command at *taken was not taken. */
MERIDIAN_ENGINE_API meridian_engine_status
meridian_engine_submit(meridian_engine* engine, const meridian_engine_command* commands,
                       const meridian_engine_stamp* stamps, size_t count, size_t* taken);

/* Moves up to `capacity` of the oldest events into `events`; *count says how many, *left how many
 * wait in the buffer after that. While *left is not 0 there are more, and 0 means that every
 * command taken has been answered in full. `left` may be null; `events` too when capacity is 0. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_poll(meridian_engine* engine,
                                                                meridian_engine_event* events,
                                                                size_t capacity, size_t* count,
                                                                size_t* left);

/* The best prices of a side of the lit book, best first. Cost: the orders at these prices.
 * SIDE_INVALID, COMMAND_PENDING. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_depth(const meridian_engine* engine,
                                                                 int32_t side,
                                                                 meridian_engine_level* levels,
                                                                 size_t capacity, size_t* count);

/* Orders of a side of the lit book, best price first and oldest first within a price; *left says
 * how many more there are, may be null, and costs a walk over them. SIDE_INVALID, COMMAND_PENDING.
 */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_resting_orders(
    const meridian_engine* engine, int32_t side, meridian_engine_order* orders, size_t capacity,
    size_t* count, size_t* left);

/* Orders that rest, wait, are queued or parked. COMMAND_PENDING. */
MERIDIAN_ENGINE_API meridian_engine_status
meridian_engine_open_orders(const meridian_engine* engine, uint64_t* count);

/* Digest of the whole state: README.md, "State digest". COMMAND_PENDING. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_digest(const meridian_engine* engine,
                                                                  uint64_t* digest);

/* Stamp of the last command taken; both 0 before the first. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_last_stamp(const meridian_engine* engine,
                                                                      meridian_engine_stamp* stamp);

/* *has_work is 1 when work is left that the next command would do (send MERIDIAN_TICK), else 0.
 * COMMAND_PENDING. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_has_work(const meridian_engine* engine,
                                                                    uint32_t* has_work);

/* Checks every invariant of the state; *is_sound is 1 when all hold, else 0. Cost: the whole state.
 * COMMAND_PENDING. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_verify(const meridian_engine* engine,
                                                                  uint32_t* is_sound);

/* Writes the whole state, with the stamp of the last command, as bytes that do not depend on the
 * machine; *size says how many. Events not polled are not part of it. Cost: the whole state.
 * BYTES_TOO_FEW (null `bytes` with capacity 0 asks for the size), COMMAND_PENDING. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_save(const meridian_engine* engine,
                                                                void* bytes, size_t capacity,
                                                                size_t* size);

/* Makes a market that has taken no command (created with `capacity` 0) what a saved one was: the
 * same digest, the same future. On an error it is as new. SNAPSHOT_INVALID, NOT_NEW,
 * MEMORY_REFUSED. */
MERIDIAN_ENGINE_API meridian_engine_status meridian_engine_restore(meridian_engine* engine,
                                                                   const void* bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
