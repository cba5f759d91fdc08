package conveyor

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestASignalDrains(t *testing.T) {
	stream, err := NewEmbeddedStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var first sync.Once
	begun, gate := make(chan struct{}), make(chan struct{})
	manager := NewManager(greeter(func(context.Context, *Run) (Result, error) {
		first.Do(func() { close(begun) })
		<-gate
		return Result{}, nil
	})).Use(stream)
	reports := make(chan Report)
	go func() {
		report, err := manager.Run(context.Background())
		if err != nil {
			t.Error(err)
		}
		reports <- report
	}()
	// What is posted before it is ready reaches nobody.
	for there := false; !there; {
		if err := stream.Post(Post{Resource: Resource{Name: "a", Resource: "greeting"}, RunID: "a"}); err != nil {
			t.Fatal(err)
		}
		select {
		case <-begun:
			there = true
		case <-time.After(50 * time.Millisecond):
		}
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	close(gate)
	if report := <-reports; report.Drivers[0].Succeeded < 1 {
		t.Error(report)
	}
}

func TestASignalDrainsAStartedManagerThatIsToHeedThem(t *testing.T) {
	stream, err := NewEmbeddedStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	manager := NewManager(greeter(nothing)).Use(stream).Signals(true)
	if err := manager.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	// It ends the test when nobody heeds it.
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := manager.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAStartedManagerLeavesSignalsToTheProgram(t *testing.T) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	defer signal.Stop(signals)
	w := start(t, greeter(nothing))
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-signals
	w.post("a")
	w.result("a")
	w.end()
}
