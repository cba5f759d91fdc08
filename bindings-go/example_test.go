package conveyor_test

import (
	"context"
	"fmt"
	"log"
	"time"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

func reconcile(_ context.Context, run *conveyor.Run) (conveyor.Result, error) {
	resource, err := run.Resource()
	if err != nil {
		return conveyor.Result{}, err
	}
	run.Log("greeting " + resource.Name)
	return conveyor.Success("hello, " + resource.Name), nil
}

// A driver, and a run of it on the embedded stream. On a server it is [Manager.Run] alone.
func Example() {
	stream, err := conveyor.NewEmbeddedStream()
	if err != nil {
		log.Fatal(err)
	}
	defer stream.Close()
	driver := conveyor.NewDriver("greeter", []string{"greeting"}, reconcile)
	manager := conveyor.NewManager(driver).Use(stream)
	if err := manager.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	ada := conveyor.Resource{Name: "Ada", Resource: "greeting"}
	if err := stream.Post(conveyor.Post{Resource: ada, RunID: "run-1"}); err != nil {
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
	fmt.Println(lines[0].Message)
	fmt.Println(results[0].Message)
	manager.Stop()
	report, err := manager.Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report)
	// Output:
	// greeting Ada
	// hello, Ada
	// greeter: 1 succeeded, 0 failed
}
