/* Commands, and the library's own logs. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str NONE = {NULL, 0};

static void exec_like(conveyor_run run, const char *command, conveyor_exit *exit)
{
  memset(exit, 0, sizeof *exit);
  exit->struct_size = sizeof *exit;
  OK(conveyor_run_exec(run, conveyor_view(command), 0, exit, NULL, NULL));
}

static int runs_commands(void *data, conveyor_run run)
{
  conveyor_exit exit;
  conveyor_text line = 0;
  conveyor_error error = 0;
  exec_like(run, "{\"program\": \"echo\", \"args\": [\"hello  there\"]}", &exit);
  CHECK(exit.code == 0 && exit.signal == 0 && exit.success && !exit.cancelled && exit.duration_ms >= 0);
  exec_like(run, "{\"program\": \"sh\", \"args\": [\"-c\", \"echo oops >&2; exit 3\"]}", &exit);
  CHECK(exit.code == 3 && !exit.success);
  exec_like(run, "{\"program\": \"sh\", \"args\": [\"-c\", \"kill -KILL $$\"]}", &exit);
  CHECK(exit.code == -1 && exit.signal == SIGKILL && !exit.success);
  /* What the library blocks for itself its commands do not. */
  exec_like(run, "{\"program\": \"sh\", \"args\": [\"-c\", \"kill -PIPE $$; exit 0\"]}", &exit);
  CHECK(exit.signal == SIGPIPE);
  OK(conveyor_run_exec(run, conveyor_view("{\"program\": \"true\"}"), 0, NULL, &line, NULL));
  CHECK(strncmp(conveyor_text_view(line).ptr, "exited with 0", 13) == 0);
  OK(conveyor_text_free(line));
  /* Under valgrind a program that cannot be started seems to be. */
  if (!under_valgrind()) {
    FAILS(CONVEYOR_E_EXEC_FAILED,
          conveyor_run_exec(run, conveyor_view("{\"program\": \"/no/such\"}"), 0, NULL, NULL, &error));
    CHECK(conveyor_error_code(error) == CONVEYOR_E_EXEC_FAILED);
    OK(conveyor_error_free(error));
  }
  FAILS(CONVEYOR_E_OPTIONS_INVALID,
        conveyor_run_exec(run, conveyor_view("{\"program\": \"ls\", \"argv\": []}"), 0, NULL, NULL, NULL));
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_run_exec(run, NONE, 0, NULL, NULL, NULL));
  exit.struct_size = 3;
  FAILS(CONVEYOR_E_ARGUMENT_INVALID,
        conveyor_run_exec(run, conveyor_view("{\"program\": \"true\"}"), 0, &exit, NULL, NULL));
  count_add(data, 1);
  return 0;
}

static void a_commands_exit_is_data_and_its_output_the_runs_log(void)
{
  world world;
  counter done = COUNTER;
  world_make(&world);
  world_blocking(&world, GREETER, runs_commands, &done);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&done, 1);
  free(world_results(&world, "run-1", 1));
  char *log = world_log(&world, "run-1");
  CHECK(strcmp(member(log, "/0/message"), "hello  there") == 0);
  CHECK(strcmp(member(log, "/1/message"), "oops") == 0);
  free(log);
  free(world_end(&world, -1));
}

/* Input that nobody reads raises SIGPIPE in a program that does not ignore it. */
static int feeds_the_deaf(void *data, conveyor_run run)
{
  static char command[300000];
  sigset_t pending;
  conveyor_exit exit;
  size_t length = (size_t)sprintf(command, "{\"program\": \"true\", \"stdin\": \"");
  memset(command + length, 'x', 250000);
  strcpy(command + length + 250000, "\"}");
  exec_like(run, command, &exit);
  CHECK(exit.success);
  CHECK(sigpending(&pending) == 0 && !sigismember(&pending, SIGPIPE));
  count_add(data, 1);
  return 0;
}

static void unread_input_of_a_command_does_not_end_the_program(void)
{
  world world;
  counter done = COUNTER;
  conveyor_queue queue;
  conveyor_run run;
  CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
  world_make(&world);
  world_blocking(&world, GREETER, feeds_the_deaf, &done);
  OK(conveyor_queue_new(false, &queue, NULL));
  world_queue(&world, "{\"name\": \"other\", \"resources\": [\"greeting\"]}", queue);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&done, 1);
  /* On a thread of the program's own, too. */
  OK(conveyor_queue_next(queue, 60000, &run, NULL));
  feeds_the_deaf(&done, run);
  OK(conveyor_run_succeed(run, NONE, NONE, NULL));
  free(world_end(&world, -1));
  OK(conveyor_queue_free(queue));
}

static int kills_itself(void *data, conveyor_run run)
{
  sigset_t now, before;
  conveyor_exit exit;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &before) == 0 && sigismember(&before, SIGTERM) == 1);
  exec_like(run, "{\"program\": \"sh\", \"args\": [\"-c\", \"kill -TERM $$; exit 0\"]}", &exit);
  CHECK(exit.signal == SIGTERM);
  exec_like(run, "{\"program\": \"sh\", \"args\": [\"-c\", \"kill -PIPE $$; exit 0\"]}", &exit);
  CHECK(exit.signal == SIGPIPE);
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &now) == 0);
  CHECK(sigismember(&now, SIGTERM) == 1 && sigismember(&now, SIGPIPE) == 1 && sigismember(&now, SIGINT) == 0);
  count_add(data, 1);
  return 0;
}

