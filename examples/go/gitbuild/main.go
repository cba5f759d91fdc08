// Builds what is in a Git repository: clone it, run one command in it, answer how that ended.
//
// It takes resources of type build:
//
//	{
//	  "name": "app",
//	  "resource": "build",
//	  "spec": {
//	    "repository": "https://git.example/app.git",
//	    "revision": "v1.2",
//	    "command": ["make", "test"],
//	    "env": {"CI": "true"}
//	  }
//	}
//
// The repository is a path or whatever else git clone takes. Revision (a branch, a tag or a commit; by default what the
// repository has checked out) and env need not be given. No shell is involved. Who may post a resource may run any
// command as the user of this process: run it where that is all right, such as in a container.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("git_build: ")
	driver := conveyor.NewDriver("git-build", []string{"build"}, build)
	report, err := conveyor.NewManager(driver).Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	log.Print(report)
}

// build answers with exit_status, signal, duration_ms and commit: how the command ended and what it was run on.
func build(ctx context.Context, run *conveyor.Run) (conveyor.Result, error) {
	spec, err := readSpec(run)
	if err != nil {
		return conveyor.Result{}, err
	}
	folder, err := os.MkdirTemp("", "git-build-")
	if err != nil {
		return conveyor.Result{}, err
	}
	defer os.RemoveAll(folder)
	source := filepath.Join(folder, "source")
	commit, err := clone(ctx, run, spec, source)
	if err != nil {
		return conveyor.Result{}, err
	}
	shown := strings.Join(spec.Command, " ")
	run.Log("running " + shown)
	exit, err := run.Do(ctx, conveyor.Command{
		Program: spec.Command[0], Args: spec.Command[1:], Env: set(spec.Env), Dir: source,
	})
	if err != nil {
		return conveyor.Result{}, err
	}
	result := conveyor.Success(shown + ": " + exit.String())
	result.Failed = !exit.Success()
	return result.With(map[string]any{
		"exit_status": number(exit.Code >= 0, exit.Code),
		"signal":      number(exit.Signal > 0, exit.Signal),
		"duration_ms": exit.Duration.Milliseconds(),
		"commit":      commit,
	}), nil
}

func number(given bool, value int) *int {
	if !given {
		return nil
	}
	return &value
}

func set(env map[string]string) map[string]*string {
	all := map[string]*string{}
	for name, value := range env {
		all[name] = &value
	}
	return all
}

// Inherited from a Git hook, these would lead git to the repository of the hook.
var localToARepository = []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}

func git(ctx context.Context, run *conveyor.Run, args ...string) (conveyor.Exit, error) {
	never := "0"
	env := map[string]*string{"GIT_TERMINAL_PROMPT": &never}
	for _, name := range localToARepository {
		env[name] = nil
	}
	return run.Do(ctx, conveyor.Command{Program: "git", Args: args, Env: env})
}

// clone clones the repository, checks the revision out, and says which commit that is.
func clone(ctx context.Context, run *conveyor.Run, spec spec, source string) (string, error) {
	run.Log("cloning " + spec.shownRepository())
	exit, err := git(ctx, run, "clone", "--quiet", "--", spec.Repository, source)
	switch {
	case err != nil:
		return "", err
	case !exit.Success() && spec.isLocal():
		return "", refused("repository", "git clone "+exit.String())
	case !exit.Success():
		// The network, or the host at its other end.
		return "", conveyor.Retry("git clone %s", exit)
	}
	if spec.Revision != "" {
		exit, err := git(ctx, run, "-C", source, "checkout", "--quiet", spec.Revision, "--")
		if err != nil {
			return "", err
		}
		if !exit.Success() {
			return "", refused("revision", "git checkout "+exit.String())
		}
	}
	commit, err := head(ctx, source)
	if err == nil {
		run.Log("at commit " + commit)
	}
	return commit, err
}

// head is what is checked out. Not run as part of the log: its output is the answer.
func head(ctx context.Context, source string) (string, error) {
	command := exec.CommandContext(ctx, "git", "-C", source, "rev-parse", "--verify", "HEAD")
	command.Env = slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return slices.Contains(localToARepository, name)
	})
	output, err := command.Output()
	if err != nil {
		return "", refused("repository", "has no commit checked out")
	}
	return strings.TrimSpace(string(output)), nil
}

type spec struct {
	Repository string            `json:"repository"`
	Revision   string            `json:"revision"`
	Command    []string          `json:"command"`
	Env        map[string]string `json:"env"`
}

// readSpec refuses, naming the field, what can never be built.
func readSpec(run *conveyor.Run) (spec, error) {
	var spec spec
	resource, err := run.Resource()
	if err != nil {
		return spec, err
	}
	decoder := json.NewDecoder(bytes.NewReader(resource.Spec))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		return spec, conveyor.Failed("spec: %v", err)
	}
	switch {
	case spec.Repository == "":
		return spec, refused("repository", "is missing")
	case strings.HasPrefix(spec.Repository, "-"):
		return spec, refused("repository", "starts with '-'")
	case strings.HasPrefix(spec.Revision, "-"):
		return spec, refused("revision", "starts with '-'")
	case len(spec.Command) == 0 || spec.Command[0] == "":
		return spec, refused("command", "names no program")
	}
	return spec, nil
}

// isLocal says whether the repository is on this machine. As Git tells: a colon before the first slash ends a host or
// a protocol.
func (spec spec) isLocal() bool {
	first, _, _ := strings.Cut(spec.Repository, "/")
	return strings.HasPrefix(spec.Repository, "file://") || !strings.Contains(first, ":")
}

// shownRepository is the repository without what may be a password.
func (spec spec) shownRepository() string {
	parts, err := url.Parse(spec.Repository)
	if err != nil || parts.Host == "" {
		return spec.Repository
	}
	parts.User = nil
	return parts.String()
}

func refused(name, reason string) error {
	return conveyor.Failed("spec.%s: %s", name, reason)
}
