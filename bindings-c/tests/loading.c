/* Loads the library, has it work, and lets go of it: again and again. The path is the argument. */
#define _POSIX_C_SOURCE 200809L
#include <conveyor_driver.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what) \
  do { \
    if (!(what)) { \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what); \
      abort(); \
    } \
  } while (0)

static void find(void *library, const char *name, void *function)
{
  void *found = dlsym(library, name);
  CHECK(found != NULL);
  memcpy(function, &found, sizeof found);
}

static int done(void *data, conveyor_run run)
{
  (void)run;
  *(int *)data += 1;
  return 0;
}

static void use(const char *path)
{
  conveyor_code (*stream_new)(conveyor_stream *, conveyor_error *);
  conveyor_code (*stream_free)(conveyor_stream);
  conveyor_code (*post)(conveyor_stream, conveyor_str, conveyor_str, conveyor_str, conveyor_str, conveyor_error *);
  conveyor_code (*wait_results)(conveyor_stream, conveyor_str, size_t, int64_t, conveyor_text *, conveyor_error *);
  conveyor_code (*text_free)(conveyor_text);
  conveyor_code (*manager_new)(conveyor_str, conveyor_manager *, conveyor_error *);
  conveyor_code (*use_stream)(conveyor_manager, conveyor_stream, conveyor_error *);
  conveyor_code (*add)(conveyor_manager, const conveyor_driver *, conveyor_error *);
  conveyor_code (*start)(conveyor_manager, conveyor_error *);
  conveyor_code (*wait_started)(conveyor_manager, int64_t, bool *, conveyor_error *);
  conveyor_code (*stop)(conveyor_manager, int64_t, conveyor_text *, conveyor_text *, conveyor_error *);
  conveyor_code (*manager_free)(conveyor_manager);
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) fprintf(stderr, "%s\n", dlerror());
  CHECK(library != NULL);
  find(library, "conveyor_stream_new", &stream_new);
  find(library, "conveyor_stream_free", &stream_free);
  find(library, "conveyor_stream_post", &post);
  find(library, "conveyor_stream_wait_results", &wait_results);
  find(library, "conveyor_text_free", &text_free);
  find(library, "conveyor_manager_new", &manager_new);
  find(library, "conveyor_manager_use_stream", &use_stream);
  find(library, "conveyor_manager_add_driver", &add);
  find(library, "conveyor_manager_start", &start);
  find(library, "conveyor_manager_wait_started", &wait_started);
  find(library, "conveyor_manager_stop", &stop);
  find(library, "conveyor_manager_free", &manager_free);

  int runs = 0;
  conveyor_stream stream;
  conveyor_manager manager;
  conveyor_text results;
  conveyor_str none = {NULL, 0};
  conveyor_driver driver;
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view("{\"name\": \"greeter\", \"resources\": [\"greeting\"]}");
  driver.reconcile = done;
  driver.user_data = &runs;
  CHECK(stream_new(&stream, NULL) == CONVEYOR_OK);
  CHECK(manager_new(conveyor_view("{\"signals\": false}"), &manager, NULL) == CONVEYOR_OK);
  CHECK(use_stream(manager, stream, NULL) == CONVEYOR_OK);
  CHECK(add(manager, &driver, NULL) == CONVEYOR_OK);
  CHECK(start(manager, NULL) == CONVEYOR_OK);
  CHECK(wait_started(manager, 60000, NULL, NULL) == CONVEYOR_OK);
  CHECK(post(stream, conveyor_view("{\"name\": \"a\", \"resource\": \"greeting\"}"), none, conveyor_view("r"), none,
             NULL) == CONVEYOR_OK);
  CHECK(wait_results(stream, conveyor_view("r"), 1, 60000, &results, NULL) == CONVEYOR_OK && results != 0);
  CHECK(text_free(results) == CONVEYOR_OK);
  CHECK(stop(manager, -1, NULL, NULL, NULL) == CONVEYOR_OK);
  CHECK(manager_free(manager) == CONVEYOR_OK);
  CHECK(stream_free(stream) == CONVEYOR_OK);
  CHECK(runs == 1);
  CHECK(dlclose(library) == 0);
}

static void the_library_can_be_loaded_used_and_let_go_of(const char *path)
{
  for (int i = 0; i < 20; i++) use(path);
}

int main(int argc, char **argv)
{
  CHECK(argc == 2);
  printf("test the_library_can_be_loaded_used_and_let_go_of ... ");
  the_library_can_be_loaded_used_and_let_go_of(argv[1]);
  printf("ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\n\n");
  return 0;
}
