/* Runs on the library's threads. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const conveyor_str NONE = {NULL, 0};

/* Does what the resource's name says. */
static int by_name(void *data, conveyor_run run)
{
  conveyor_text name;
  int returned = 0;
  (void)data;
  OK(conveyor_run_get(run, conveyor_view("/name"), &name, NULL));
  const char *what = conveyor_text_view(name).ptr;
  OK(conveyor_run_log(run, CONVEYOR_WARNING, conveyor_text_view(name), conveyor_view("{\"n\": 1}"), NULL));
  if (strcmp(what, "succeed") == 0) {
    OK(conveyor_run_succeed(run, conveyor_view("done"), conveyor_view("{\"x\": [1]}"), NULL));
  } else if (strcmp(what, "fail") == 0) {
    OK(conveyor_run_fail(run, conveyor_view("not done"), NONE, NULL));
    returned = 9;
  } else if (strcmp(what, "raise") == 0) {
    OK(conveyor_run_raise(run, conveyor_view("EIO"), conveyor_view("one\ntwo"), conveyor_view("main.c:1"),
                          conveyor_view("{\"x\": 1}"), NULL));
  } else if (strcmp(what, "retry") == 0 && conveyor_run_attempt(run) == 1) {
    OK(conveyor_run_retry(run, conveyor_view("not yet"), 1, NULL));
  } else if (strcmp(what, "give-back") == 0 && conveyor_run_attempt(run) == 1) {
    OK(conveyor_run_give_back(run, NULL));
  } else if (strcmp(what, "three") == 0) {
    returned = 3;
  }
  OK(conveyor_text_free(name));
  return returned;
}

static void a_run_ends_as_its_function_says(void)
{
  static const struct { const char *name, *success, *message, *data; } ends[] = {
    {"succeed", "true", "done", "{\"x\":[1]}"},
    {"fail", "false", "not done", "null"},
    {"nothing", "true", "", "null"},
    {"three", "false", "reconcile returned 3", NULL},
    {"raise", "false", "one", NULL},
    {"retry", "true", "", "null"},
    {"give-back", "true", "", "null"},
  };
  world world;
  world_make(&world);
  world_blocking(&world, "{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"retry_initial_ms\": 1}", by_name, NULL);
  world_start(&world);
  for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
    world_post(&world, ends[i].name, ends[i].name);
    char *results = world_results(&world, ends[i].name, 1);
    CHECK(strcmp(member(results, "/0/success"), ends[i].success) == 0);
    CHECK(strcmp(member(results, "/0/message"), ends[i].message) == 0);
    if (ends[i].data) CHECK(strcmp(member(results, "/0/data"), ends[i].data) == 0);
    if (strcmp(ends[i].name, "raise") == 0) {
      CHECK(strcmp(member(results, "/0/data/error/type"), "EIO") == 0);
      CHECK(strcmp(member(results, "/0/data/error/message"), "one\ntwo") == 0);
      CHECK(strcmp(member(results, "/0/data/error/traceback"), "main.c:1") == 0);
      CHECK(strcmp(member(results, "/0/data/x"), "1") == 0);
    }
    free(results);
  }
  char *log = world_log(&world, "succeed");
  CHECK(strcmp(member(log, "/0/message"), "succeed") == 0 && strcmp(member(log, "/1"), "") == 0);
  free(log);
  char *report = world_end(&world, -1);
  CHECK(strcmp(member(report, "/drivers/0/succeeded"), "4") == 0);
  CHECK(strcmp(member(report, "/drivers/0/failed"), "3") == 0);
  CHECK(strcmp(member(report, "/drivers/0/retried"), "1") == 0);
  CHECK(strcmp(member(report, "/drivers/0/given_back"), "1") == 0);
  free(report);
}

