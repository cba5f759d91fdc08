/* A step of the demo's pipeline: writes down the digests of what was packed, so that it can be checked.
 */
#include <conveyor_driver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str none = {NULL, 0};

static int seal(void *user_data, conveyor_run run)
{
  conveyor_text workspace = 0, line = 0;
  conveyor_error error = 0;
  conveyor_exit exit;
  char command[4096];
  const char *folder;
  (void)user_data;
  memset(&exit, 0, sizeof exit);
  exit.struct_size = sizeof exit;
  if (conveyor_run_get(run, conveyor_view("/spec/workspace"), &workspace, NULL) != CONVEYOR_OK) {
    conveyor_run_fail(run, conveyor_view("spec.workspace: is missing"), none, NULL);
    return 0;
  }
  folder = conveyor_text_view(workspace).ptr;
  /* Part of a JSON text without being escaped. */
  if (strlen(folder) > 2048 || strpbrk(folder, "\"\\")) {
    conveyor_run_fail(run, conveyor_view("spec.workspace: is too long, or has quotes in it"), none, NULL);
  } else {
    snprintf(command, sizeof command,
             "{\"program\": \"sh\", \"args\": [\"-c\", \"cksum *.tar.gz | tee CHECKSUMS\"], \"working_directory\": \"%s\"}",
             folder);
    if (conveyor_run_exec(run, conveyor_view(command), 0, &exit, &line, &error) != CONVEYOR_OK) {
      conveyor_run_fail(run, conveyor_error_message(error), none, NULL);
    } else if (exit.success) {
      conveyor_run_succeed(run, conveyor_view("wrote CHECKSUMS"), none, NULL);
    } else {
      conveyor_run_fail(run, conveyor_text_view(line), none, NULL);
    }
  }
  conveyor_text_free(line);
  conveyor_text_free(workspace);
  conveyor_error_free(error);
  return 0;
}

/* Shows what the library itself says. */
static void show(void *user_data, const conveyor_log_record *record)
{
  (void)user_data;
  fprintf(stderr, "seal_step: %.*s\n", (int)record->message.len, record->message.ptr);
}

int main(void)
{
  conveyor_error error = 0;
  conveyor_manager manager = 0;
  conveyor_driver driver;
  int failed;

  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view("{\"name\": \"seal\", \"resources\": [\"app\"]}");
  driver.reconcile = seal;

  failed = conveyor_log_listen(CONVEYOR_INFO, show, NULL, NULL, &error) ||
           conveyor_manager_new(none, &manager, &error) || conveyor_manager_add_driver(manager, &driver, &error) ||
           conveyor_manager_run(manager, NULL, NULL, &error);
  if (failed) fprintf(stderr, "seal_step: %s\n", conveyor_error_message(error).ptr);
  conveyor_error_free(error);
  conveyor_manager_free(manager);
  conveyor_log_stop(NULL);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
