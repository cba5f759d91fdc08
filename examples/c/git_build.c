/* Builds what is in a Git repository: clone it, run one command in it, answer how that ended.
 *
 * It takes resources of type `build`:
 *
 *   {
 *     "name": "app",
 *     "resource": "build",
 *     "spec": {
 *       "repository": "https://git.example/app.git",
 *       "revision": "v1.2",
 *       "command": ["make", "test"],
 *       "env": {"CI": "true"}
 *     }
 *   }
 *
 * `repository` is a path or whatever else `git clone` takes. `revision` (a branch, a tag or a commit; by default what
 * the repository has checked out) and `env` need not be given. No shell is involved. Who may post a resource may run
 * any command as the user of this process: run it where that is all right, such as in a container.
 *
 * cc -o git_build git_build.c $(pkg-config --cflags --libs conveyor-driver)
 * ./git_build    # runs until SIGINT or SIGTERM, then lets builds finish
 */
#define _XOPEN_SOURCE 700
#include <conveyor_driver.h>

#include <ftw.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const conveyor_str none = {NULL, 0};

/* Inherited from a Git hook, these would lead `git` to the repository of the hook. */
#define GIT_ENV "{\"GIT_DIR\": null, \"GIT_WORK_TREE\": null, \"GIT_INDEX_FILE\": null, \"GIT_TERMINAL_PROMPT\": \"0\"}"

/* Text of a format; the caller frees it. */
static char *format(const char *format, ...)
{
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  char *text = malloc((size_t)length + 1);
  if (!text) abort();
  va_start(arguments, format);
  vsnprintf(text, (size_t)length + 1, format, arguments);
  va_end(arguments);
  return text;
}

static char *taken(conveyor_text text)
{
  char *copy = format("%s", conveyor_text_view(text).ptr);
  conveyor_text_free(text);
  return copy;
}

static char *quoted(const char *text)
{
  conveyor_text json = 0;
  conveyor_json_quote(conveyor_view(text), &json, NULL);
  return taken(json);
}

/* What is to be built: members of the resource as JSON, null where there are none. */
typedef struct build {
  conveyor_run run;
  char *repository, *revision, *program, *arguments, *env, *shown;
} build;

static void end(build *build, const char *message)
{
  conveyor_run_raise(build->run, conveyor_view("Failed"), conveyor_view(message), none, none, NULL);
}

/* Ends the run with what is wrong with a member of the spec; false. */
static bool refuse(build *build, const char *name, const char *reason)
{
  char *message = format("spec.%s: %s", name, reason);
  end(build, message);
  free(message);
  return false;
}

static void say(build *build, const char *what, const char *about)
{
  char *line = format("%s %s", what, about);
  conveyor_run_log(build->run, CONVEYOR_INFO, conveyor_view(line), none, NULL);
  free(line);
}

/* A member of the spec, as JSON with `raw`. */
static char *spec(build *build, const char *pointer, bool raw)
{
  conveyor_text value = 0;
  conveyor_str payload = conveyor_run_payload(build->run);
  char *path = format("/spec%s", pointer);
  if (raw) {
    conveyor_json_get_raw(payload, conveyor_view(path), &value, NULL);
  } else {
    conveyor_json_get(payload, conveyor_view(path), &value, NULL);
  }
  free(path);
  return value ? taken(value) : NULL;
}

/* Reads text that Git takes for neither nothing nor an option. */
static bool read_reference(build *build, const char *name, bool needed, char **into)
{
  char *pointer = format("/%s", name), *json = spec(build, pointer, true);
  bool good = true;
  if (!json || strcmp(json, "null") == 0) {
    if (needed) good = refuse(build, name, "is missing");
  } else if (json[0] != '"') {
    good = refuse(build, name, "is no text");
  } else {
    *into = spec(build, pointer, false);
    if (**into == '\0') good = refuse(build, name, "is empty");
    else if (**into == '-') good = refuse(build, name, "starts with '-'");
  }
  free(json);
  free(pointer);
  return good;
}

