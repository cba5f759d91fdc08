#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int passed;
static bool on_valgrind;

void begin_suite(int argc, char **argv)
{
  on_valgrind = argc > 1 && strcmp(argv[1], "valgrind") == 0;
}

bool under_valgrind(void)
{
  return on_valgrind;
}

int scaled(int many)
{
  return on_valgrind ? many / 10 : many;
}

void check(bool holds, const char *what, const char *file, int line)
{
  if (holds) return;
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
  fflush(stdout);
  abort();
}

void check_code(conveyor_code got, conveyor_code wanted, const char *what, const char *file, int line)
{
  if (got == wanted) return;
  fprintf(stderr, "%s:%d: %d (%s), not %d (%s): %s\n", file, line, got, conveyor_code_name(got).ptr,
          wanted, conveyor_code_name(wanted).ptr, what);
  fflush(stdout);
  abort();
}

void run(const char *name, void (*test)(void))
{
  printf("test %s ... ", name);
  fflush(stdout);
  test();
  printf("ok\n");
  fflush(stdout);
  passed += 1;
}

int finish(void)
{
  printf("\ntest result: ok. %d passed; 0 failed; 0 ignored\n\n", passed);
  return 0;
}

char *taken(conveyor_text text)
{
  conveyor_str view = conveyor_text_view(text);
  char *copy = malloc(view.len + 1);
  CHECK(copy != NULL);
  memcpy(copy, view.ptr, view.len + 1);
  OK(conveyor_text_free(text));
  return copy;
}

const char *shown(conveyor_str view)
{
  static char buffers[8][4096];
  static int next;
  char *buffer = buffers[next++ % 8];
  size_t length = view.len < sizeof buffers[0] - 1 ? view.len : sizeof buffers[0] - 1;
  memcpy(buffer, view.ptr, length);
  buffer[length] = '\0';
  return buffer;
}

const char *member(const char *json, const char *pointer)
{
  conveyor_text value = 0;
  conveyor_code code = conveyor_json_get(conveyor_view(json), conveyor_view(pointer), &value, NULL);
  if (code == CONVEYOR_E_NOT_FOUND) return "";
  OK(code);
  const char *text = shown(conveyor_text_view(value));
  OK(conveyor_text_free(value));
  return text;
}

void count_add(counter *counter, long more)
{
  pthread_mutex_lock(&counter->lock);
  counter->count += more;
  pthread_cond_broadcast(&counter->changed);
  pthread_mutex_unlock(&counter->lock);
}

void count_await(counter *counter, long least)
{
  struct timespec deadline;
  clock_gettime(CLOCK_REALTIME, &deadline);
  deadline.tv_sec += 120;
  pthread_mutex_lock(&counter->lock);
  while (counter->count < least) {
    CHECK(pthread_cond_timedwait(&counter->changed, &counter->lock, &deadline) != ETIMEDOUT);
  }
  pthread_mutex_unlock(&counter->lock);
}

long count_now(counter *counter)
{
  pthread_mutex_lock(&counter->lock);
  long count = counter->count;
  pthread_mutex_unlock(&counter->lock);
  return count;
}

void world_make(world *world)
{
  world_make_with(world, "{\"signals\": false}");
}

void world_make_with(world *world, const char *options)
{
  OK(conveyor_stream_new(&world->stream, NULL));
  OK(conveyor_manager_new(conveyor_view(options), &world->manager, NULL));
  OK(conveyor_manager_use_stream(world->manager, world->stream, NULL));
}

static conveyor_driver described(const char *options, void *data)
{
  conveyor_driver driver;
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view(options);
  driver.user_data = data;
  return driver;
}

void world_blocking(world *world, const char *options, conveyor_reconcile_fn reconcile, void *data)
{
  conveyor_driver driver = described(options, data);
  driver.reconcile = reconcile;
  OK(conveyor_manager_add_driver(world->manager, &driver, NULL));
}

void world_async(world *world, const char *options, conveyor_reconcile_async_fn reconcile, void *data)
{
  conveyor_driver driver = described(options, data);
  driver.reconcile_async = reconcile;
  OK(conveyor_manager_add_driver(world->manager, &driver, NULL));
}

void world_queue(world *world, const char *options, conveyor_queue queue)
{
  conveyor_driver driver = described(options, NULL);
  driver.queue = queue;
  OK(conveyor_manager_add_driver(world->manager, &driver, NULL));
}

void world_start(world *world)
{
  bool started = false;
  OK(conveyor_manager_start(world->manager, NULL));
  OK(conveyor_manager_wait_started(world->manager, 60000, &started, NULL));
  CHECK(started);
}

void world_post(world *world, const char *name, const char *run_id)
{
  char resource[512];
  conveyor_str none = {NULL, 0};
  snprintf(resource, sizeof resource,
           "{\"id\": \"1\", \"name\": \"%s\", \"resource\": \"greeting\", \"metadata\": {},"
           " \"spec\": {\"words\": [\"a\", 7]}}", name);
  OK(conveyor_stream_post(world->stream, conveyor_view(resource), none, conveyor_view(run_id), none,
                          NULL));
}

char *world_results(world *world, const char *run_id, size_t count)
{
  conveyor_text results = 0;
  OK(conveyor_stream_wait_results(world->stream, conveyor_view(run_id), count, 60000, &results, NULL));
  CHECK(results != 0);
  return taken(results);
}

char *world_log(world *world, const char *run_id)
{
  conveyor_text lines = 0;
  OK(conveyor_stream_log(world->stream, conveyor_view(run_id), &lines, NULL));
  return taken(lines);
}

char *world_end(world *world, long grace_ms)
{
  conveyor_text report = 0;
  OK(conveyor_manager_stop(world->manager, grace_ms, &report, NULL, NULL));
  OK(conveyor_manager_free(world->manager));
  OK(conveyor_stream_free(world->stream));
  return taken(report);
}

int ignores_run(void *data, conveyor_run run)
{
  (void)run;
  count_add(data, 1);
  return 0;
}

void world_speak(void)
{
  world world;
  counter done = COUNTER;
  world_make(&world);
  world_blocking(&world, GREETER, ignores_run, &done);
  world_start(&world);
  free(world_end(&world, -1));
}
