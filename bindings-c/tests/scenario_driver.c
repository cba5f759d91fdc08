/* The scripted driver as a program; see tests/scenarios/README.md. With "async" runs are completed by threads of
 * its own. */
#define _POSIX_C_SOURCE 200809L
#include "harness.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const conveyor_str NONE = {NULL, 0};
static conveyor_manager manager;

/* What a script is made of. */
static const char *const STEPS[] = {"log",  "line", "tell",       "progress", "sleep_ms", "block_ms", "hold", "wait_for_cancel",
                                    "exec", "by_attempt", "succeed", "fail",     "retry",    "raise",    "panic"};

/* A value of a JSON text: its text with `plain`, else as JSON; null where there is none. The caller frees it. */
static char *value(const char *json, const char *pointer, bool plain)
{
  conveyor_text found = 0;
  conveyor_code code = plain ? conveyor_json_get(conveyor_view(json), conveyor_view(pointer), &found, NULL)
                             : conveyor_json_get_raw(conveyor_view(json), conveyor_view(pointer), &found, NULL);
  if (code == CONVEYOR_E_NOT_FOUND) return NULL;
  OK(code);
  return taken(found);
}

static long number(const char *json, const char *pointer, long otherwise)
{
  char *text = value(json, pointer, true);
  long number = text ? atol(text) : otherwise;
  free(text);
  return number;
}

static char *text_or_empty(const char *json, const char *pointer)
{
  char *text = value(json, pointer, true);
  return text ? text : calloc(1, 1);
}

/* A text of a JSON text, so many times over; zero bytes may be part of it. The caller frees its bytes. */
static conveyor_str repeated(const char *json, const char *pointer, long times)
{
  conveyor_text once = 0;
  conveyor_str all;
  OK(conveyor_json_get(conveyor_view(json), conveyor_view(pointer), &once, NULL));
  conveyor_str text = conveyor_text_view(once);
  char *bytes = malloc(text.len * (size_t)times + 32);
  CHECK(bytes != NULL);
  for (long i = 0; i < times; i++) memcpy(bytes + (size_t)i * text.len, text.ptr, text.len);
  all.ptr = bytes;
  all.len = text.len * (size_t)times;
  OK(conveyor_text_free(once));
  return all;
}

/* The names that were released. */
static struct {
  pthread_mutex_t lock;
  pthread_cond_t more;
  char *names[64];
  size_t count;
} released = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {NULL}, 0};

static void hold(const char *name)
{
  pthread_mutex_lock(&released.lock);
  for (;;) {
    for (size_t i = 0; i < released.count; i++) {
      if (strcmp(released.names[i], name) == 0) {
        pthread_mutex_unlock(&released.lock);
        return;
      }
    }
    pthread_cond_wait(&released.more, &released.lock);
  }
}

static void release(char *name)
{
  pthread_mutex_lock(&released.lock);
  CHECK(released.count < sizeof released.names / sizeof released.names[0]);
  released.names[released.count++] = name;
  pthread_cond_broadcast(&released.more);
  pthread_mutex_unlock(&released.lock);
}