static int looks(void *data, conveyor_run run)
{
  conveyor_text text = 7;
  CHECK(strcmp(shown(conveyor_run_id(run)), "run-1") == 0);
  CHECK(strcmp(shown(conveyor_run_event(run)), "create") == 0);
  CHECK(strcmp(shown(conveyor_run_driver(run)), "greeter") == 0);
  CHECK(strcmp(member(shown(conveyor_run_payload(run)), "/spec/words/1"), "7") == 0);
  CHECK(conveyor_run_attempt(run) == 1);
  CHECK(conveyor_run_time_left_ms(run) > 60000);
  CHECK(!conveyor_run_is_cancelled(run));
  OK(conveyor_run_cancel_reason(run, &text, NULL));
  CHECK(text == 0);
  conveyor_resource resource;
  resource.struct_size = sizeof resource;
  OK(conveyor_run_read_resource(run, &resource, NULL));
  CHECK(strcmp(shown(resource.id), "1") == 0 && strcmp(shown(resource.name), "Ada") == 0);
  CHECK(resource.pipeline.len == 0 && strcmp(shown(resource.resource), "greeting") == 0);
  CHECK(strcmp(shown(resource.metadata), "{}") == 0 && strcmp(shown(resource.spec), "{\"words\": [\"a\", 7]}") == 0);
  /* Without a copy. */
  CHECK(resource.spec.ptr > conveyor_run_payload(run).ptr);
  OK(conveyor_run_resource(run, &text, NULL));
  CHECK(strcmp(member(conveyor_text_view(text).ptr, "/name"), "Ada") == 0);
  OK(conveyor_text_free(text));
  FAILS(CONVEYOR_E_NOT_FOUND, conveyor_run_get(run, conveyor_view("/spec/none"), &text, NULL));
  OK(conveyor_run_progress(run, NULL));
  count_add(data, 1);
  return 0;
}

static void a_run_knows_what_it_is_about(void)
{
  world world;
  counter done = COUNTER;
  world_make(&world);
  world_blocking(&world,
                 "{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"run_timeout_ms\": 100000}", looks, &done);
  world_start(&world);
  world_post(&world, "Ada", "run-1");
  count_await(&done, 1);
  free(world_end(&world, -1));
}

typedef struct crowd {
  counter inside, may_go, freed, cancelled;
} crowd;

static int waits(void *data, conveyor_run run)
{
  crowd *crowd = data;
  (void)run;
  count_add(&crowd->inside, 1);
  count_await(&crowd->may_go, 1);
  return 0;
}

static void as_many_runs_are_done_at_once_as_the_concurrency_says(void)
{
  world world;
  crowd crowd = {COUNTER, COUNTER, COUNTER, COUNTER};
  char name[16];
  world_make(&world);
  world_blocking(&world, GREETER_OF(8), waits, &crowd);
  world_start(&world);
  for (int i = 0; i < 12; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  count_await(&crowd.inside, 8);
  count_add(&crowd.may_go, 1);
  count_await(&crowd.inside, 12);
  char *report = world_end(&world, -1);
  CHECK(strcmp(member(report, "/drivers/0/succeeded"), "12") == 0);
  free(report);
}

static void crowd_cancelled(void *data, conveyor_run run)
{
  crowd *crowd = data;
  conveyor_text reason = 0;
  CHECK(conveyor_run_is_cancelled(run));
  OK(conveyor_run_cancel_reason(run, &reason, NULL));
  CHECK(strcmp(member(conveyor_text_view(reason).ptr, "/kind"), "requested") == 0);
  CHECK(strcmp(member(conveyor_text_view(reason).ptr, "/reason"), "obsolete") == 0);
  OK(conveyor_text_free(reason));
  count_add(&crowd->cancelled, 1);
}

static void crowd_freed(void *data)
{
  count_add(&((crowd *)data)->freed, 1);
}

static int waits_for_its_cancellation(void *data, conveyor_run run)
{
  crowd *crowd = data;
  struct pollfd readable = {-1, POLLIN, 0};
  OK(conveyor_run_cancel_fd(run, &readable.fd, NULL));
  CHECK(poll(&readable, 1, 0) == 0);
  count_add(&crowd->inside, 1);
  CHECK(poll(&readable, 1, 60000) == 1);
  CHECK(conveyor_run_is_cancelled(run));
  count_await(&crowd->cancelled, 1);
  return 1;
}

static void a_cancelled_run_is_told_by_flag_descriptor_and_function(void)
{
  world world;
  crowd crowd = {COUNTER, COUNTER, COUNTER, COUNTER};
  conveyor_driver driver;
  size_t events = 0;
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view(GREETER);
  driver.reconcile = waits_for_its_cancellation;
  driver.cancelled = crowd_cancelled;
  driver.user_data = &crowd;
  driver.free_user_data = crowd_freed;
  world_make(&world);
  OK(conveyor_manager_add_driver(world.manager, &driver, NULL));
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&crowd.inside, 1);
  OK(conveyor_manager_cancel(world.manager, conveyor_view("run-2"), NONE, &events, NULL));
  CHECK(events == 0);
  OK(conveyor_manager_cancel(world.manager, conveyor_view("run-1"), conveyor_view("obsolete"), &events, NULL));
  CHECK(events == 1);
  char *results = world_results(&world, "run-1", 1);
  CHECK(strcmp(member(results, "/0/success"), "false") == 0);
  free(results);
  free(world_end(&world, -1));
  CHECK(count_now(&crowd.freed) == 1 && count_now(&crowd.cancelled) == 1);
}

