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

static conveyor_answer answer(conveyor_run run, conveyor_ending ending, const char *message)
{
  conveyor_answer answer;
  memset(&answer, 0, sizeof answer);
  answer.run = run;
  answer.ending = ending;
  answer.message = conveyor_view(message);
  return answer;
}

static void many_runs_are_taken_and_completed_with_one_call_each(void)
{
  enum { RUNS = 7 };
  static const char *const data[RUNS] = {"{\"a\": 1}", NULL, "{\"b\": 2}", NULL, NULL, "{", NULL};
  static const conveyor_ending endings[RUNS] = {CONVEYOR_SUCCEED, CONVEYOR_FAIL, CONVEYOR_RAISE,  CONVEYOR_RETRY,
                                                CONVEYOR_GIVE_BACK, CONVEYOR_SUCCEED, 9};
  world world;
  conveyor_queue queue;
  conveyor_run_info infos[RUNS];
  conveyor_answer answers[RUNS + 2];
  conveyor_error error = 0;
  conveyor_str fact;
  size_t taken_runs = 0, count;
  char name[16];
  world_make(&world);
  OK(conveyor_queue_new(false, &queue, NULL));
  world_queue(&world, "{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"concurrency\": 7, \"max_attempts\": 1}",
              queue);
  world_start(&world);
  for (int i = 0; i < RUNS; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  while (taken_runs < RUNS) {
    OK(conveyor_queue_wait(queue, 60000, NULL, NULL));
    OK(conveyor_queue_take_info(queue, infos + taken_runs, sizeof infos[0], RUNS - taken_runs, &count, NULL));
    OK(conveyor_queue_take_state(queue, &(conveyor_state){0}, NULL));
    taken_runs += count;
  }
  for (int i = 0; i < RUNS; i++) {
    snprintf(name, sizeof name, "r%d", i);
    CHECK(strcmp(shown(infos[i].id), name) == 0 && strcmp(shown(infos[i].event), "create") == 0);
    CHECK(strcmp(shown(infos[i].driver), "greeter") == 0 && infos[i].attempt == 1);
    CHECK(strcmp(member(shown(infos[i].payload), "/name"), name) == 0);
    CHECK(infos[i].payload.ptr == conveyor_run_payload(infos[i].run).ptr);
    answers[i] = answer(infos[i].run, endings[i], "told");
    answers[i].data = conveyor_view(data[i]);
    answers[i].after_ms = -1;
  }
  answers[RUNS] = answer(infos[0].run, CONVEYOR_SUCCEED, "twice");
  answers[RUNS + 1] = answer(queue, CONVEYOR_SUCCEED, "no run");
  /* Those that cannot be taken hold up no other. */
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_runs_complete(answers, sizeof answers[0], RUNS + 2, &error));
  CHECK(conveyor_error_context(error, 0, &fact, NULL) && strcmp(shown(fact), "data") == 0);
  OK(conveyor_error_free(error));
  for (int i = 0; i < 5; i++) OK(answers[i].code);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, answers[5].code);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, answers[6].code);
  FAILS(CONVEYOR_E_CLOSED, answers[RUNS].code);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, answers[RUNS + 1].code);
  /* The runs of those are as they were. */
  answers[5].data = answers[6].data = NONE;
  answers[6].ending = CONVEYOR_SUCCEED;
  OK(conveyor_runs_complete(&answers[5], sizeof answers[0], 2, NULL));
  for (int i = 0; i < RUNS; i++) {
    snprintf(name, sizeof name, "r%d", i);
    if (endings[i] == CONVEYOR_GIVE_BACK) continue;
    char *results = world_results(&world, name, 1);
    bool good = endings[i] != CONVEYOR_FAIL && endings[i] != CONVEYOR_RAISE && endings[i] != CONVEYOR_RETRY;
    CHECK(strcmp(member(results, "/0/success"), good ? "true" : "false") == 0);
    CHECK(strcmp(member(results, "/0/message"), "told") == 0);
    if (i == 0) CHECK(strcmp(member(results, "/0/data/a"), "1") == 0);
    if (i == 2) CHECK(strcmp(member(results, "/0/data/b"), "2") == 0);
    free(results);
  }
  free(world_end(&world, 0));
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
  /* The sender may keep pace with the first. */
  enum { LINES = 200, MOST = 5000 };
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
  for (size_t i = 0; i < LINES || (room == i && i < MOST); i++) {
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
  CHECK(room > 0 && room < MOST);
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

static void that_a_queue_was_closed_is_told_once(void)
{
  conveyor_queue queue;
  conveyor_run run;
  conveyor_state state;
  size_t count;
  bool something;
  struct pollfd readable = {-1, POLLIN, 0};
  OK(conveyor_queue_new(true, &queue, NULL));
  OK(conveyor_queue_wake_fd(queue, &readable.fd, NULL));
  CHECK(poll(&readable, 1, 0) == 0);
  OK(conveyor_queue_close(queue, NULL));
  OK(conveyor_queue_wait(queue, -1, &something, NULL));
  CHECK(something && poll(&readable, 1, 0) == 1);
  OK(conveyor_queue_take(queue, &run, 1, &count, NULL));
  OK(conveyor_queue_take_state(queue, &state, NULL));
  CHECK(count == 0 && state == CONVEYOR_STATE_UNCHANGED);
  OK(conveyor_queue_wait(queue, 0, &something, NULL));
  CHECK(!something && poll(&readable, 1, 0) == 0);
  OK(conveyor_queue_next(queue, -1, &run, NULL));
  CHECK(run == 0);
  OK(conveyor_queue_free(queue));
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(an_event_loop_waits_for_one_descriptor);
  RUN(threads_take_a_run_each);
  RUN(many_runs_are_taken_and_completed_with_one_call_each);
  RUN(cancelled_runs_are_told_each_once);
  RUN(lines_that_find_no_room_have_tickets);
  RUN(a_closed_queue_stops_its_drivers_and_its_runs_can_still_be_completed);
  RUN(that_a_queue_was_closed_is_told_once);
  return finish();
}