static void sleep_ms(long ms)
{
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static void say(conveyor_run run, conveyor_str text)
{
  conveyor_run_log(run, CONVEYOR_INFO, text, NONE, NULL);
}

static void write_lines(conveyor_run run, const char *line)
{
  static const char *const LEVELS[] = {"", "debug", "info", "warning", "error"};
  char *level_name = value(line, "/level", true), *labels = value(line, "/labels", false);
  conveyor_str text = repeated(line, "/message", number(line, "/repeat", 1));
  long times = number(line, "/times", -1);
  conveyor_level level = CONVEYOR_INFO;
  for (int i = 1; i <= 4; i++) {
    if (level_name && strcmp(level_name, LEVELS[i]) == 0) level = i;
  }
  char *end = (char *)text.ptr + text.len;
  for (long n = 1; n <= (times < 0 ? 1 : times); n++) {
    conveyor_str counted = text;
    /* Behind the text there is room for a number. */
    if (times >= 0) counted.len += (size_t)sprintf(end, " %ld", n);
    conveyor_run_log(run, level, counted, labels ? conveyor_view(labels) : NONE, NULL);
  }
  free((char *)text.ptr);
  free(labels);
  free(level_name);
}

/* "timed_out" as "TimedOut". */
static void tell_reason(conveyor_run run)
{
  char name[64] = "";
  conveyor_text reason = 0;
  OK(conveyor_run_cancel_reason(run, &reason, NULL));
  if (reason != 0) {
    char *document = taken(reason), *kind = value(document, "/kind", true);
    size_t length = 0;
    bool upper = true;
    for (const char *c = kind; *c; c++) {
      if (*c == '_') {
        upper = true;
      } else {
        name[length++] = (char)(upper ? toupper((unsigned char)*c) : *c);
        upper = false;
      }
    }
    free(kind);
    free(document);
  }
  say(run, conveyor_view(name));
}

static void tell(conveyor_run run, const char *fact, const conveyor_exit *exit)
{
  char text[256];
  if (strcmp(fact, "run_id") == 0) {
    say(run, conveyor_run_id(run));
  } else if (strcmp(fact, "event") == 0) {
    say(run, conveyor_run_event(run));
  } else if (strcmp(fact, "payload") == 0) {
    say(run, conveyor_run_payload(run));
  } else if (strcmp(fact, "driver") == 0) {
    say(run, conveyor_run_driver(run));
  } else if (strcmp(fact, "attempt") == 0) {
    sprintf(text, "%u", (unsigned)conveyor_run_attempt(run));
    say(run, conveyor_view(text));
  } else if (strcmp(fact, "resource_name") == 0) {
    conveyor_text name;
    OK(conveyor_run_get(run, conveyor_view("/name"), &name, NULL));
    say(run, conveyor_text_view(name));
    OK(conveyor_text_free(name));
  } else if (strcmp(fact, "cancel_reason") == 0) {
    tell_reason(run);
  } else if (strcmp(fact, "exit") == 0) {
    char code[16] = "null", signal[16] = "null";
    if (exit->code >= 0) sprintf(code, "%d", (int)exit->code);
    if (exit->signal > 0) sprintf(signal, "%d", (int)exit->signal);
    sprintf(text, "{\"code\": %s, \"signal\": %s, \"duration_ms\": %ld, \"cancelled\": %s}", code, signal,
            (long)exit->duration_ms, exit->cancelled ? "true" : "false");
    say(run, conveyor_view(text));
  }
}

/* Completes a run with an error of the library's. */
static void raise_error(conveyor_run run, conveyor_error error)
{
  conveyor_run_raise(run, conveyor_view("conveyor_error"), conveyor_error_message(error), NONE, NONE, NULL);
  conveyor_error_free(error);
}

static void end(conveyor_run run, const char *how, const char *given)
{
  char *message = text_or_empty(given, "/message"), *data = value(given, "/data", false);
  if (data && data[0] == '"') {
    conveyor_str all = repeated(given, "/data", number(given, "/repeat", 1));
    conveyor_text quoted;
    OK(conveyor_json_quote(all, &quoted, NULL));
    free(data);
    data = taken(quoted);
    free((char *)all.ptr);
  }
  conveyor_str with = data ? conveyor_view(data) : NONE;
  if (strcmp(how, "succeed") == 0) {
    conveyor_run_succeed(run, conveyor_view(message), with, NULL);
  } else if (strcmp(how, "fail") == 0) {
    conveyor_run_fail(run, conveyor_view(message), with, NULL);
  } else if (strcmp(how, "retry") == 0) {
    conveyor_run_retry(run, conveyor_view(message), number(given, "/after_ms", -1), NULL);
  } else {
    conveyor_run_raise(run, conveyor_view(how), conveyor_view(message), NONE, NONE, NULL);
  }
  free(data);
  free(message);
}

static const char *name_of(const char *step)
{
  for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
    char pointer[32];
    sprintf(pointer, "/%s", STEPS[i]);
    char *found = value(step, pointer, false);
    free(found);
    if (found) return STEPS[i];
  }
  return NULL;
}