static void an_abandoned_run_holds_up_neither_others_nor_the_end(void)
{
  world world;
  crowd crowd = {COUNTER, COUNTER, COUNTER, COUNTER};
  conveyor_driver driver;
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options =
    conveyor_view("{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"cancel_grace_ms\": 1}");
  driver.reconcile = waits;
  driver.user_data = &crowd;
  driver.free_user_data = crowd_freed;
  world_make(&world);
  OK(conveyor_manager_add_driver(world.manager, &driver, NULL));
  world_start(&world);
  world_post(&world, "a", "run-1");
  world_post(&world, "b", "run-2");
  count_await(&crowd.inside, 1);
  OK(conveyor_manager_cancel(world.manager, conveyor_view("run-1"), NONE, NULL, NULL));
  count_await(&crowd.inside, 2);
  OK(conveyor_manager_cancel(world.manager, conveyor_view("run-2"), NONE, NULL, NULL));
  free(world_results(&world, "run-2", 1));
  char *report = world_end(&world, -1);
  CHECK(strcmp(member(report, "/drivers/0/abandoned"), "2") == 0);
  CHECK(count_now(&crowd.freed) == 0);
  count_add(&crowd.may_go, 1);
  count_await(&crowd.freed, 1);
  free(report);
}

static int counts(void *data, conveyor_run run)
{
  (void)run;
  count_add(data, 1);
  return 0;
}

static void no_function_begins_once_the_end_was_told(void)
{
  for (int round = 0; round < scaled(100); round++) {
    world world;
    counter begun = COUNTER;
    char name[16];
    world_make(&world);
    world_blocking(&world, GREETER_OF(4), counts, &begun);
    world_start(&world);
    for (int i = 0; i < 20; i++) {
      snprintf(name, sizeof name, "r%d", i);
      world_post(&world, name, name);
    }
    count_await(&begun, 1 + round % 20);
    OK(conveyor_manager_stop(world.manager, round % 2 ? 0 : -1, NULL, NULL, NULL));
    long told = count_now(&begun);
    OK(conveyor_manager_free(world.manager));
    OK(conveyor_stream_free(world.stream));
    CHECK(count_now(&begun) == told);
  }
}

typedef struct gate {
  counter inside, may_go;
} gate;

static int completes_and_goes_on(void *data, conveyor_run run)
{
  gate *gate = data;
  OK(conveyor_run_succeed(run, NONE, NONE, NULL));
  count_add(&gate->inside, 1);
  count_await(&gate->may_go, 1);
  return 0;
}

