/* Forks and signals: what belongs to the process. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const conveyor_str NONE = {NULL, 0};

static void hears(void *data, const conveyor_log_record *record)
{
  CHECK(record->message.len > 0);
  count_add(data, 1);
}

/* The child has to end well. */
static void await_child(pid_t child)
{
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_child_hears_what_it_says_itself(void)
{
  counter parents = COUNTER;
  conveyor_text records = 0;
  OK(conveyor_log_listen(CONVEYOR_DEBUG, hears, &parents, NULL, NULL));
  world_speak();
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    counter childs = COUNTER;
    OK(conveyor_log_stop(NULL));
    OK(conveyor_log_wait(CONVEYOR_DEBUG, 0, &records, NULL));
    CHECK(records == 0);
    world_speak();
    OK(conveyor_log_wait(CONVEYOR_DEBUG, 60000, &records, NULL));
    CHECK(records != 0);
    OK(conveyor_log_listen(CONVEYOR_DEBUG, hears, &childs, NULL, NULL));
    world_speak();
    OK(conveyor_log_stop(NULL));
    CHECK(count_now(&childs) > 0);
    _exit(0);
  }
  await_child(child);
  long told = count_now(&parents);
  world_speak();
  OK(conveyor_log_stop(NULL));
  CHECK(count_now(&parents) > told);
}

static void started(world *world, const char *options, void *data)
{
  world_make_with(world, options);
  world_blocking(world, GREETER, ignores_run, data);
  world_start(world);
}

static volatile sig_atomic_t handled;

static void handles(int signal)
{
  (void)signal;
  handled += 1;
}

/* Does it in a child, and says how that ended. */
static int status_of(void (*work)(void))
{
  int status;
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    work();
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

static void await_end(conveyor_manager manager)
{
  conveyor_state state = 0;
  while (state != CONVEYOR_STATE_ENDED) OK(conveyor_manager_state(manager, &state, NULL));
}

static void stop_two_then_terminate(void)
{
  world first, second;
  counter done = COUNTER;
  started(&first, "{}", &done);
  started(&second, "{\"signals\": true}", &done);
  free(world_end(&first, -1));
  CHECK(raise(SIGTERM) == 0);
  await_end(second.manager);
  free(world_end(&second, -1));
  CHECK(raise(SIGTERM) == 0);
}

static void terminate_before_anybody_heard_of_the_end(void)
{
  world world;
  counter done = COUNTER;
  started(&world, "{}", &done);
  OK(conveyor_manager_drain(world.manager, NULL));
  await_end(world.manager);
  CHECK(raise(SIGINT) == 0);
  for (;;) pause();
}

static void handle_signals_before_and_after(void)
{
  struct sigaction mine, now;
  world world;
  counter done = COUNTER;
  memset(&mine, 0, sizeof mine);
  mine.sa_handler = handles;
  CHECK(sigaction(SIGTERM, &mine, NULL) == 0);
  started(&world, "{}", &done);
  CHECK(raise(SIGTERM) == 0 && handled == 1);
  await_end(world.manager);
  CHECK(raise(SIGTERM) == 0 && handled == 2);
  free(world_end(&world, -1));
  CHECK(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == handles);
  CHECK(raise(SIGTERM) == 0 && handled == 3);
}

static void ignore_signals_meanwhile(void)
{
  struct sigaction mine, now;
  world world;
  counter done = COUNTER;
  memset(&mine, 0, sizeof mine);
  mine.sa_handler = SIG_IGN;
  started(&world, "{}", &done);
  CHECK(sigaction(SIGTERM, &mine, NULL) == 0);
  free(world_end(&world, -1));
  CHECK(sigaction(SIGTERM, NULL, &now) == 0 && now.sa_handler == SIG_IGN);
}

static struct sigaction beneath;

static void handles_and_passes_on(int signal, siginfo_t *info, void *context)
{
  handled += 1;
  if (beneath.sa_flags & SA_SIGINFO) beneath.sa_sigaction(signal, info, context);
}

static void handle_signals_above_and_below(void)
{
  struct sigaction mine;
  world world;
  counter done = COUNTER;
  started(&world, "{}", &done);
  memset(&mine, 0, sizeof mine);
  mine.sa_sigaction = handles_and_passes_on;
  mine.sa_flags = SA_SIGINFO;
  CHECK(sigaction(SIGTERM, &mine, &beneath) == 0);
  CHECK(raise(SIGTERM) == 0 && handled == 1);
  await_end(world.manager);
  free(world_end(&world, -1));
  CHECK(raise(SIGTERM) == 0 && handled == 2);
  /* What it passes on to is above it now, too. */
  started(&world, "{}", &done);
  CHECK(raise(SIGTERM) == 0 && handled == 3);
  await_end(world.manager);
  free(world_end(&world, -1));
}

static void terminate_a_child_of_a_manager(void)
{
  world world;
  counter done = COUNTER;
  int status;
  started(&world, "{}", &done);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    raise(SIGTERM);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  conveyor_state state;
  OK(conveyor_manager_state(world.manager, &state, NULL));
  CHECK(state == CONVEYOR_STATE_RUNNING);
  free(world_end(&world, -1));
}

static void signals_are_the_programs_again_after_the_end(void)
{
  int status = status_of(stop_two_then_terminate);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  status = status_of(terminate_before_anybody_heard_of_the_end);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
  status = status_of(handle_signals_before_and_after);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  status = status_of(ignore_signals_meanwhile);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  status = status_of(handle_signals_above_and_below);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  status = status_of(terminate_a_child_of_a_manager);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void what_was_made_before_a_fork_is_the_parents(void)
{
  world parents;
  counter done = COUNTER;
  conveyor_queue queue;
  world_make(&parents);
  world_blocking(&parents, GREETER, ignores_run, &done);
  world_start(&parents);
  OK(conveyor_queue_new(true, &queue, NULL));
  fflush(stdout);
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    world childs;
    FAILS(CONVEYOR_E_FORKED, conveyor_manager_drain(parents.manager, NULL));
    FAILS(CONVEYOR_E_FORKED, conveyor_manager_stop(parents.manager, 0, NULL, NULL, NULL));
    FAILS(CONVEYOR_E_FORKED, conveyor_queue_wait(queue, -1, NULL, NULL));
    FAILS(CONVEYOR_E_FORKED, conveyor_stream_post(parents.stream, NONE, NONE, NONE, NONE, NULL));
    FAILS(CONVEYOR_E_FORKED, conveyor_manager_free(parents.manager));
    /* And the child can have its own. */
    counter mine = COUNTER;
    world_make(&childs);
    world_blocking(&childs, GREETER, ignores_run, &mine);
    world_start(&childs);
    world_post(&childs, "a", "run-1");
    count_await(&mine, 1);
    free(world_end(&childs, -1));
    _exit(0);
  }
  await_child(child);
  world_post(&parents, "a", "run-1");
  count_await(&done, 1);
  free(world_end(&parents, -1));
  OK(conveyor_queue_free(queue));
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(a_child_hears_what_it_says_itself);
  RUN(what_was_made_before_a_fork_is_the_parents);
  RUN(signals_are_the_programs_again_after_the_end);
  return finish();
}
