/* Runs that are completed later, from any thread. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str NONE = {NULL, 0};

#define ROOM 4096

/* Runs on their way from the library's thread to those that complete them. */
typedef struct channel {
  pthread_mutex_t lock;
  pthread_cond_t came;
  conveyor_run runs[ROOM];
  size_t count;
  bool closed;
  counter completed;
} channel;

static void channel_make(channel *channel)
{
  counter none = COUNTER;
  memset(channel, 0, sizeof *channel);
  pthread_mutex_init(&channel->lock, NULL);
  pthread_cond_init(&channel->came, NULL);
  channel->completed = none;
}

static void begin(void *data, conveyor_run run)
{
  channel *channel = data;
  pthread_mutex_lock(&channel->lock);
  CHECK(channel->count < ROOM);
  channel->runs[channel->count++] = run;
  pthread_cond_signal(&channel->came);
  pthread_mutex_unlock(&channel->lock);
}

static void *complete(void *data)
{
  channel *channel = data;
  for (;;) {
    pthread_mutex_lock(&channel->lock);
    while (channel->count == 0 && !channel->closed) pthread_cond_wait(&channel->came, &channel->lock);
    if (channel->count == 0) break;
    conveyor_run run = channel->runs[--channel->count];
    pthread_mutex_unlock(&channel->lock);
    OK(conveyor_run_log(run, CONVEYOR_INFO, conveyor_run_id(run), NONE, NULL));
    OK(conveyor_run_succeed(run, conveyor_view("later"), NONE, NULL));
    count_add(&channel->completed, 1);
  }
  pthread_mutex_unlock(&channel->lock);
  return NULL;
}

static void close_channel(channel *channel)
{
  pthread_mutex_lock(&channel->lock);
  channel->closed = true;
  pthread_cond_broadcast(&channel->came);
  pthread_mutex_unlock(&channel->lock);
}

static void runs_are_completed_by_other_threads(void)
{
  enum { THREADS = 4 };
  const int runs = scaled(2000);
  static channel channel;
  world world;
  pthread_t threads[THREADS];
  char name[16];
  channel_make(&channel);
  world_make(&world);
  world_async(&world, GREETER_OF(64), begin, &channel);
  world_start(&world);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, complete, &channel) == 0);
  for (int i = 0; i < runs; i++) {
    snprintf(name, sizeof name, "r%d", i);
    world_post(&world, name, name);
  }
  count_await(&channel.completed, runs);
  close_channel(&channel);
  for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  char *report = world_end(&world, -1);
  CHECK(atoi(member(report, "/drivers/0/succeeded")) == runs);
  free(report);
}

static void *complete_once(void *data)
{
  conveyor_run run = *(conveyor_run *)data;
  return conveyor_run_succeed(run, NONE, NONE, NULL) == CONVEYOR_OK ? data : NULL;
}

static void of_many_that_complete_a_run_one_does(void)
{
  enum { THREADS = 8 };
  static channel channel;
  world world;
  pthread_t threads[THREADS];
  channel_make(&channel);
  world_make(&world);
  world_async(&world, GREETER, begin, &channel);
  world_start(&world);
  for (int round = 0; round < scaled(50); round++) {
    char name[16];
    snprintf(name, sizeof name, "r%d", round);
    world_post(&world, name, name);
    pthread_mutex_lock(&channel.lock);
    while (channel.count == 0) pthread_cond_wait(&channel.came, &channel.lock);
    conveyor_run run = channel.runs[--channel.count];
    pthread_mutex_unlock(&channel.lock);
    int completed = 0;
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, complete_once, &run) == 0);
    for (int i = 0; i < THREADS; i++) {
      void *returned;
      CHECK(pthread_join(threads[i], &returned) == 0);
      completed += returned != NULL;
    }
    CHECK(completed == 1);
  }
  free(world_end(&world, -1));
}

/* Ends while runs are in the program's hands: they are given back, and completing them is no fault. */
static void a_hundred_stops_while_runs_are_in_flight(void)
{
  for (int round = 0; round < scaled(100); round++) {
    static channel channel;
    world world;
    char name[16];
    channel_make(&channel);
    world_make(&world);
    world_async(&world,
                "{\"name\": \"greeter\", \"resources\": [\"greeting\"], \"concurrency\": 8, \"cancel_grace_ms\": 1}",
                begin, &channel);
    world_start(&world);
    for (int i = 0; i < 16; i++) {
      snprintf(name, sizeof name, "r%d", i);
      world_post(&world, name, name);
    }
    pthread_mutex_lock(&channel.lock);
    while (channel.count < 1 + (size_t)round % 8) pthread_cond_wait(&channel.came, &channel.lock);
    pthread_mutex_unlock(&channel.lock);
    char *report = world_end(&world, 0);
    CHECK(strcmp(member(report, "/drivers/0/succeeded"), "0") == 0);
    free(report);
    for (size_t i = 0; i < channel.count; i++) {
      CHECK(conveyor_run_is_cancelled(channel.runs[i]));
      OK(conveyor_run_succeed(channel.runs[i], NONE, NONE, NULL));
      FAILS(CONVEYOR_E_CLOSED, conveyor_run_succeed(channel.runs[i], NONE, NONE, NULL));
    }
  }
}

int main(int argc, char **argv)
{
  begin_suite(argc, argv);
  RUN(runs_are_completed_by_other_threads);
  RUN(of_many_that_complete_a_run_one_does);
  RUN(a_hundred_stops_while_runs_are_in_flight);
  return finish();
}
