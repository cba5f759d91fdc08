/* Many events, and no more memory than a few need. LEAK_EVENTS says how many. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const conveyor_str NONE = {NULL, 0};
enum { A_ROUND = 5000, EARLY = 4 };
static int rounds = 12;

/* In kilobytes, as Linux tells. */
static long resident(void)
{
  long pages = 0, all = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL && fscanf(file, "%ld %ld", &all, &pages) == 2);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static int logs(void *data, conveyor_run run)
{
  conveyor_text name;
  OK(conveyor_run_get(run, conveyor_view("/name"), &name, NULL));
  OK(conveyor_run_log(run, CONVEYOR_INFO, conveyor_text_view(name), conveyor_view("{\"a\": \"b\"}"), NULL));
  OK(conveyor_run_succeed(run, conveyor_view("done"), conveyor_view("{\"a\": 1}"), NULL));
  OK(conveyor_text_free(name));
  FAILS(CONVEYOR_E_CLOSED, conveyor_run_progress(run, NULL));
  conveyor_error error;
  FAILS(CONVEYOR_E_CLOSED, conveyor_run_give_back(run, &error));
  OK(conveyor_error_free(error));
  count_add(data, 1);
  return 0;
}

static void begin(void *data, conveyor_run run)
{
  int fd;
  OK(conveyor_run_cancel_fd(run, &fd, NULL));
  CHECK(fd >= 0);
  OK(conveyor_run_log(run, CONVEYOR_INFO, conveyor_run_id(run), NONE, NULL));
  OK(conveyor_run_succeed(run, NONE, NONE, NULL));
  count_add(data, 1);
}

/* A stream keeps what it is told: each round has its own. */
static void round_of(int events, bool asynchronous)
{
  world world;
  counter done = COUNTER;
  char name[32];
  world_make(&world);
  if (asynchronous) {
    world_async(&world, GREETER_OF(32), begin, &done);
  } else {
    world_blocking(&world, GREETER_OF(4), logs, &done);
  }
  world_start(&world);
  for (int i = 0; i < events; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  count_await(&done, events);
  free(world_end(&world, -1));
}

static void memory_is_flat_over_many_events(void)
{
  long early = 0;
  for (int round = 0; round < rounds; round++) {
    round_of(A_ROUND, round % 2 == 1);
    if (round == EARLY - 1) early = resident();
  }
  long late = resident();
  printf("(%ld kB after %d events, %ld kB after %d) ", early, EARLY * A_ROUND, late, rounds * A_ROUND);
  /* Some 100 bytes an event would be more. */
  CHECK(late - early < (rounds - EARLY) * A_ROUND / 10);
}

int main(void)
{
  const char *events = getenv("LEAK_EVENTS");
  if (events) rounds = atoi(events) / A_ROUND;
  CHECK(rounds > EARLY);
  RUN(memory_is_flat_over_many_events);
  return finish();
}