/* A text with another one behind it; the first is freed. */
static char *longer(char *text, const char *between, const char *more)
{
  char *all = format("%s%s%s", text, between, more);
  free(text);
  return all;
}

static bool read_spec(build *build)
{
  if (!read_reference(build, "repository", true, &build->repository) ||
      !read_reference(build, "revision", false, &build->revision))
    return false;
  build->env = spec(build, "/env", true);
  build->program = spec(build, "/command/0", true);
  if (!build->program || build->program[0] != '"' || strcmp(build->program, "\"\"") == 0)
    return refuse(build, "command", "names no program");
  build->shown = spec(build, "/command/0", false);
  build->arguments = format("%s", "");
  for (int i = 1;; i++) {
    char *pointer = format("/command/%d", i), *text = spec(build, pointer, false), *json = spec(build, pointer, true);
    free(pointer);
    if (!text) return true;
    build->shown = longer(build->shown, " ", text);
    build->arguments = longer(build->arguments, i > 1 ? ", " : "", json);
    free(text);
    free(json);
  }
}

/* The repository without what may be a password. */
static const char *shown_repository(const char *repository)
{
  const char *host = strstr(repository, "://"), *at = host ? strchr(host, '@') : NULL;
  return at && at < host + 3 + strcspn(host + 3, "/") ? at + 1 : repository;
}

/* Runs a command's description, which is freed; false when the run has ended with that. */
static bool exec(build *build, char *command, conveyor_exit *exit, char **line)
{
  conveyor_error error = 0;
  conveyor_text told = 0;
  memset(exit, 0, sizeof *exit);
  exit->struct_size = sizeof *exit;
  conveyor_code code = conveyor_run_exec(build->run, conveyor_view(command), 0, exit, &told, &error);
  free(command);
  if (code != CONVEYOR_OK) {
    conveyor_run_raise(build->run, conveyor_code_name(code), conveyor_error_message(error), none, none, NULL);
    conveyor_error_free(error);
    return false;
  }
  *line = taken(told);
  return true;
}

/* Ends the run when its last command did not do its work; false then. */
static bool good(build *build, const conveyor_exit *exit, const char *what, char *line, bool again)
{
  char *message = format("%s %s", what, line);
  free(line);
  if (!exit->success) {
    if (again) conveyor_run_retry(build->run, conveyor_view(message), -1, NULL);
    else end(build, message);
  }
  free(message);
  return exit->success;
}

/* Clones the repository and checks the revision out; false when the run has ended with that. */
static bool clone(build *build, const char *source)
{
  conveyor_exit exit;
  char *line, *from = quoted(build->repository), *to = quoted(source);
  /* As Git tells: a colon before the first slash ends a host or a protocol. */
  bool remote = strncmp(build->repository, "file://", 7) != 0 && strcspn(build->repository, ":") < strcspn(build->repository, "/");
  char *command = format("{\"program\": \"git\", \"args\": [\"clone\", \"--quiet\", \"--\", %s, %s], \"env\": %s}", from, to, GIT_ENV);
  say(build, "cloning", shown_repository(build->repository));
  bool done = exec(build, command, &exit, &line) && good(build, &exit, remote ? "git clone" : "spec.repository: git clone", line, remote);
  if (done && build->revision) {
    char *revision = quoted(build->revision);
    command = format("{\"program\": \"git\", \"args\": [\"-C\", %s, \"checkout\", \"--quiet\", %s, \"--\"], \"env\": %s}", to, revision, GIT_ENV);
    done = exec(build, command, &exit, &line) && good(build, &exit, "spec.revision: git checkout", line, false);
    free(revision);
  }
  free(from);
  free(to);
  return done;
}