/* Plays a script; false when it has ended the run. */
static bool play(conveyor_run run, const char *script, conveyor_exit *exit)
{
  char pointer[32];
  char *step;
  for (int i = 0; sprintf(pointer, "/%d", i), (step = value(script, pointer, false)) != NULL; i++) {
    bool known = name_of(step) != NULL;
    free(step);
    if (known) continue;
    conveyor_run_raise(run, conveyor_view("UnknownStep"), conveyor_view("no such step"), NONE, NONE, NULL);
    return false;
  }
  for (int i = 0; sprintf(pointer, "/%d", i), (step = value(script, pointer, false)) != NULL; i++) {
    const char *name = name_of(step);
    char member[32];
    bool goes_on = true;
    sprintf(member, "/%s", name);
    char *given = value(step, member, false), *text = value(step, member, true);
    if (strcmp(name, "log") == 0) {
      conveyor_str line = repeated(step, member, 1);
      say(run, line);
      free((char *)line.ptr);
    } else if (strcmp(name, "line") == 0) {
      write_lines(run, given);
    } else if (strcmp(name, "tell") == 0) {
      tell(run, text, exit);
    } else if (strcmp(name, "progress") == 0) {
      conveyor_run_progress(run, NULL);
    } else if (strcmp(name, "sleep_ms") == 0 || strcmp(name, "block_ms") == 0) {
      sleep_ms(atol(text));
    } else if (strcmp(name, "hold") == 0) {
      hold(text);
    } else if (strcmp(name, "wait_for_cancel") == 0) {
      while (!conveyor_run_is_cancelled(run)) sleep_ms(5);
    } else if (strcmp(name, "exec") == 0) {
      conveyor_error error = 0;
      exit->struct_size = sizeof *exit;
      if (conveyor_run_exec(run, conveyor_view(given), 0, exit, NULL, &error) != CONVEYOR_OK) {
        raise_error(run, error);
        goes_on = false;
      }
    } else if (strcmp(name, "by_attempt") == 0) {
      int last = 0;
      char *chosen;
      while (sprintf(member, "/%d", last), (chosen = value(given, member, false)) != NULL) {
        free(chosen);
        last += 1;
      }
      int attempt = (int)conveyor_run_attempt(run);
      sprintf(member, "/%d", (attempt < last ? attempt : last) - 1);
      chosen = value(given, member, false);
      goes_on = play(run, chosen, exit);
      free(chosen);
    } else {
      end(run, name, given);
      goes_on = false;
    }
    free(text);
    free(given);
    free(step);
    if (!goes_on) return false;
  }
  return true;
}

static int reconcile(void *data, conveyor_run run)
{
  conveyor_text found = 0;
  conveyor_exit exit;
  (void)data;
  memset(&exit, 0, sizeof exit);
  conveyor_code code = conveyor_run_resource(run, &found, NULL);
  if (code != CONVEYOR_OK) return 1;
  char *resource = taken(found), *script = value(resource, "/spec/script", false);
  if (script) play(run, script, &exit);
  free(script);
  free(resource);
  return 0;
}

static void *reconcile_thread(void *data)
{
  conveyor_run run = *(conveyor_run *)data;
  free(data);
  if (reconcile(NULL, run) == 0) conveyor_run_succeed(run, NONE, NONE, NULL);
  return NULL;
}

/* Begins a run on a thread of its own. */
static void begin(void *data, conveyor_run run)
{
  pthread_t thread;
  conveyor_run *given = malloc(sizeof run);
  (void)data;
  CHECK(given != NULL);
  *given = run;
  CHECK(pthread_create(&thread, NULL, reconcile_thread, given) == 0);
  pthread_detach(thread);
}

