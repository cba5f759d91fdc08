package conveyor

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLinesHaveTheirLevelsAndLabels(t *testing.T) {
	w := start(t, greeter(func(ctx context.Context, run *Run) (Result, error) {
		run.Log("first", "n", 7)
		logger := slog.New(NewHandler(slog.NewTextHandler(io.Discard, nil)))
		logger.With("a", "b").WithGroup("g").WarnContext(ctx, "second",
			slog.Group("h", "x", time.Second), "err", errors.New("oh"), "bad", make(chan int) == nil)
		logger.Info("of nobody's run")
		run.Logger().Debug("third \xff")
		return Result{}, nil
	}))
	w.post("a")
	w.result("a")
	log, err := w.stream.Log("a")
	if err != nil || len(log) != 3 {
		t.Fatal(log, err)
	}
	if log[0].Message != "first" || log[1].Message != "second" || log[2].Message != "third \uFFFD" {
		t.Error(log)
	}
	for name, value := range map[string]string{"level": "warning", "a": "b", "g.h.x": "1s", "g.err": "oh"} {
		if log[1].Labels[name] != value {
			t.Errorf("%s: %v", name, log[1].Labels)
		}
	}
	w.end()
}

func TestALineAfterItsRunIsNotLost(t *testing.T) {
	runs := make(chan *Run, 1)
	contexts := make(chan context.Context, 1)
	w := start(t, greeter(func(ctx context.Context, run *Run) (Result, error) {
		runs <- run
		contexts <- ctx
		return Result{}, nil
	}))
	w.post("a")
	w.result("a")
	run, ctx := <-runs, <-contexts
	w.end()

	programs, library := &safeBuffer{}, &safeBuffer{}
	SetLogger(slog.New(slog.NewTextHandler(library, nil)))
	defer SetLogger(nil)
	logger := slog.New(NewHandler(slog.NewTextHandler(programs, nil))).With("a", "b")
	logger.InfoContext(ctx, "late", "c", "d")
	logger.DebugContext(ctx, "nobody wants it")
	if said := programs.String(); !strings.Contains(said, "msg=late a=b c=d") || strings.Contains(said, "nobody") {
		t.Error(said)
	}
	if said := library.String(); said != "" {
		t.Error(said)
	}
	run.Log("too late")
	if said := library.String(); !strings.Contains(said, `run_id=a driver=greeter`) || !strings.Contains(said, `line="too late"`) {
		t.Error(said)
	}
	// One that leads back to the run is told once.
	SetLogger(run.Logger())
	run.Log("lost")
}
