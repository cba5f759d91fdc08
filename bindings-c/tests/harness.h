/* What the tests share. A test is a function; one that fails ends the program. */
#ifndef HARNESS_H
#define HARNESS_H

#include <conveyor_driver.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Ends the program unless it is so. */
#define CHECK(what) check((what), #what, __FILE__, __LINE__)
/* The same for a call that has to do well, and for one that has to fail with this code. */
#define OK(call) check_code((call), CONVEYOR_OK, #call, __FILE__, __LINE__)
#define FAILS(code, call) check_code((call), (code), #call, __FILE__, __LINE__)

/* Reads a suite's arguments: with `valgrind` it runs under that. */
void begin_suite(int argc, char **argv);
bool under_valgrind(void);
/* So many; under valgrind, where all takes fifty times as long, a tenth of it. */
int scaled(int many);

/* Runs a test and counts it. */
#define RUN(test) run(#test, test)

void check(bool holds, const char *what, const char *file, int line);
void check_code(conveyor_code got, conveyor_code wanted, const char *what, const char *file, int line);
void run(const char *name, void (*test)(void));
/* What main returns: says how many tests there were, in the words of cargo. */
int finish(void);

/* Makes a C string of what the library gave; the caller frees it. */
char *taken(conveyor_text text);
/* The string of a view, in one of a few buffers. */
const char *shown(conveyor_str view);
/* A value of a JSON text by its pointer, in one of a few buffers; "" where there is none. */
const char *member(const char *json, const char *pointer);

/* Something that happens so many times. */
typedef struct counter {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  long count;
} counter;

#define COUNTER {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}

void count_add(counter *counter, long more);
/* Waits until it is so many; the program fails after a minute. */
void count_await(counter *counter, long least);
long count_now(counter *counter);

/* A manager on an embedded stream. */
typedef struct world {
  conveyor_stream stream;
  conveyor_manager manager;
} world;

/* A manager that leaves signals alone. */
void world_make(world *world);
/* The same with options. */
void world_make_with(world *world, const char *options);
/* Adds a driver with one of the functions. */
void world_blocking(world *world, const char *options, conveyor_reconcile_fn reconcile, void *data);
void world_async(world *world, const char *options, conveyor_reconcile_async_fn reconcile, void *data);
void world_queue(world *world, const char *options, conveyor_queue queue);
/* Starts it and waits until it is ready. */
void world_start(world *world);
/* Posts an event about a resource of this name and the type "greeting". */
void world_post(world *world, const char *name, const char *run_id);
/* The results of a run, once there are so many; the caller frees them. */
char *world_results(world *world, const char *run_id, size_t count);
/* The log of a run, or of all with null; the caller frees it. */
char *world_log(world *world, const char *run_id);
/* A reconcile that does nothing but add to the counter it is given. */
int ignores_run(void *data, conveyor_run run);
/* Has the library say something: a manager starts and ends. */
void world_speak(void);
/* Stops within this time and frees all; the report is the caller's to free. */
char *world_end(world *world, long grace_ms);

#define GREETER "{\"name\": \"greeter\", \"resources\": [\"greeting\"]}"
/* So many runs at once. */
#define GREETER_OF(runs) "{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"concurrency\": " #runs "}"

#endif
