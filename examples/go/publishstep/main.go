// The last step of the demo's pipeline: copies what was packed, and its checksums, to where it is published.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

func publish(_ context.Context, run *conveyor.Run) (conveyor.Result, error) {
	var spec struct {
		Workspace string `json:"workspace"`
		PublishTo string `json:"publish_to"`
	}
	if err := run.Spec(&spec); err != nil {
		return conveyor.Result{}, err
	}
	if err := os.MkdirAll(spec.PublishTo, 0o755); err != nil {
		return conveyor.Result{}, err
	}
	patterns := []string{"*.tar.gz", "CHECKSUMS"}
	if packed, _ := filepath.Glob(filepath.Join(spec.Workspace, "*.tar.gz")); packed == nil {
		// Where nothing was packed, what was built.
		patterns = []string{"source/dist/*"}
	}
	published := 0
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join(spec.Workspace, pattern))
		if err != nil {
			return conveyor.Result{}, err
		}
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				return conveyor.Result{}, err
			}
			if err := os.WriteFile(filepath.Join(spec.PublishTo, filepath.Base(file)), content, 0o644); err != nil {
				return conveyor.Result{}, err
			}
			run.Log("published "+filepath.Base(file), "bytes", len(content))
			published++
		}
	}
	if published == 0 {
		return conveyor.Result{}, conveyor.Failed("there is nothing to publish in %s", spec.Workspace)
	}
	return conveyor.Success(fmt.Sprintf("published %d files", published)), nil
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("publish_step: ")
	told, err := conveyor.NewManager(conveyor.NewDriver("publish", []string{"app"}, publish)).Run(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	log.Print(told)
}
