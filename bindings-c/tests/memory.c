/* Many events, and no more memory than a few need. LEAK_EVENTS says how many. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__GLIBC__) && __GLIBC__ == 2 && __GLIBC_MINOR__ >= 33
#include <malloc.h>
#define HAS_MALLINFO
#endif

static const conveyor_str NONE = {NULL, 0};
enum { A_ROUND = 5000, BYTES_AN_EVENT = 80, ALLOCATED_KB = 512 };
static int rounds = 24;

/* In kilobytes. */
typedef struct weight {
  long resident, allocated;
} weight;

/* As Linux tells. */
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

/* What is left after a round. */
static weight weigh(void)
{
  weight now = {0, 0};
#ifdef HAS_MALLINFO
  /* What is free counts as resident until it is given back. */
  malloc_trim(0);
  /* A library with an allocator of its own has nothing here. */
  now.allocated = (long)(mallinfo2().uordblks / 1024);
#endif
  now.resident = resident();
  return now;
}

/* The least that is left after any of so many rounds: what threads and allocators keep for a while only adds. */
static weight lightest(int many)
{
  weight least = {0, 0};
  for (int i = 0; i < many; i++) {
    round_of(A_ROUND, i % 2 == 1);
    weight now = weigh();
    if (i == 0 || now.resident < least.resident) least.resident = now.resident;
    if (i == 0 || now.allocated < least.allocated) least.allocated = now.allocated;
  }
  return least;
}

static void memory_is_flat_over_many_events(void)
{
  int some = rounds / 3;
  weight early = lightest(some);
  lightest(rounds - 2 * some);
  weight late = lightest(some);
  printf("(%ld kB resident, %ld allocated, and %d events later %ld and %ld) ", early.resident,
         early.allocated, (rounds - some) * A_ROUND, late.resident, late.allocated);
  CHECK(late.resident - early.resident < (rounds - some) * A_ROUND / 1000 * BYTES_AN_EVENT);
  /* Caches of the allocator's and tables of handles grow to some size, and no further. */
  CHECK(late.allocated - early.allocated < ALLOCATED_KB);
}

int main(void)
{
  const char *events = getenv("LEAK_EVENTS");
  if (events) rounds = atoi(events) / A_ROUND;
  CHECK(rounds >= 3);
  RUN(memory_is_flat_over_many_events);
  return finish();
}