static void *obey(void *data)
{
  char *request = NULL;
  size_t room = 0;
  (void)data;
  while (getline(&request, &room, stdin) > 0) {
    char *name = value(request, "/release", true);
    if (name) {
      release(name);
      continue;
    }
    size_t events = 0;
    char *run = text_or_empty(request, "/cancel/run_id"), *reason = text_or_empty(request, "/cancel/reason");
    conveyor_manager_cancel(manager, conveyor_view(run), conveyor_view(reason), &events, NULL);
    printf("{\"cancelled\": %zu}\n", events);
    fflush(stdout);
    free(run);
    free(reason);
  }
  free(request);
  conveyor_manager_drain(manager, NULL);
  return NULL;
}

static int refused(conveyor_error error)
{
  conveyor_str name;
  printf("{\"refused\": {\"code\": \"%s\", \"paths\": [", conveyor_code_name(conveyor_error_code(error)).ptr);
  for (size_t i = 0; conveyor_error_context(error, i, &name, NULL); i++) {
    conveyor_text quoted;
    OK(conveyor_json_quote(name, &quoted, NULL));
    printf("%s%s", i ? ", " : "", conveyor_text_view(quoted).ptr);
    OK(conveyor_text_free(quoted));
  }
  printf("]}}\n");
  fflush(stdout);
  return 0;
}

static void report(const char *report)
{
  static const char *const COUNTS[] = {"succeeded", "failed", "cancelled", "timed_out", "retried", "ignored",
                                       "answered_before", "dead_lettered", "poisoned", "given_back", "lease_lost",
                                       "abandoned", "late_results", "log_lines_unsent"};
  char pointer[64];
  char *driver;
  printf("{\"report\": {\"drivers\": [");
  for (int i = 0; sprintf(pointer, "/drivers/%d", i), (driver = value(report, pointer, false)) != NULL; i++) {
    char *name = value(driver, "/driver", false), *error = value(driver, "/error/name", false);
    printf("%s{\"driver\": %s, \"error\": %s", i ? ", " : "", name, error ? error : "null");
    for (size_t n = 0; n < sizeof COUNTS / sizeof COUNTS[0]; n++) {
      sprintf(pointer, "/%s", COUNTS[n]);
      printf(", \"%s\": %ld", COUNTS[n], number(driver, pointer, 0));
    }
    printf("}");
    free(error);
    free(name);
    free(driver);
  }
  printf("]}}\n");
  fflush(stdout);
}

int main(int argc, char **argv)
{
  const char *drivers = getenv("SCENARIO_DRIVERS"), *options = getenv("SCENARIO_MANAGER");
  bool async = argc > 1 && strcmp(argv[1], "async") == 0;
  conveyor_error error = 0;
  conveyor_text told = 0;
  pthread_t thread;
  char pointer[16];
  char *described;
  CHECK(drivers != NULL && options != NULL);
  if (conveyor_manager_new(conveyor_view(options), &manager, &error) != CONVEYOR_OK) return refused(error);
  for (int i = 0; sprintf(pointer, "/%d", i), (described = value(drivers, pointer, false)) != NULL; i++) {
    conveyor_driver driver;
    memset(&driver, 0, sizeof driver);
    driver.struct_size = sizeof driver;
    driver.options = conveyor_view(described);
    if (async) {
      driver.reconcile_async = begin;
    } else {
      driver.reconcile = reconcile;
    }
    if (conveyor_manager_add_driver(manager, &driver, &error) != CONVEYOR_OK) return refused(error);
    free(described);
  }
  CHECK(pthread_create(&thread, NULL, obey, NULL) == 0);
  pthread_detach(thread);
  if (conveyor_manager_run(manager, &told, NULL, &error) != CONVEYOR_OK) return refused(error);
  char *document = taken(told);
  report(document);
  free(document);
  return 0;
}