static void the_end_is_told_in_time_while_a_completed_run_goes_on(void)
{
  world world;
  gate gate = {COUNTER, COUNTER};
  conveyor_state state = 0;
  bool ended = true;
  world_make(&world);
  world_blocking(&world, GREETER, completes_and_goes_on, &gate);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&gate.inside, 1);
  free(world_results(&world, "run-1", 1));
  OK(conveyor_manager_drain(world.manager, NULL));
  while (state != CONVEYOR_STATE_ENDED) OK(conveyor_manager_state(world.manager, &state, NULL));
  OK(conveyor_manager_wait_ended(world.manager, 0, &ended, NULL, NULL, NULL));
  CHECK(!ended);
  OK(conveyor_manager_wait_ended(world.manager, 1, &ended, NULL, NULL, NULL));
  CHECK(!ended);
  count_add(&gate.may_go, 1);
  OK(conveyor_manager_wait_ended(world.manager, -1, &ended, NULL, NULL, NULL));
  CHECK(ended);
  free(world_end(&world, -1));
}

/* Uses so many bytes of stack, in pieces that no checker takes for another stack. */
static int deep(long bytes)
{
  volatile char piece[64 * 1024];
  for (size_t i = 0; i < sizeof piece; i += 1024) piece[i] = 1;
  return bytes > 0 ? deep(bytes - (long)sizeof piece) + piece[1024] : 0;
}

static int goes_deep(void *data, conveyor_run run)
{
  (void)run;
  return deep(*(long *)data) > 0 ? 0 : 1;
}

static void a_function_has_as_much_stack_as_main(void)
{
  enum { MEGABYTE = 1024 * 1024 };
  world world;
  struct rlimit before, now;
  CHECK(getrlimit(RLIMIT_STACK, &before) == 0);
  now = before;
  now.rlim_cur = before.rlim_max < 16 * MEGABYTE ? before.rlim_max : 16 * MEGABYTE;
  CHECK(now.rlim_cur >= 4 * MEGABYTE && setrlimit(RLIMIT_STACK, &now) == 0);
  long three_quarters = (long)now.rlim_cur / 4 * 3;
  world_make(&world);
  world_blocking(&world, GREETER, goes_deep, &three_quarters);
  world_start(&world);
  world_post(&world, "a", "run-1");
  char *results = world_results(&world, "run-1", 1);
  CHECK(strcmp(member(results, "/0/success"), "true") == 0);
  free(results);
  free(world_end(&world, -1));
  CHECK(setrlimit(RLIMIT_STACK, &before) == 0);
}

static void a_signal_drains_a_manager_that_runs(void)
{
  world world;
  conveyor_text line = 0;
  world_make_with(&world, "{\"signals\": true}");
  world_blocking(&world, GREETER, by_name, NULL);
  world_start(&world);
  CHECK(raise(SIGTERM) == 0);
  bool ended = false;
  OK(conveyor_manager_wait_ended(world.manager, 60000, &ended, NULL, &line, NULL));
  CHECK(ended && strcmp(shown(conveyor_text_view(line)), "greeter: 0 succeeded, 0 failed") == 0);
  OK(conveyor_text_free(line));
  free(world_end(&world, -1));
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(a_run_ends_as_its_function_says);
  RUN(a_run_knows_what_it_is_about);
  RUN(as_many_runs_are_done_at_once_as_the_concurrency_says);
  RUN(a_cancelled_run_is_told_by_flag_descriptor_and_function);
  RUN(an_abandoned_run_holds_up_neither_others_nor_the_end);
  RUN(no_function_begins_once_the_end_was_told);
  RUN(the_end_is_told_in_time_while_a_completed_run_goes_on);
  RUN(a_function_has_as_much_stack_as_main);
  RUN(a_signal_drains_a_manager_that_runs);
  return finish();
}
