/* The candidate in C: an ordinary driver, as a user would write it, on the library's threads. With `async` one thread does
 * all runs, and with `pull` the program takes them itself; neither is for `sleep`. */
#define _POSIX_C_SOURCE 200809L
#include <conveyor_driver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const conveyor_str none = {NULL, 0};
static const char *mode;
static int lines, bytes, sleep_ms;

static int number(const char *name)
{
  const char *value = getenv(name);
  return value ? atoi(value) : 0;
}

static long long monotonic_us(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void write_lines(conveyor_run run)
{
  char *line = malloc((size_t)bytes + 32);
  for (int i = 0; i < lines; i++) {
    conveyor_str view;
    int length = sprintf(line, "line %07d ", i);
    if (length < bytes) memset(line + length, 'x', (size_t)(bytes - length));
    view.ptr = line;
    view.len = (size_t)(length < bytes ? bytes : length);
    conveyor_run_log(run, CONVEYOR_INFO, view, none, NULL);
  }
  free(line);
}

static int reconcile(void *user_data, conveyor_run run)
{
  char data[64];
  conveyor_text name;
  long long start = monotonic_us();
  (void)user_data;
  /* Parses the resource. */
  if (conveyor_run_get(run, conveyor_view("/name"), &name, NULL) != CONVEYOR_OK) return 1;
  conveyor_text_free(name);
  if (strcmp(mode, "logs") == 0) {
    write_lines(run);
  } else if (strcmp(mode, "sleep") == 0) {
    struct timespec time = {sleep_ms / 1000, sleep_ms % 1000 * 1000000L};
    nanosleep(&time, NULL);
  }
  sprintf(data, "{\"t_start_us\": %lld}", start);
  conveyor_run_succeed(run, conveyor_view("ok"), conveyor_view(data), NULL);
  return 0;
}

static void reconcile_async(void *user_data, conveyor_run run)
{
  reconcile(user_data, run);
}

static int failed(conveyor_error error)
{
  fprintf(stderr, "driver: %s\n", conveyor_error_message(error).ptr);
  return 1;
}

/* Takes what there is until the manager has ended. */
static int serve(conveyor_manager manager, conveyor_queue queue, conveyor_error *error)
{
  conveyor_state state = 0;
  if (conveyor_manager_start(manager, error)) return 1;
  while (state != CONVEYOR_STATE_ENDED) {
    conveyor_run runs[256];
    size_t count;
    if (conveyor_queue_wait(queue, -1, NULL, error) || conveyor_queue_take(queue, runs, 256, &count, error)) return 1;
    for (size_t i = 0; i < count; i++) reconcile(NULL, runs[i]);
    if (conveyor_queue_take_cancelled(queue, runs, 256, &count, error) ||
        conveyor_queue_take_state(queue, &state, error))
      return 1;
  }
  return conveyor_manager_wait_ended(manager, -1, NULL, NULL, NULL, error);
}

int main(int argc, char **argv)
{
  const char *how = argc > 1 ? argv[1] : "";
  char options[512], connection[512];
  conveyor_error error;
  conveyor_manager manager;
  conveyor_queue queue = 0;
  conveyor_driver driver;
  mode = getenv("MODE");
  lines = number("LOG_LINES");
  bytes = number("LOG_BYTES");
  sleep_ms = number("SLEEP_MS");
  /* The consumer is there before the driver is. */
  snprintf(options, sizeof options,
           "{\"name\": \"%s\", \"resources\": [\"%s\"], \"concurrency\": %d, \"adopt\": true}", getenv("DRIVER_NAME"),
           getenv("RESOURCE"), number("CONCURRENCY"));
  snprintf(connection, sizeof connection, "{\"connection\": {\"url\": \"%s\"}}", getenv("NATS_URL"));
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view(options);
  if (strcmp(how, "pull") == 0) {
    if (conveyor_queue_new(false, &queue, &error)) return failed(error);
    driver.queue = queue;
  } else if (strcmp(how, "async") == 0) {
    driver.reconcile_async = reconcile_async;
  } else {
    driver.reconcile = reconcile;
  }
  if (conveyor_manager_new(conveyor_view(connection), &manager, &error) ||
      conveyor_manager_add_driver(manager, &driver, &error) ||
      (queue ? serve(manager, queue, &error) : conveyor_manager_run(manager, NULL, NULL, &error)))
    return failed(error);
  return 0;
}
