package conveyor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const long = 2 * time.Minute

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		runProgram(name)
		return
	}
	SetLogger(nil)
	os.Exit(m.Run())
}

type world struct {
	t       *testing.T
	stream  *EmbeddedStream
	manager *Manager
}

func start(t *testing.T, drivers ...*Driver) *world {
	t.Helper()
	stream, err := NewEmbeddedStream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	manager := NewManager(drivers...).Use(stream)
	ctx, cancel := context.WithTimeout(context.Background(), long)
	defer cancel()
	if err := manager.Start(ctx); err != nil {
		t.Fatal(err)
	}
	return &world{t, stream, manager}
}

func greeter(function Func) *Driver {
	return NewDriver("greeter", []string{"greeting"}, function)
}

func (w *world) post(name string) {
	w.t.Helper()
	resource := Resource{ID: "1", Name: name, Resource: "greeting", Spec: json.RawMessage(`{"words": ["a", 7]}`)}
	if err := w.stream.Post(Post{Resource: resource, RunID: name}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) result(name string) StoredResult {
	w.t.Helper()
	results, err := w.stream.Results(name, 1, long)
	if err != nil || len(results) != 1 {
		w.t.Fatal(results, err)
	}
	return results[0]
}

func (w *world) end() Report {
	w.t.Helper()
	w.manager.Stop()
	report, err := w.manager.Wait()
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

type oddError struct{}

func (oddError) Error() string { return "odd\nin two lines" }

func TestARunEndsAsItsFunctionReturns(t *testing.T) {
	w := start(t, greeter(func(_ context.Context, run *Run) (Result, error) {
		resource, err := run.Resource()
		if err != nil {
			return Result{}, err
		}
		switch resource.Name {
		case "success":
			return Success("done").With(map[string]int{"x": 1}), nil
		case "failure":
			return Failure("not done"), nil
		case "failed":
			return Result{}, fmt.Errorf("refused: %w", &FailedError{Message: "no", Data: map[string]int{"x": 2}})
		case "error":
			return Result{}, fmt.Errorf("wrapped: %w", oddError{})
		case "unfit":
			return Success("").With(make(chan int)), nil
		case "retry":
			if run.Attempt() == 1 {
				return Result{}, Retry("not yet").In(time.Millisecond)
			}
		case "panic":
			panic("at the disco")
		case "gone":
			if run.Attempt() == 1 {
				runtime.Goexit()
			}
		}
		return Result{}, nil
	}).RetryInitial(time.Millisecond))
	for _, end := range []struct {
		name, message, kind string
		success             bool
	}{
		{"success", "done", "", true},
		{"failure", "not done", "", false},
		{"failed", "refused: no", "Failed", false},
		{"error", "wrapped: odd", "conveyor.oddError", false},
		{"unfit", "data: json: unsupported type: chan int", "json.UnsupportedTypeError", false},
		{"retry", "", "", true},
		{"panic", "at the disco", "panic", false},
		{"gone", "", "", true},
		{"nothing", "", "", true},
	} {
		w.post(end.name)
		result := w.result(end.name)
		var data struct {
			Error struct{ Type, Message, Traceback string }
			X     int
		}
		if err := json.Unmarshal(result.Data, &data); err != nil {
			t.Fatal(err)
		}
		if result.Success != end.success || result.Message != end.message || data.Error.Type != end.kind {
			t.Errorf("%s: %+v %+v", end.name, result, data)
		}
		if end.name == "panic" && !strings.Contains(data.Error.Traceback, "conveyor_test.go") {
			t.Error(data.Error.Traceback)
		}
		if end.name == "failed" && data.X != 2 {
			t.Error(string(result.Data))
		}
	}
	report := w.end().Drivers[0]
	if report.Succeeded != 4 || report.Failed != 5 || report.Retried != 1 || report.GivenBack != 1 {
		t.Errorf("%+v", report)
	}
}

func TestARunKnowsWhatItIsAbout(t *testing.T) {
	told := make(chan error, 1)
	w := start(t, greeter(func(ctx context.Context, run *Run) (Result, error) {
		var spec struct{ Words []any }
		err := run.Spec(&spec)
		left, limited := run.TimeLeft()
		run.Progress()
		if run.ID() != "a" || run.Event() != "create" || run.Driver() != "greeter" || run.Attempt() != 1 ||
			spec.Words[0] != "a" || !limited || left < time.Second || run.CancelReason() != nil ||
			RunFrom(ctx) != run || RunFrom(context.Background()) != nil || err != nil {
			err = fmt.Errorf("%+v %v", run, err)
		}
		told <- err
		return Result{}, nil
	}).RunTimeout(100*time.Second))
	w.post("a")
	if err := <-told; err != nil {
		t.Fatal(err)
	}
	if line := w.end().String(); line != "greeter: 1 succeeded, 0 failed" {
		t.Error(line)
	}
}

func TestAResourceThatIsNotJSONIsNotPosted(t *testing.T) {
	w := start(t, greeter(nothing))
	resource := Resource{Name: "a", Resource: "greeting", Metadata: map[string]any{"a": make(chan int)}}
	if err := w.stream.Post(Post{Resource: resource, RunID: "a"}); CodeOf(err) != CodeArgumentInvalid {
		t.Error(err)
	}
	w.end()
}

func TestRunsGoOnSideBySideUpToTheConcurrency(t *testing.T) {
	var inside, most atomic.Int32
	var first sync.Once
	gate := make(chan struct{})
	w := start(t, greeter(func(context.Context, *Run) (Result, error) {
		now := inside.Add(1)
		for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
		}
		if now == 8 {
			first.Do(func() { close(gate) })
		}
		<-gate
		inside.Add(-1)
		return Result{}, nil
	}).Concurrency(8))
	for i := range 500 {
		w.post(fmt.Sprint(i))
	}
	for i := range 500 {
		w.result(fmt.Sprint(i))
	}
	if report := w.end(); most.Load() != 8 || report.Drivers[0].Succeeded != 500 {
		t.Error(most.Load(), report)
	}
}

func TestACancelledRunsContextEndsWithTheReason(t *testing.T) {
	begun := make(chan struct{})
	causes := make(chan error, 1)
	w := start(t, greeter(func(ctx context.Context, _ *Run) (Result, error) {
		close(begun)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return Result{}, ctx.Err()
	}))
	w.post("a")
	<-begun
	if told := w.manager.Cancel("b", ""); told != 0 {
		t.Error(told)
	}
	if told := w.manager.Cancel("a", "obsolete"); told != 1 {
		t.Error(told)
	}
	var reason *CancelReason
	if err := <-causes; !errors.As(err, &reason) || reason.Kind != "requested" || reason.Reason != "obsolete" {
		t.Error(err)
	}
	if w.result("a").Success {
		t.Error("it was cancelled")
	}
	if report := w.end(); report.Drivers[0].Cancelled != 1 {
		t.Error(report)
	}
}

func TestCommands(t *testing.T) {
	ended := make(chan string, 8)
	w := start(t, greeter(func(ctx context.Context, run *Run) (Result, error) {
		exit, err := run.Exec(ctx, "echo", "hello  there")
		ended <- fmt.Sprint(exit.Code, exit.Signal, exit.Success(), err)
		value := "4"
		exit, err = run.Do(ctx, Command{
			Program: "sh", Args: []string{"-c", "cat; exit $X"}, Env: map[string]*string{"X": &value, "HOME": nil},
			Stdin: []byte("in\xffput\n"), Dir: "/",
		})
		ended <- fmt.Sprint(exit.Code, exit.Signal, exit.Success(), err)
		_, err = run.Exec(ctx, "/no/such")
		ended <- CodeOf(err).String()
		short, cancel := context.WithCancel(ctx)
		time.AfterFunc(10*time.Millisecond, cancel)
		exit, err = run.Exec(short, "sleep", "1000")
		ended <- fmt.Sprint(exit.Code, exit.Signal, exit.Cancelled, err, ctx.Err())
		return Result{}, nil
	}))
	w.post("a")
	for _, wanted := range []string{"0 0 true <nil>", "4 0 false <nil>", "ExecFailed", "-1 15 true <nil> <nil>"} {
		if got := <-ended; got != wanted {
			t.Errorf("%s, not %s", got, wanted)
		}
	}
	w.result("a")
	log, err := w.stream.Log("a")
	if err != nil || log[0].Message != "hello  there" || log[1].Message != "in\uFFFDput" {
		t.Error(log, err)
	}
	w.end()
}