static void a_command_hears_the_signals_that_the_program_blocks(void)
{
  world world;
  counter done = COUNTER;
  sigset_t blocked, before;
  CHECK(sigemptyset(&blocked) == 0 && sigaddset(&blocked, SIGTERM) == 0 && sigaddset(&blocked, SIGPIPE) == 0);
  CHECK(pthread_sigmask(SIG_BLOCK, &blocked, &before) == 0);
  world_make(&world);
  world_blocking(&world, GREETER, kills_itself, &done);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&done, 1);
  free(world_end(&world, -1));
  CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static int cannot_know(void *data, conveyor_run run)
{
  conveyor_error error = 0;
  FAILS(CONVEYOR_E_EXEC_FAILED,
        conveyor_run_exec(run, conveyor_view("{\"program\": \"true\"}"), 0, NULL, NULL, &error));
  CHECK(strstr(shown(conveyor_error_message(error)), "SIGCHLD") != NULL);
  OK(conveyor_error_free(error));
  count_add(data, 1);
  return 0;
}

static void a_program_that_ignores_its_children_is_told_so(void)
{
  world world;
  counter done = COUNTER;
  CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
  world_make(&world);
  world_blocking(&world, GREETER, cannot_know, &done);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&done, 1);
  free(world_end(&world, -1));
  CHECK(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
}

typedef struct stopped {
  counter begun, done;
  conveyor_stop stop;
} stopped;

static int sleeps(void *data, conveyor_run run)
{
  stopped *stopped = data;
  conveyor_exit exit;
  memset(&exit, 0, sizeof exit);
  exit.struct_size = sizeof exit;
  count_add(&stopped->begun, 1);
  OK(conveyor_run_exec(run, conveyor_view("{\"program\": \"sleep\", \"args\": [\"1000\"]}"), stopped->stop, &exit,
                       NULL, NULL));
  CHECK(exit.cancelled && !exit.success && exit.signal == SIGTERM);
  CHECK(!conveyor_run_is_cancelled(run));
  count_add(&stopped->done, 1);
  return 0;
}

static void a_stop_ends_a_command_before_its_run(void)
{
  world world;
  stopped stopped = {COUNTER, COUNTER, 0};
  OK(conveyor_stop_new(&stopped.stop, NULL));
  world_make(&world);
  world_blocking(&world, GREETER, sleeps, &stopped);
  world_start(&world);
  world_post(&world, "a", "run-1");
  count_await(&stopped.begun, 1);
  OK(conveyor_stop_set(stopped.stop, NULL));
  count_await(&stopped.done, 1);
  free(world_end(&world, -1));
  OK(conveyor_stop_free(stopped.stop));
  FAILS(CONVEYOR_E_CLOSED, conveyor_stop_set(stopped.stop, NULL));
}

typedef struct heard {
  counter records, freed;
} heard;

static void hears(void *data, const conveyor_log_record *record)
{
  heard *heard = data;
  CHECK(record->struct_size >= sizeof *record && record->unix_nanos > 0);
  CHECK(record->level >= CONVEYOR_DEBUG && record->level <= CONVEYOR_ERROR);
  CHECK(strncmp(shown(record->target), "conveyor_driver", 15) == 0);
  CHECK(record->message.len > 0 && record->fields.len > 0);
  sigset_t blocked;
  CHECK(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0 && sigismember(&blocked, SIGTERM) == 0);
  FAILS(CONVEYOR_E_WOULD_DEADLOCK, conveyor_log_stop(NULL));
  count_add(&heard->records, 1);
}

static void heard_freed(void *data)
{
  count_add(&((heard *)data)->freed, 1);
}

static void the_library_says_what_it_does_through_a_function(void)
{
  heard heard = {COUNTER, COUNTER};
  FAILS(CONVEYOR_E_ARGUMENT_INVALID, conveyor_log_listen(17, hears, &heard, heard_freed, NULL));
  OK(conveyor_log_listen(CONVEYOR_DEBUG, hears, &heard, heard_freed, NULL));
  FAILS(CONVEYOR_E_CONFLICT, conveyor_log_listen(CONVEYOR_DEBUG, hears, &heard, heard_freed, NULL));
  world_speak();
  OK(conveyor_log_stop(NULL));
  OK(conveyor_log_stop(NULL));
  CHECK(count_now(&heard.records) > 0 && count_now(&heard.freed) == 1);
  long told = count_now(&heard.records);
  world_speak();
  CHECK(count_now(&heard.records) == told);
}

static void the_library_says_what_it_does_when_it_is_asked(void)
{
  conveyor_text records = 0;
  world_speak();
  OK(conveyor_log_wait(CONVEYOR_DEBUG, 60000, NULL, NULL));
  OK(conveyor_log_wait(CONVEYOR_DEBUG, 0, &records, NULL));
  CHECK(records != 0);
  char *text = taken(records);
  CHECK(strncmp(member(text, "/0/target"), "conveyor_driver", 15) == 0);
  free(text);
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(a_commands_exit_is_data_and_its_output_the_runs_log);
  RUN(unread_input_of_a_command_does_not_end_the_program);
  RUN(a_command_hears_the_signals_that_the_program_blocks);
  RUN(a_program_that_ignores_its_children_is_told_so);
  RUN(a_stop_ends_a_command_before_its_run);
  RUN(the_library_says_what_it_does_through_a_function);
  RUN(the_library_says_what_it_does_when_it_is_asked);
  return finish();
}
