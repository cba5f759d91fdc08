/* The first driver. It needs no server: the event stream is in this process.
 *
 * cc -o greeter greeter.c $(pkg-config --cflags --libs conveyor-driver)
 */
#include <conveyor_driver.h>

#include <stdio.h>
#include <string.h>

static const conveyor_str none = {NULL, 0};

static int reconcile(void *user_data, conveyor_run run)
{
  conveyor_text name;
  char line[256];
  (void)user_data;
  if (conveyor_run_get(run, conveyor_view("/name"), &name, NULL) != CONVEYOR_OK) return 1;
  snprintf(line, sizeof line, "greeting %s", conveyor_text_view(name).ptr);
  conveyor_run_log(run, CONVEYOR_INFO, conveyor_view(line), none, NULL);
  snprintf(line, sizeof line, "hello, %s", conveyor_text_view(name).ptr);
  conveyor_text_free(name);
  conveyor_run_succeed(run, conveyor_view(line), none, NULL);
  return 0;
}

/* Ends with what went wrong. */
static int failed(conveyor_error error)
{
  fprintf(stderr, "greeter: %s\n", conveyor_error_message(error).ptr);
  conveyor_error_free(error);
  return 1;
}

static void show(conveyor_text json, const char *pointer, const char *what)
{
  conveyor_text value;
  if (conveyor_json_get(conveyor_text_view(json), conveyor_view(pointer), &value, NULL) == CONVEYOR_OK) {
    printf("%s: %s\n", what, conveyor_text_view(value).ptr);
    conveyor_text_free(value);
  }
  conveyor_text_free(json);
}

int main(void)
{
  conveyor_error error;
  conveyor_manager manager;
  conveyor_stream stream;
  conveyor_text results, log, report;
  conveyor_driver greeter;

  memset(&greeter, 0, sizeof greeter);
  greeter.struct_size = sizeof greeter;
  greeter.options = conveyor_view("{\"name\": \"greeter\", \"resources\": [\"greeting\"]}");
  greeter.reconcile = reconcile;

  if (conveyor_stream_new(&stream, &error) || conveyor_manager_new(none, &manager, &error) ||
      conveyor_manager_add_driver(manager, &greeter, &error) ||
      conveyor_manager_use_stream(manager, stream, &error) || conveyor_manager_start(manager, &error) ||
      conveyor_manager_wait_started(manager, -1, NULL, &error))
    return failed(error);

  if (conveyor_stream_post(stream, conveyor_view("{\"name\": \"Ada\", \"resource\": \"greeting\"}"), none,
                           conveyor_view("run-1"), none, &error) ||
      conveyor_stream_wait_results(stream, conveyor_view("run-1"), 1, -1, &results, &error) ||
      conveyor_stream_log(stream, conveyor_view("run-1"), &log, &error) ||
      conveyor_manager_stop(manager, -1, NULL, &report, &error))
    return failed(error);

  show(log, "/0/message", "greeter");
  show(results, "/0/message", "result");
  printf("drained: %s\n", conveyor_text_view(report).ptr);
  conveyor_text_free(report);
  conveyor_manager_free(manager);
  conveyor_stream_free(stream);
  return 0;
}
