/* Runs that the program takes from a queue itself. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str NONE = {NULL, 0};

static void an_event_loop_waits_for_one_descriptor(void)
{
  const int all = scaled(500);
  world world;
  conveyor_queue queue;
  struct pollfd readable = {-1, POLLIN, 0};
  char name[16];
  int done = 0;
  bool told = false;
  world_make(&world);
  OK(conveyor_queue_new(true, &queue, NULL));
  OK(conveyor_queue_wake_fd(queue, &readable.fd, NULL));
  world_queue(&world, GREETER_OF(32), queue);
  world_start(&world);
  for (int i = 0; i < all; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  while (!told) {
    conveyor_run runs[10];
    size_t count;
    conveyor_state state;
    CHECK(poll(&readable, 1, 60000) == 1);
    do {
      OK(conveyor_queue_take(queue, runs, 10, &count, NULL));
      for (size_t i = 0; i < count; i++) OK(conveyor_run_succeed(runs[i], NONE, NONE, NULL));
      done += (int)count;
    } while (count == 10);
    OK(conveyor_queue_take_state(queue, &state, NULL));
    told = state == CONVEYOR_STATE_ENDED;
    if (done == all) OK(conveyor_manager_drain(world.manager, NULL));
  }
  CHECK(poll(&readable, 1, 0) == 0);
  char *report = world_end(&world, -1);
  CHECK(atoi(member(report, "/drivers/0/succeeded")) == all);
  free(report);
  OK(conveyor_queue_free(queue));
}

static void *takes(void *data)
{
  conveyor_queue queue = *(conveyor_queue *)data;
  for (;;) {
    conveyor_run run;
    conveyor_code code = conveyor_queue_next(queue, -1, &run, NULL);
    if (code == CONVEYOR_E_CLOSED || run == 0) return NULL;
    OK(code);
    OK(conveyor_run_succeed(run, NONE, NONE, NULL));
  }
}

static void threads_take_a_run_each(void)
{
  enum { THREADS = 4 };
  const int all = scaled(200);
  world world;
  conveyor_queue queue;
  conveyor_state state = 0;
  pthread_t threads[THREADS];
  char name[16];
  world_make(&world);
  OK(conveyor_queue_new(false, &queue, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_wake_fd(queue, &(int){0}, NULL));
  world_queue(&world, GREETER_OF(16), queue);
  world_start(&world);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, takes, &queue) == 0);
  for (int i = 0; i < all; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  for (int i = 0; i < all; i++) {
    snprintf(name, sizeof name, "r%d", i);
    free(world_results(&world, name, 1));
  }
  OK(conveyor_manager_drain(world.manager, NULL));
  while (state != CONVEYOR_STATE_ENDED) {
    bool something;
    OK(conveyor_queue_wait_for_notice(queue, 60000, &something, NULL));
    CHECK(something);
    OK(conveyor_queue_take_state(queue, &state, NULL));
  }
  OK(conveyor_queue_close(queue, NULL));
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  free(world_end(&world, -1));
  OK(conveyor_queue_free(queue));
}

static void cancelled_runs_are_told_each_once(void)
{
  enum { RUNS = 8 };
  world world;
  conveyor_queue queue;
  conveyor_run runs[RUNS], told[RUNS];
  size_t taken_runs = 0, count, all = 0;
  char name[16];
  world_make(&world);
  OK(conveyor_queue_new(false, &queue, NULL));
  world_queue(&world, GREETER_OF(8), queue);
  world_start(&world);
  for (int i = 0; i < RUNS; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  while (taken_runs < RUNS) {
    OK(conveyor_queue_wait(queue, 60000, NULL, NULL));
    OK(conveyor_queue_take(queue, runs + taken_runs, RUNS - taken_runs, &count, NULL));
    OK(conveyor_queue_take_state(queue, &(conveyor_state){0}, NULL));
    taken_runs += count;
  }
  for (int i = 0; i < RUNS; i++) {
    size_t events;
    snprintf(name, sizeof name, "r%d", i);
    OK(conveyor_manager_cancel(world.manager, conveyor_view(name), NONE, &events, NULL));
    CHECK(events == 1);
  }
  while (all < RUNS) {
    OK(conveyor_queue_wait_for_notice(queue, 60000, NULL, NULL));
    /* Less room than there are. */
    OK(conveyor_queue_take_cancelled(queue, told + all, all < 3 ? 1 : RUNS - all, &count, NULL));
    all += count;
  }
  for (int i = 0; i < RUNS; i++) {
    CHECK(conveyor_run_is_cancelled(told[i]));
    OK(conveyor_run_fail(told[i], NONE, NONE, NULL));
    FAILS(CONVEYOR_E_CLOSED, conveyor_run_fail(told[i], NONE, NONE, NULL));
  }
  OK(conveyor_queue_take_cancelled(queue, told, RUNS, &count, NULL));
  CHECK(count == 0);
  free(world_end(&world, -1));
  OK(conveyor_queue_free(queue));
}

