/* A later step of a pipeline: stamps the build that `git-build` did before it.
 *
 * What an earlier step answered stands in the resource's metadata, as JSON text.
 */
#include <conveyor_driver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str none = {NULL, 0};

/* A value of a JSON text; 0 where there is none. */
static conveyor_text member(conveyor_text json, const char *pointer)
{
  conveyor_text value = 0;
  conveyor_json_get(conveyor_text_view(json), conveyor_view(pointer), &value, NULL);
  return value;
}

static int stamp(void *user_data, conveyor_run run)
{
  conveyor_text answer, name = 0, commit, status;
  char line[256];
  (void)user_data;
  if (conveyor_run_get(run, conveyor_view("/metadata/driverresults.git-build"), &answer, NULL) != CONVEYOR_OK) {
    conveyor_run_fail(run, conveyor_view("git-build has not answered: it belongs before build-stamp in the pipeline"),
                      none, NULL);
    return 0;
  }
  conveyor_run_get(run, conveyor_view("/name"), &name, NULL);
  commit = member(answer, "/data/commit");
  status = member(answer, "/data/exit_status");
  snprintf(line, sizeof line, "exit status %s at %.7s", conveyor_text_view(status).ptr, conveyor_text_view(commit).ptr);
  conveyor_run_log(run, CONVEYOR_INFO, conveyor_view(line), none, NULL);
  snprintf(line, sizeof line, "%s is stamped %.7s", conveyor_text_view(name).ptr, conveyor_text_view(commit).ptr);
  conveyor_run_succeed(run, conveyor_view(line), none, NULL);
  conveyor_text_free(answer);
  conveyor_text_free(name);
  conveyor_text_free(commit);
  conveyor_text_free(status);
  return 0;
}

/* Shows what the library itself says. */
static void show(void *user_data, const conveyor_log_record *record)
{
  (void)user_data;
  fprintf(stderr, "build_stamp: %.*s\n", (int)record->message.len, record->message.ptr);
}

int main(void)
{
  conveyor_error error = 0;
  conveyor_manager manager = 0;
  conveyor_driver driver;
  int failed;

  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view("{\"name\": \"build-stamp\", \"resources\": [\"build\"]}");
  driver.reconcile = stamp;

  failed = conveyor_log_listen(CONVEYOR_INFO, show, NULL, NULL, &error) ||
           conveyor_manager_new(none, &manager, &error) || conveyor_manager_add_driver(manager, &driver, &error) ||
           conveyor_manager_run(manager, NULL, NULL, &error);
  if (failed) fprintf(stderr, "build_stamp: %s\n", conveyor_error_message(error).ptr);
  conveyor_error_free(error);
  conveyor_manager_free(manager);
  conveyor_log_stop(NULL);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
