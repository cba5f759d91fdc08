// The last step of a pipeline: reports on the build that git-build did before it.
//
// What an earlier step answered stands in the resource's metadata, as JSON text.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"strings"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

func report(_ context.Context, run *conveyor.Run) (conveyor.Result, error) {
	resource, err := run.Resource()
	if err != nil {
		return conveyor.Result{}, err
	}
	answer, ok := resource.Metadata["driverresults.git-build"].(string)
	if !ok {
		return conveyor.Result{}, conveyor.Failed("git-build has not answered: it belongs before build-report in the pipeline")
	}
	var build struct {
		Message string
		Data    struct {
			Commit     string
			DurationMs int64 `json:"duration_ms"`
		}
	}
	if err := json.Unmarshal([]byte(answer), &build); err != nil {
		return conveyor.Result{}, err
	}
	steps := 0
	for name := range resource.Metadata {
		if strings.HasPrefix(name, "driverresults.") {
			steps++
		}
	}
	run.Log("git-build answered", "message", build.Message, "commit", build.Data.Commit)
	return conveyor.Success(fmt.Sprintf("%s went through %d steps before", resource.Name, steps)), nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("build_report: ")
	told, err := conveyor.NewManager(conveyor.NewDriver("build-report", []string{"build"}, report)).Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	log.Print(told)
}
