// The first driver. It needs no server: the event stream is in this process.
//
//	go run ./greeter
package main

import (
	"context"
	"fmt"
	"log"

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

func main() {
	log.SetFlags(0)
	conveyor.SetLogger(nil)
	if err := greet(context.Background()); err != nil {
		log.Fatal("greeter: ", err)
	}
}

func greet(ctx context.Context) error {
	stream, err := conveyor.NewEmbeddedStream()
	if err != nil {
		return err
	}
	defer stream.Close()
	manager := conveyor.NewManager(conveyor.NewDriver("greeter", []string{"greeting"}, reconcile)).Use(stream)
	if err := manager.Start(ctx); err != nil {
		return err
	}
	ada := conveyor.Resource{Name: "Ada", Resource: "greeting"}
	if err := stream.Post(conveyor.Post{Resource: ada, RunID: "run-1"}); err != nil {
		return err
	}
	results, err := stream.Results("run-1", 1, -1)
	if err != nil {
		return err
	}
	lines, err := stream.Log("run-1")
	if err != nil {
		return err
	}
	for _, line := range lines {
		fmt.Printf("%s: %s\n", line.Driver, line.Message)
	}
	fmt.Printf("result: %s\n", results[0].Message)
	manager.Stop()
	report, err := manager.Wait()
	fmt.Printf("drained: %s\n", report)
	return err
}
