/* One step of a pipeline, as a driver of its own process; see tests/real_server. */
#include <conveyor_driver.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_STEPS 16
#define MOST_BYTES 4096

static const conveyor_str none = {NULL, 0};
static const char *step;

static int by_text(const void *one, const void *other)
{
  return strcmp(one, other);
}

/* Which steps have left results, each as `driver=step`, in order, as a JSON list. */
static int seen(conveyor_str metadata, char *list)
{
  static const char prefix[] = "\"driverresults.";
  char found[MOST_STEPS][512];
  int count = 0, i;
  const char *at = metadata.ptr;
  while ((at = strstr(at, prefix)) && count < MOST_STEPS) {
    char pointer[256];
    conveyor_text result = 0, said = 0;
    const char *name = at + sizeof prefix - 1;
    int length = (int)strcspn(name, "\"");
    snprintf(pointer, sizeof pointer, "/driverresults.%.*s", length, name);
    if (conveyor_json_get(metadata, conveyor_view(pointer), &result, NULL) != CONVEYOR_OK ||
        conveyor_json_get(conveyor_text_view(result), conveyor_view("/data/step"), &said, NULL) != CONVEYOR_OK) {
      conveyor_text_free(result);
      return 0;
    }
    snprintf(found[count], sizeof found[count], "%.*s=%.200s", length, name, conveyor_text_view(said).ptr);
    count++;
    conveyor_text_free(said);
    conveyor_text_free(result);
    at = name;
  }
  qsort(found, (size_t)count, sizeof found[0], by_text);
  strcpy(list, "[");
  for (i = 0; i < count; i++) {
    if (i) strcat(list, ",");
    strcat(list, "\"");
    strcat(list, found[i]);
    strcat(list, "\"");
  }
  strcat(list, "]");
  return 1;
}

/* The name of the run's own resource, as the API has it. */
static int stored(conveyor_run run, char *name, size_t size)
{
  char arguments[MOST_BYTES];
  conveyor_client client = 0;
  conveyor_text kind = 0, own = 0, answer = 0, said = 0;
  conveyor_error error = 0;
  int failed;
  conveyor_run_get(run, conveyor_view("/resource"), &kind, NULL);
  conveyor_run_get(run, conveyor_view("/name"), &own, NULL);
  snprintf(arguments, sizeof arguments, "{\"type\":\"%s\",\"name\":\"%s\"}", conveyor_text_view(kind).ptr,
           conveyor_text_view(own).ptr);
  failed = conveyor_run_client(run, 0, &client, &error) ||
           conveyor_client_call(client, conveyor_view("resources.get"), conveyor_view(arguments), &answer, &error) ||
           conveyor_json_get(conveyor_text_view(answer), conveyor_view("/name"), &said, &error);
  if (failed) fprintf(stderr, "%s: %s\n", step, conveyor_error_message(error).ptr);
  else snprintf(name, size, "%s", conveyor_text_view(said).ptr);
  conveyor_error_free(error);
  conveyor_text_free(said);
  conveyor_text_free(answer);
  conveyor_text_free(own);
  conveyor_text_free(kind);
  conveyor_client_free(client);
  return !failed;
}

static int reconcile(void *user_data, conveyor_run run)
{
  char list[MOST_BYTES * 4], data[MOST_BYTES * 6], line[MOST_BYTES], name[MOST_BYTES];
  conveyor_text metadata = 0, fail = 0;
  int i;
  (void)user_data;
  if (conveyor_run_get(run, conveyor_view("/metadata"), &metadata, NULL) != CONVEYOR_OK ||
      !seen(conveyor_text_view(metadata), list)) {
    conveyor_text_free(metadata);
    conveyor_run_fail(run, conveyor_view("the metadata cannot be read"), none, NULL);
    return 0;
  }
  conveyor_text_free(metadata);
  for (i = 0; i < 20; i++) {
    snprintf(line, sizeof line, "%s %d", step, i);
    conveyor_run_log(run, CONVEYOR_INFO, conveyor_view(line), none, NULL);
  }
  if (getenv("ASKS_API")) {
    snprintf(data, sizeof data, "{\"step\":\"%s\",\"seen\":%s}", step, list);
  } else if (stored(run, name, sizeof name)) {
    snprintf(data, sizeof data, "{\"step\":\"%s\",\"seen\":%s,\"stored\":\"%s\"}", step, list, name);
  } else {
    conveyor_run_fail(run, conveyor_view("the API does not answer"), none, NULL);
    return 0;
  }
  if (conveyor_run_get(run, conveyor_view("/spec/fail"), &fail, NULL) == CONVEYOR_OK &&
      strcmp(conveyor_text_view(fail).ptr, step) == 0) {
    conveyor_run_fail(run, conveyor_view("as it was asked to"), conveyor_view(data), NULL);
  } else {
    conveyor_run_succeed(run, conveyor_view("done"), conveyor_view(data), NULL);
  }
  conveyor_text_free(fail);
  return 0;
}

int main(void)
{
  char options[MOST_BYTES];
  conveyor_error error = 0;
  conveyor_manager manager = 0;
  conveyor_driver driver;
  int failed;

  step = getenv("STEP");
  snprintf(options, sizeof options, "{\"name\": \"%s\", \"resources\": [\"%s\"]}", step, getenv("RESOURCE"));
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view(options);
  driver.reconcile = reconcile;
  failed = conveyor_manager_new(none, &manager, &error) || conveyor_manager_add_driver(manager, &driver, &error) ||
           conveyor_manager_run(manager, NULL, NULL, &error);
  if (failed) fprintf(stderr, "%s: %s\n", step, conveyor_error_message(error).ptr);
  conveyor_error_free(error);
  conveyor_manager_free(manager);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