/* What is checked out; null when the run has ended with that. */
static char *head(build *build, const char *folder)
{
  conveyor_exit exit;
  char *line, *answer = NULL, *name = format("%s/head", folder), *quoted_folder = quoted(folder);
  char *command = format(
    "{\"program\": \"sh\", \"args\": [\"-c\", \"exec git -C source rev-parse --verify HEAD >head\"], \"working_directory\": %s, \"env\": %s}",
    quoted_folder, GIT_ENV);
  if (exec(build, command, &exit, &line) && good(build, &exit, "spec.repository: git rev-parse", line, false)) {
    char commit[128] = "";
    FILE *file = fopen(name, "r");
    if (file && fscanf(file, "%100s", commit) == 1) answer = format("%s", commit);
    else end(build, "spec.repository: has no commit checked out");
    if (file) fclose(file);
  }
  free(name);
  free(quoted_folder);
  return answer;
}

static int delete(const char *path, const struct stat *status, int kind, struct FTW *where)
{
  (void)status;
  (void)kind;
  (void)where;
  return remove(path);
}

static void run_command(build *build, const char *source, const char *commit)
{
  conveyor_exit exit;
  char *line, *folder = quoted(source);
  char *command = format("{\"program\": %s, \"args\": [%s], \"env\": %s, \"working_directory\": %s}", build->program,
                         build->arguments, build->env ? build->env : "{}", folder);
  say(build, "running", build->shown);
  if (exec(build, command, &exit, &line)) {
    char *message = format("%s: %s", build->shown, line), code[16] = "null", signal[16] = "null";
    if (exit.code >= 0) snprintf(code, sizeof code, "%d", (int)exit.code);
    if (exit.signal > 0) snprintf(signal, sizeof signal, "%d", (int)exit.signal);
    char *data = format("{\"exit_status\": %s, \"signal\": %s, \"duration_ms\": %ld, \"commit\": \"%s\"}", code, signal,
                        (long)exit.duration_ms, commit);
    if (exit.success) conveyor_run_succeed(build->run, conveyor_view(message), conveyor_view(data), NULL);
    else conveyor_run_fail(build->run, conveyor_view(message), conveyor_view(data), NULL);
    free(data);
    free(message);
    free(line);
  }
  free(folder);
}

static int reconcile(void *user_data, conveyor_run run)
{
  build build = {run, NULL, NULL, NULL, NULL, NULL, NULL};
  (void)user_data;
  if (read_spec(&build)) {
    const char *temporary = getenv("TMPDIR");
    char *folder = format("%s/git-build-XXXXXX", temporary ? temporary : "/tmp"), *source = NULL, *commit = NULL;
    if (!mkdtemp(folder)) {
      end(&build, "there is no room for a temporary folder");
    } else {
      source = format("%s/source", folder);
      if (clone(&build, source) && (commit = head(&build, folder)) != NULL) {
        say(&build, "at commit", commit);
        run_command(&build, source, commit);
      }
      nftw(folder, delete, 16, FTW_DEPTH | FTW_PHYS);
    }
    free(commit);
    free(source);
    free(folder);
  }
  free(build.repository);
  free(build.revision);
  free(build.program);
  free(build.arguments);
  free(build.env);
  free(build.shown);
  return 0;
}

/* Shows what the library itself says. */
static void show(void *user_data, const conveyor_log_record *record)
{
  (void)user_data;
  fprintf(stderr, "git_build: %.*s\n", (int)record->message.len, record->message.ptr);
}

int main(void)
{
  conveyor_error error = 0;
  conveyor_manager manager = 0;
  conveyor_driver driver;
  memset(&driver, 0, sizeof driver);
  driver.struct_size = sizeof driver;
  driver.options = conveyor_view("{\"name\": \"git-build\", \"resources\": [\"build\"]}");
  driver.reconcile = reconcile;
  bool failed = conveyor_log_listen(CONVEYOR_INFO, show, NULL, NULL, &error) ||
                conveyor_manager_new(none, &manager, &error) ||
                conveyor_manager_add_driver(manager, &driver, &error) ||
                conveyor_manager_run(manager, NULL, NULL, &error);
  if (failed) fprintf(stderr, "git_build: %s\n", conveyor_error_message(error).ptr);
  conveyor_error_free(error);
  conveyor_manager_free(manager);
  conveyor_log_stop(NULL);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
