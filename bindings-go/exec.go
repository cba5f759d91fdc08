package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"time"
)

// A Command is run as part of a driver run. No shell is involved.
type Command struct {
	// Program is a path, or a name looked for in PATH.
	Program string
	Args    []string
	// Env has variables to set, and with nil to remove.
	Env map[string]*string
	// ClearEnv starts from an empty environment instead of that of this process.
	ClearEnv bool
	// Dir is where it runs; by default the working directory of this process.
	Dir string
	// Stdin is what it reads; by default nothing.
	Stdin []byte
	// Grace is the time from SIGTERM to SIGKILL when it is cancelled; by default the driver's cancel_grace_ms.
	Grace time.Duration
}

// An Exit says how a command ended.
type Exit struct {
	// Code is the exit code when the command exited by itself, else -1.
	Code int
	// Signal is the number of the signal that ended it, else 0.
	Signal int
	// Duration is from its start to its end.
	Duration time.Duration
	// Cancelled says that it was told to end because its run or its context was cancelled.
	Cancelled bool

	line string
}

// Success says whether the command did its work: it exited with 0 and was not cancelled.
func (exit Exit) Success() bool {
	return exit.Code == 0 && !exit.Cancelled
}

// String is all of it in one line for people.
func (exit Exit) String() string {
	return exit.line
}

// Exec runs a program with arguments as part of the run, as [Run.Do] does.
func (run *Run) Exec(ctx context.Context, program string, args ...string) (Exit, error) {
	return run.Do(ctx, Command{Program: program, Args: args})
}

// Do runs a command as part of the run and waits for its end. Each line of its output goes to the run's log as it
// comes, with the label stream. When the run or ctx is cancelled the command and all that it started get
// SIGTERM and, after its grace, SIGKILL. A command that fails is no error.
//
// It fails with CodeExecFailed when the command cannot be started, and with CodeCancelled when the run was
// cancelled before, or abandoned meanwhile.
func (run *Run) Do(ctx context.Context, command Command) (Exit, error) {
	document, err := json.Marshal(command.document())
	if err != nil {
		return Exit{}, err
	}
	var stop C.conveyor_stop
	if done := ctx.Done(); done != nil && done != run.ctx.Done() {
		var detail failure
		if err := check(C.conveyor_stop_new(&stop, &detail), detail); err != nil {
			return Exit{}, err
		}
		unwatch := context.AfterFunc(ctx, func() { C.conveyor_stop_set(stop, nil) })
		defer func() {
			unwatch()
			C.conveyor_stop_free(stop)
		}()
	}
	ended, line, err := execRun(run.handle, string(document), stop)
	if err != nil {
		return Exit{}, err
	}
	return Exit{
		Code:      int(ended.code),
		Signal:    int(ended.signal),
		Duration:  time.Duration(ended.duration_ms) * time.Millisecond,
		Cancelled: bool(ended.cancelled),
		line:      line,
	}, nil
}

func (command Command) document() map[string]any {
	document := map[string]any{"program": command.Program, "clear_env": command.ClearEnv}
	if command.Args != nil {
		document["args"] = command.Args
	}
	if command.Env != nil {
		document["env"] = command.Env
	}
	if command.Dir != "" {
		document["working_directory"] = command.Dir
	}
	if command.Stdin != nil {
		// Bytes that are not text are a list of numbers.
		bytes := make([]int, len(command.Stdin))
		for i, b := range command.Stdin {
			bytes[i] = int(b)
		}
		document["stdin"] = bytes
	}
	if command.Grace > 0 {
		document["grace_ms"] = int64(milliseconds(command.Grace))
	}
	return document
}