static void lines_that_find_no_room_have_tickets(void)
{
  enum { LINES = 200 };
  world world;
  conveyor_queue queue;
  conveyor_run run;
  static char text[60000];
  size_t waiting = 0, room = 0;
  memset(text, 'x', sizeof text - 1);
  world_make(&world);
  OK(conveyor_queue_new(false, &queue, NULL));
  world_queue(&world, "{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"log_buffer_bytes\": 65536}", queue);
  world_start(&world);
  world_post(&world, "a", "run-1");
  OK(conveyor_queue_next(queue, 60000, &run, NULL));
  for (int i = 0; i < LINES; i++) {
    uint64_t ticket = 7;
    for (;;) {
      conveyor_code code = conveyor_run_log_later(run, CONVEYOR_INFO, conveyor_view(text), NONE, &ticket, NULL);
      if (code == CONVEYOR_OK) break;
      uint64_t tickets[16];
      size_t count;
      CHECK(code == CONVEYOR_E_LOG_FULL);
      OK(conveyor_queue_wait_for_notice(queue, 60000, NULL, NULL));
      OK(conveyor_queue_take_state(queue, &(conveyor_state){0}, NULL));
      OK(conveyor_queue_take_accepted(queue, tickets, 16, &count, NULL));
      waiting -= count;
    }
    if (ticket != 0) waiting += 1; else room += 1;
  }
  while (waiting > 0) {
    uint64_t tickets[16];
    size_t count;
    OK(conveyor_queue_wait_for_notice(queue, 60000, NULL, NULL));
    OK(conveyor_queue_take_state(queue, &(conveyor_state){0}, NULL));
    OK(conveyor_queue_take_accepted(queue, tickets, 16, &count, NULL));
    waiting -= count;
  }
  CHECK(room > 0 && room < LINES);
  OK(conveyor_run_succeed(run, NONE, NONE, NULL));
  free(world_results(&world, "run-1", 1));
  char *log = world_log(&world, "run-1");
  CHECK(strlen(log) > LINES * strlen(text));
  free(log);
  free(world_end(&world, -1));
  OK(conveyor_queue_free(queue));
}

static void a_closed_queue_stops_its_drivers_and_its_runs_can_still_be_completed(void)
{
  world world;
  conveyor_queue queue;
  conveyor_run run;
  bool ended = false;
  world_make(&world);
  OK(conveyor_queue_new(false, &queue, NULL));
  world_queue(&world, GREETER, queue);
  world_start(&world);
  world_post(&world, "a", "run-1");
  OK(conveyor_queue_next(queue, 60000, &run, NULL));
  OK(conveyor_queue_free(queue));
  CHECK(strcmp(shown(conveyor_run_id(run)), "run-1") == 0);
  OK(conveyor_run_succeed(run, conveyor_view("late"), NONE, NULL));
  free(world_results(&world, "run-1", 1));
  /* The next one finds nobody. */
  world_post(&world, "b", "run-2");
  conveyor_code code = conveyor_manager_wait_ended(world.manager, 60000, &ended, NULL, NULL, NULL);
  CHECK(ended || code != CONVEYOR_OK);
  OK(conveyor_manager_free(world.manager));
  OK(conveyor_stream_free(world.stream));
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(an_event_loop_waits_for_one_descriptor);
  RUN(threads_take_a_run_each);
  RUN(cancelled_runs_are_told_each_once);
  RUN(lines_that_find_no_room_have_tickets);
  RUN(a_closed_queue_stops_its_drivers_and_its_runs_can_still_be_completed);
  return finish();
}
