package conveyor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

// Options are methods. Those that are not given come from the environment, such as CONVEYOR_NATS_URL.
func ExampleManager_Run() {
	driver := conveyor.NewDriver("builder", []string{"build"}, reconcile).
		Concurrency(8).
		RunTimeout(time.Hour).
		MaxAttempts(3)
	manager := conveyor.NewManager(driver).
		Connection(conveyor.ConnectionOptions{URL: "tls://nats.example:4222", CredsFile: "builder.creds"}).
		ShutdownGrace(time.Minute)
	report, err := manager.Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
}

// In a program that does more than run drivers, and has its own way with signals.
func ExampleManager_Start() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	manager := conveyor.NewManager(conveyor.NewDriver("builder", []string{"build"}, reconcile))
	if err := manager.Start(ctx); err != nil {
		log.Fatal(err)
	}
	// Every driver is ready. What else the program does goes here.
	<-ctx.Done()
	manager.Stop()
	report, err := manager.Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
}

// Options from a file have the names that they have in every language. The error names each that is wrong.
func ExampleDriver_Set() {
	file := `{"concurrency": 0, "run_timeout_ms": 3600000, "events": ["create", ""]}`
	var options map[string]any
	if err := json.Unmarshal([]byte(file), &options); err != nil {
		log.Fatal(err)
	}
	driver := conveyor.NewDriver("builder", []string{"build"}, reconcile)
	for name, value := range options {
		driver.Set(name, value)
	}
	_, err := conveyor.NewManager(driver).Run(context.Background())
	var refused *conveyor.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Code)
		for _, fault := range refused.Context {
			fmt.Println(fault.Name)
		}
	}
	// Output:
	// OptionsInvalid
	// drivers[0].events[1]
	// drivers[0].concurrency
}

// What may go well later is tried again; what never will is told at once.
func ExampleRetry() {
	build := func(_ context.Context, run *conveyor.Run) (conveyor.Result, error) {
		var spec struct{ Image string }
		if err := run.Spec(&spec); err != nil {
			return conveyor.Result{}, err
		}
		if spec.Image == "" {
			return conveyor.Result{}, conveyor.Failed("spec.image: is missing")
		}
		if run.Attempt() == 1 {
			return conveyor.Result{}, conveyor.Retry("the registry is busy").In(time.Millisecond)
		}
		return conveyor.Success("built").With(map[string]any{"image": spec.Image, "attempts": run.Attempt()}), nil
	}

	stream, err := conveyor.NewEmbeddedStream()
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	manager := conveyor.NewManager(conveyor.NewDriver("builder", []string{"build"}, build)).Use(stream)
	if err := manager.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	for _, spec := range []string{`{"image": "app:1"}`, `{}`} {
		resource := conveyor.Resource{Name: "app", Resource: "build", Spec: json.RawMessage(spec)}
		if err := stream.Post(conveyor.Post{Resource: resource, RunID: spec}); err != nil {
			log.Fatal(err)
		}
		results, err := stream.Results(spec, 1, time.Minute)
		if err != nil || len(results) == 0 {
			log.Fatal("no result: ", err)
		}
		fmt.Println(results[0].Success, results[0].Message)
	}
	manager.Stop()
	if _, err := manager.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// true built
	// false spec.image: is missing
}

// A command ends with its run, and what it says goes to the run's log.
func ExampleRun_Exec() {
	build := func(ctx context.Context, run *conveyor.Run) (conveyor.Result, error) {
		exit, err := run.Exec(ctx, "sh", "-c", "echo compiling; exit 3")
		if err != nil {
			return conveyor.Result{}, err
		}
		if !exit.Success() {
			return conveyor.Failure(fmt.Sprintf("the compiler exited with %d", exit.Code)), nil
		}
		return conveyor.Success("compiled"), nil
	}

	stream, err := conveyor.NewEmbeddedStream()
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	manager := conveyor.NewManager(conveyor.NewDriver("builder", []string{"build"}, build)).Use(stream)
	if err := manager.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	resource := conveyor.Resource{Name: "app", Resource: "build"}
	if err := stream.Post(conveyor.Post{Resource: resource, RunID: "run-1"}); err != nil {
		log.Fatal(err)
	}
	results, err := stream.Results("run-1", 1, time.Minute)
	if err != nil || len(results) == 0 {
		log.Fatal("no result: ", err)
	}
	lines, err := stream.Log("run-1")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(lines[0].Message, lines[0].Labels["stream"])
	fmt.Println(results[0].Success, results[0].Message)
	manager.Stop()
	if _, err := manager.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// compiling stdout
	// false the compiler exited with 3
}

// The lines of code that knows nothing of runs go to the log of the run that it works for.
func ExampleNewHandler() {
	slog.SetDefault(slog.New(conveyor.NewHandler(slog.NewJSONHandler(os.Stderr, nil))))
	build := func(ctx context.Context, _ *conveyor.Run) (conveyor.Result, error) {
		slog.InfoContext(ctx, "compiling", "files", 7)
		return conveyor.Result{}, nil
	}
	manager := conveyor.NewManager(conveyor.NewDriver("builder", []string{"build"}, build))
	if _, err := manager.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// The context of a run ends when the run should, and its cause says why.
func ExampleCancelReason() {
	begun := make(chan struct{})
	build := func(ctx context.Context, _ *conveyor.Run) (conveyor.Result, error) {
		close(begun)
		<-ctx.Done()
		var reason *conveyor.CancelReason
		if errors.As(context.Cause(ctx), &reason) {
			fmt.Println(reason.Kind, reason.Reason)
		}
		return conveyor.Result{}, context.Cause(ctx)
	}

	stream, err := conveyor.NewEmbeddedStream()
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	manager := conveyor.NewManager(conveyor.NewDriver("builder", []string{"build"}, build)).Use(stream)
	if err := manager.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	resource := conveyor.Resource{Name: "app", Resource: "build"}
	if err := stream.Post(conveyor.Post{Resource: resource, RunID: "run-1"}); err != nil {
		log.Fatal(err)
	}
	<-begun
	manager.Cancel("run-1", "a newer version is there")
	manager.Stop()
	report, err := manager.Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Drivers[0].Cancelled)
	// Output:
	// requested a newer version is there
	// 1
}
