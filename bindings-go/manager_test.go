package conveyor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAStartFailsWithItsReasonWhoeverLooksFirst(t *testing.T) {
	w := start(t, greeter(nothing))
	other := NewManager(NewDriver("greeter", []string{"parting"}, nothing)).Use(w.stream)
	session, err := other.begin(false)
	if err != nil {
		t.Fatal(err)
	}
	<-session.ended
	for range 2 {
		if err := session.waitStarted(); CodeOf(err) != CodeConflict {
			t.Error(err)
		}
	}
	w.end()
}

func TestWrongOptionsNameTheirPaths(t *testing.T) {
	nothing := func(context.Context, *Run) (Result, error) { return Result{}, nil }
	for path, manager := range map[string]*Manager{
		"concurency":        NewManager(greeter(nothing).Set("concurency", 2)),
		"drivers[0].name":   NewManager(NewDriver("", []string{"a"}, nothing)),
		"signals":           NewManager(greeter(nothing)).Set("signals", 7),
		"shutdown_grace_ms": NewManager(greeter(nothing)).Set("shutdown_grace_ms", -1),
	} {
		_, err := manager.Run(context.Background())
		var known *Error
		if !errors.As(err, &known) || known.Code != CodeOptionsInvalid || known.Context[0].Name != path {
			t.Errorf("%s: %v", path, err)
		}
		if !errors.Is(err, &Error{Code: CodeOptionsInvalid}) || errors.Is(err, &Error{Code: CodeClosed}) {
			t.Error(err)
		}
	}
}

func TestWhatGoAloneSeesToBeWrongIsReportedAtOnce(t *testing.T) {
	manager := NewManager(nil, greeter(nil), greeter(nothing).Set("concurrency", make(chan int)).Set("events", nothing)).
		Set("connection", math.NaN())
	_, err := manager.Run(context.Background())
	var known *Error
	if !errors.As(err, &known) || known.Code != CodeOptionsInvalid {
		t.Fatal(err)
	}
	var paths []string
	for _, fact := range known.Context {
		paths = append(paths, fact.Name)
		if fact.Value == "" || !strings.Contains(err.Error(), fact.Name+": "+fact.Value) {
			t.Error(err)
		}
	}
	wanted := []string{
		"connection", "drivers[0]", "drivers[1].function", "drivers[2].concurrency", "drivers[2].events",
	}
	if !slices.Equal(paths, wanted) {
		t.Error(paths)
	}
	if _, err := new(Manager).Run(context.Background()); CodeOf(err) != CodeOptionsInvalid {
		t.Error(err)
	}
}

func TestAWrongOptionNamesItsDriver(t *testing.T) {
	_, err := NewManager(greeter(nothing), greeter(nothing).Set("concurency", 2)).Run(context.Background())
	if CodeOf(err) != CodeOptionsInvalid || !strings.HasPrefix(err.Error(), "drivers[1]: ") {
		t.Error(err)
	}
}

func TestAManagerStartsOnceAndStopsWhenItsContextEnds(t *testing.T) {
	stream, err := NewEmbeddedStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	manager := NewManager(greeter(func(context.Context, *Run) (Result, error) { return Result{}, nil })).Use(stream)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := manager.Run(ctx); err != nil && CodeOf(err) != CodeClosed {
		t.Error(err)
	}
	if _, err := manager.Run(ctx); CodeOf(err) != CodeClosed {
		t.Error(err)
	}
}

func TestAStartThatItsContextEndsSaysSo(t *testing.T) {
	stream, err := NewEmbeddedStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	unreachable := ConnectionOptions{URL: "nats://127.0.0.1:1"}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	for _, start := range []struct {
		manager *Manager
		ctx     context.Context
	}{
		{NewManager(greeter(nothing)).Connection(unreachable), short},
		{NewManager(greeter(nothing)).Connection(unreachable), over},
		{NewManager(greeter(nothing)).Use(stream), over},
	} {
		err := start.manager.Start(start.ctx)
		if !errors.Is(err, start.ctx.Err()) || CodeOf(err) != CodeClosed {
			t.Error(err)
		}
		if _, err := start.manager.Wait(); err != nil {
			t.Error(err)
		}
	}
	if err := NewManager(greeter(nil)).Start(over); err == nil || errors.Is(err, context.Canceled) {
		t.Error("the context hides that there is no function:", err)
	}
}

func TestOnlyAStopBeforeTheStartStopsAManager(t *testing.T) {
	for name, early := range map[string]struct {
		do      func(*Manager)
		stopped bool
	}{
		"Wait": {do: func(manager *Manager) {
			if _, err := manager.Wait(); CodeOf(err) != CodeArgumentInvalid {
				t.Error(err)
			}
		}},
		"Cancel": {do: func(manager *Manager) {
			if count := manager.Cancel("a", ""); count != 0 {
				t.Error(count)
			}
		}},
		"Stop":   {do: (*Manager).Stop, stopped: true},
		"EndNow": {do: (*Manager).EndNow, stopped: true},
	} {
		t.Run(name, func(t *testing.T) {
			stream, err := NewEmbeddedStream()
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			w := &world{t, stream, NewManager(greeter(nothing)).Use(stream)}
			early.do(w.manager)
			if err := w.manager.Start(context.Background()); err != nil && !early.stopped {
				t.Fatal(err)
			}
			if early.stopped {
				// It ends by itself.
				if _, err := w.manager.Wait(); err != nil {
					t.Error(err)
				}
				return
			}
			w.post("a")
			w.result("a")
			w.end()
		})
	}
}

func TestAHundredStopsWhileRunsAreInFlight(t *testing.T) {
	for round := range 100 {
		var told atomic.Bool
		gate := make(chan struct{})
		begun := make(chan struct{}, 16)
		w := start(t, greeter(func(ctx context.Context, _ *Run) (Result, error) {
			if told.Load() && ctx.Err() == nil {
				t.Error("a run goes on after the end was told")
			}
			begun <- struct{}{}
			<-gate
			return Result{}, nil
		}).Concurrency(8).CancelGrace(time.Millisecond))
		for i := range 16 {
			w.post(fmt.Sprint(i))
		}
		for range 1 + round%8 {
			<-begun
		}
		w.manager.EndNow()
		report, err := w.manager.Wait()
		told.Store(true)
		if err != nil || report.Drivers[0].Succeeded != 0 {
			t.Fatal(report, err)
		}
		close(gate)
	}
}
