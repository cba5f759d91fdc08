/* Whatever is wrong gets an error and a message, never a crash. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str NONE = {NULL, 0};

static int nothing(void *data, conveyor_run run)
{
  (void)data;
  (void)run;
  return 0;
}

static conveyor_driver greeter(void)
{
  conveyor_driver driver;
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view(GREETER);
  driver.reconcile = nothing;
  return driver;
}

static conveyor_manager manager(void)
{
  conveyor_manager made = 0;
  OK(conveyor_manager_new(conveyor_view("{\"signals\": false}"), &made, NULL));
  return made;
}

/* The name of the first fact of an error, which is freed. */
static const char *first_fact(conveyor_error error)
{
  conveyor_str name = {"", 0};
  CHECK(conveyor_error_message(error).len > 0);
  CHECK(conveyor_error_context(error, 0, &name, NULL));
  const char *text = shown(name);
  OK(conveyor_error_free(error));
  return text;
}

static void null_is_refused_wherever_something_is_needed(void)
{
  conveyor_error error = 0;
  conveyor_manager made = manager();
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_new(NONE, NULL, &error));
  CHECK(strcmp(first_fact(error), "manager") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, NULL, &error));
  CHECK(strcmp(first_fact(error), "driver") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_cancel(made, NONE, NONE, NULL, &error));
  CHECK(strcmp(first_fact(error), "run_id") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_new(false, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_stream_new(NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_stop_new(NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_json_quote(NONE, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_log_listen(CONVEYOR_INFO, NULL, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_log_wait(17, 0, NULL, NULL));
  OK(conveyor_manager_free(made));
}

static void zero_is_no_handle(void)
{
  conveyor_error error = 0;
  conveyor_driver driver = greeter();
  bool flag;
  size_t count = 7;
  conveyor_run runs[2];
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_start(0, &error));
  CHECK(strcmp(first_fact(error), "manager") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_run(0, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_wait_started(0, 0, &flag, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_wait_ended(0, 0, &flag, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_stop(0, 0, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(0, &driver, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_wait(0, 0, &flag, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_take(0, runs, 2, &count, NULL));
  CHECK(count == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_succeed(0, NONE, NONE, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_log(0, CONVEYOR_INFO, conveyor_view("x"), NONE, NULL));
  CHECK(conveyor_run_id(0).len == 0 && conveyor_run_attempt(0) == 0 && conveyor_run_is_cancelled(0));
  OK(conveyor_manager_free(0));
  OK(conveyor_queue_free(0));
  OK(conveyor_text_free(0));
  OK(conveyor_error_free(0));
  OK(conveyor_stop_free(0));
  OK(conveyor_stream_free(0));
}

static void a_handle_of_another_kind_is_refused(void)
{
  conveyor_error error = 0;
  conveyor_manager made = manager();
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_close(made, &error));
  CHECK(strcmp(first_fact(error), "queue") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_text_free(made));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_start(UINT64_MAX, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_start(12345, NULL));
  CHECK(conveyor_text_view(made).len == 0 && *conveyor_text_view(made).ptr == '\0');
  CHECK(conveyor_error_code(made) == CONVEYOR_OK && conveyor_error_message(made).len == 0);
  OK(conveyor_manager_free(made));
}

static void what_was_freed_is_closed(void)
{
  conveyor_manager made = manager();
  conveyor_queue queue;
  conveyor_text text;
  conveyor_error error = 0;
  OK(conveyor_manager_free(made));
  FAILS(CONVEYOR_E_CLOSED, conveyor_manager_free(made));
  FAILS(CONVEYOR_E_CLOSED, conveyor_manager_start(made, &error));
  CHECK(conveyor_error_code(error) == CONVEYOR_E_CLOSED);
  CHECK(strcmp(member(conveyor_error_document(error).ptr, "/name"), "Closed") == 0);
  OK(conveyor_error_free(error));
  FAILS(CONVEYOR_E_CLOSED, conveyor_error_free(error));
  OK(conveyor_queue_new(true, &queue, NULL));
  OK(conveyor_queue_free(queue));
  FAILS(CONVEYOR_E_CLOSED, conveyor_queue_wait(queue, 0, NULL, NULL));
  OK(conveyor_json_quote(conveyor_view("x"), &text, NULL));
  OK(conveyor_text_free(text));
  FAILS(CONVEYOR_E_CLOSED, conveyor_text_free(text));
}

static void text_has_to_be_utf8(void)
{
  conveyor_error error = 0;
  conveyor_text quoted = 7;
  conveyor_str bad = {"ab\xff", 3};
  conveyor_str long_null = {NULL, 3};
  conveyor_str too_long = {"ab", SIZE_MAX / 2 + 7};
  conveyor_str ended = {"a\"b", SIZE_MAX};
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_json_quote(bad, &quoted, &error));
  CHECK(quoted == 0 && strcmp(first_fact(error), "text") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_json_quote(long_null, &quoted, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_json_quote(too_long, &quoted, NULL));
  OK(conveyor_json_quote(ended, &quoted, NULL));
  CHECK(strcmp(conveyor_text_view(quoted).ptr, "\"a\\\"b\"") == 0);
  OK(conveyor_text_free(quoted));
}

static void bad_options_name_each_fault(void)
{
  conveyor_error error = 0;
  conveyor_manager made = 7;
  conveyor_driver driver = greeter();
  conveyor_str name, value;
  FAILS(CONVEYOR_E_OPTIONS_INVALID, conveyor_manager_new(conveyor_view("{\"signals\""), &made, &error));
  CHECK(made == 0 && strcmp(first_fact(error), "options") == 0);
  FAILS(CONVEYOR_E_OPTIONS_INVALID,
        conveyor_manager_new(conveyor_view("{\"connection\": {\"tls\": {\"ca\": 7}}}"), &made, &error));
  CHECK(strcmp(first_fact(error), "connection.tls.ca") == 0);
  made = manager();
  driver.options = conveyor_view("{\"name\": \"a\", \"resources\": [\"b\", 5], \"concurency\": 2}");
  FAILS(CONVEYOR_E_OPTIONS_INVALID, conveyor_manager_add_driver(made, &driver, &error));
  CHECK(conveyor_error_context(error, 1, &name, &value) && !conveyor_error_context(error, 2, &name, &value));
  OK(conveyor_error_free(error));
  /* What is checked at the start names the driver, too. */
  driver.options = conveyor_view("{\"name\": \"\", \"resources\": [\"b\"]}");
  OK(conveyor_manager_add_driver(made, &driver, NULL));
  FAILS(CONVEYOR_E_OPTIONS_INVALID, conveyor_manager_start(made, &error));
  CHECK(strcmp(first_fact(error), "drivers[0].name") == 0);
  OK(conveyor_manager_free(made));
}

static void begun(void *data, conveyor_run run)
{
  (void)data;
  (void)run;
}

static void a_driver_has_exactly_one_way_to_do_its_runs(void)
{
  conveyor_manager made = manager();
  conveyor_driver driver = greeter();
  conveyor_queue queue;
  OK(conveyor_queue_new(false, &queue, NULL));
  driver.reconcile = NULL;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  driver.reconcile = nothing;
  driver.reconcile_async = begun;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  driver.reconcile_async = NULL;
  driver.queue = queue;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  driver.reconcile = NULL;
  driver.cancelled = begun;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  driver.cancelled = NULL;
  driver.queue = made;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  OK(conveyor_queue_free(queue));
  OK(conveyor_manager_free(made));
}

static void a_structure_of_another_size_is_refused(void)
{
  conveyor_manager made = manager();
  conveyor_driver driver = greeter();
  conveyor_error error = 0;
  driver.struct_size = 0;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, &error));
  CHECK(strcmp(first_fact(error), "driver") == 0);
  driver.struct_size = sizeof driver + 8;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  OK(conveyor_manager_free(made));
}

static void arrays_of_another_size_are_refused(void)
{
  conveyor_queue queue;
  conveyor_run_info infos[2];
  conveyor_answer answers[1];
  size_t count = 7;
  conveyor_error error = 0;
  memset(answers, 0, sizeof answers);
  OK(conveyor_queue_new(false, &queue, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_take_info(queue, infos, sizeof infos[0] - 8, 2, &count, &error));
  CHECK(count == 0 && strcmp(first_fact(error), "infos") == 0);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_take_info(queue, NULL, sizeof infos[0], 2, &count, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_take_info(queue, infos, sizeof infos[0], 2, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_queue_take_info(queue, infos, sizeof infos[0], SIZE_MAX, &count, NULL));
  OK(conveyor_queue_take_info(queue, NULL, sizeof infos[0], 0, &count, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_runs_complete(answers, 3, 1, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_runs_complete(NULL, sizeof answers[0], 1, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_runs_complete(answers, sizeof answers[0], SIZE_MAX, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_runs_complete(answers, sizeof answers[0], 1, &error));
  CHECK(strcmp(first_fact(error), "ending") == 0);
  OK(conveyor_runs_complete(NULL, sizeof answers[0], 0, NULL));
  OK(conveyor_queue_free(queue));
}

static void free_int(void *data)
{
  *(int *)data += 1;
}

static void data_stay_the_callers_when_a_driver_is_refused(void)
{
  int freed = 0;
  conveyor_manager made = manager();
  conveyor_driver driver = greeter();
  driver.user_data = &freed;
  driver.free_user_data = free_int;
  driver.options = conveyor_view("{\"nam\": 1}");
  FAILS(CONVEYOR_E_OPTIONS_INVALID, conveyor_manager_add_driver(made, &driver, NULL));
  CHECK(freed == 0);
  driver.options = conveyor_view(GREETER);
  OK(conveyor_manager_add_driver(made, &driver, NULL));
  OK(conveyor_manager_free(made));
  CHECK(freed == 1);
}

static void a_manager_starts_once(void)
{
  world world;
  conveyor_driver driver = greeter();
  world_make(&world);
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_wait_started(world.manager, 0, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_manager_wait_ended(world.manager, 0, NULL, NULL, NULL, NULL));
  world_blocking(&world, GREETER, nothing, NULL);
  world_start(&world);
  FAILS(CONVEYOR_E_CLOSED, conveyor_manager_start(world.manager, NULL));
  FAILS(CONVEYOR_E_CLOSED, conveyor_manager_add_driver(world.manager, &driver, NULL));
  FAILS(CONVEYOR_E_CLOSED, conveyor_manager_use_stream(world.manager, world.stream, NULL));
  free(world_end(&world, -1));
}

static void a_manager_that_was_not_started_stops_with_an_empty_report(void)
{
  world world;
  world_make(&world);
  world_blocking(&world, GREETER, nothing, NULL);
  char *report = world_end(&world, 0);
  CHECK(strcmp(member(report, "/drivers"), "[]") == 0);
  free(report);
}

typedef struct deadlock {
  world world;
  counter done;
  conveyor_run run;
} deadlock;

static int waits_for_itself(void *data, conveyor_run run)
{
  deadlock *deadlock = data;
  conveyor_manager manager = deadlock->world.manager;
  deadlock->run = run;
  FAILS(CONVEYOR_E_WOULD_DEADLOCK, conveyor_manager_stop(manager, 0, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_WOULD_DEADLOCK, conveyor_manager_wait_ended(manager, -1, NULL, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_WOULD_DEADLOCK, conveyor_manager_wait_started(manager, -1, NULL, NULL));
  FAILS(CONVEYOR_E_WOULD_DEADLOCK, conveyor_manager_run(manager, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_WOULD_DEADLOCK, conveyor_manager_free(manager));
  conveyor_resource resource = {0};
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_read_resource(run, &resource, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_read_resource(run, NULL, NULL));
  /* Bad data leave the run as it is. */
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_succeed(run, NONE, conveyor_view("{"), NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_log(run, 9, conveyor_view("x"), NONE, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_log(run, 2, NONE, NONE, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_log(run, 2, conveyor_view("x"), conveyor_view("[]"), NULL));
  conveyor_str latin = {"caf\xe9", 4};
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_succeed(run, latin, NONE, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_raise(run, NONE, latin, NONE, conveyor_view("oops"), NULL));
  OK(conveyor_run_succeed(run, conveyor_view("once"), NONE, NULL));
  FAILS(CONVEYOR_E_CLOSED, conveyor_run_succeed(run, conveyor_view("twice"), NONE, NULL));
  FAILS(CONVEYOR_E_CLOSED, conveyor_run_give_back(run, NULL));
  FAILS(CONVEYOR_E_CLOSED, conveyor_run_log(run, 2, conveyor_view("x"), NONE, NULL));
  CHECK(conveyor_run_payload(run).len == 0);
  count_add(&deadlock->done, 1);
  return 5;
}

static void what_would_wait_for_itself_or_completes_twice_is_refused(void)
{
  deadlock deadlock = {{0, 0}, COUNTER, 0};
  world *world = &deadlock.world;
  world_make(world);
  world_blocking(world, GREETER, waits_for_itself, &deadlock);
  world_start(world);
  world_post(world, "a", "run-1");
  count_await(&deadlock.done, 1);
  char *results = world_results(world, "run-1", 1);
  CHECK(strcmp(member(results, "/0/message"), "once") == 0);
  free(results);
  FAILS(CONVEYOR_E_CLOSED, conveyor_run_fail(deadlock.run, NONE, NONE, NULL));
  free(world_end(world, -1));
}

static void json_that_is_none_and_values_that_are_not_there(void)
{
  conveyor_text value = 7;
  conveyor_str json = conveyor_view("{\"a\": [1, \"x\"], \"b\": null}");
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_json_get(conveyor_view("{"), conveyor_view("/a"), &value, NULL));
  CHECK(value == 0);
  FAILS(CONVEYOR_E_NOT_FOUND, conveyor_json_get(json, conveyor_view("/c"), &value, NULL));
  FAILS(CONVEYOR_E_NOT_FOUND, conveyor_json_get(json, conveyor_view("a"), &value, NULL));
  OK(conveyor_json_get_raw(json, conveyor_view("/a/1"), &value, NULL));
  CHECK(strcmp(conveyor_text_view(value).ptr, "\"x\"") == 0);
  OK(conveyor_text_free(value));
  CHECK(strcmp(member(json.ptr, "/a/1"), "x") == 0 && strcmp(member(json.ptr, "/b"), "null") == 0);
}

static void numbers_that_are_no_code_have_no_name(void)
{
  CHECK(strcmp(shown(conveyor_code_name(CONVEYOR_E_LOG_FULL)), "LogFull") == 0);
  CHECK(conveyor_code_name(-1).len == 0 && conveyor_code_name(4711).len == 0);
  CHECK(conveyor_code_retryable(CONVEYOR_E_UNAVAILABLE) && !conveyor_code_retryable(CONVEYOR_E_CLOSED));
  CHECK(strcmp(shown(conveyor_version()), CONVEYOR_VERSION) == 0);
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(null_is_refused_wherever_something_is_needed);
  RUN(zero_is_no_handle);
  RUN(a_handle_of_another_kind_is_refused);
  RUN(what_was_freed_is_closed);
  RUN(text_has_to_be_utf8);
  RUN(bad_options_name_each_fault);
  RUN(a_driver_has_exactly_one_way_to_do_its_runs);
  RUN(a_structure_of_another_size_is_refused);
  RUN(arrays_of_another_size_are_refused);
  RUN(data_stay_the_callers_when_a_driver_is_refused);
  RUN(a_manager_starts_once);
  RUN(a_manager_that_was_not_started_stops_with_an_empty_report);
  RUN(what_would_wait_for_itself_or_completes_twice_is_refused);
  RUN(json_that_is_none_and_values_that_are_not_there);
  RUN(numbers_that_are_no_code_have_no_name);
  return finish();
}
