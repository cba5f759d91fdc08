// The candidate in Go: an ordinary driver, as a user would write it.
package main

import (
	"context"
	"log"
	"time"

	"github.com/open-ug/conveyor-driver/bench/go/contract"
	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

func reconcile(ctx context.Context, run *conveyor.Run) (conveyor.Result, error) {
	start := contract.MonotonicUs()
	if _, err := run.Resource(); err != nil {
		return conveyor.Result{}, err
	}
	switch contract.Mode {
	case "logs":
		for i := range contract.LogLines {
			run.Log(contract.Line(i))
		}
	case "sleep":
		time.Sleep(contract.Sleep)
	}
	return conveyor.Success("ok").With(map[string]int64{"t_start_us": start}), nil
}

func main() {
	driver := conveyor.NewDriver(contract.Driver, []string{contract.Resource}, reconcile).
		Concurrency(contract.Concurrency).
		Adopt(true) // The consumer is there before the driver is.
	manager := conveyor.NewManager(driver).Connection(conveyor.ConnectionOptions{URL: contract.URL})
	if _, err := manager.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
