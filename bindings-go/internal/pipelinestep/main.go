// One step of a pipeline, as a driver of its own process; see tests/real_server.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"sort"
	"strings"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

func main() {
	slog.SetLogLoggerLevel(slog.LevelWarn)
	step := os.Getenv("STEP")
	driver := conveyor.NewDriver(step, []string{os.Getenv("RESOURCE")}, func(ctx context.Context, run *conveyor.Run) (conveyor.Result, error) {
		resource, err := run.Resource()
		if err != nil {
			return conveyor.Result{}, err
		}
		seen := []string{}
		for key, text := range resource.Metadata {
			earlier, ok := strings.CutPrefix(key, "driverresults.")
			if !ok {
				continue
			}
			var result struct {
				Data struct {
					Step string `json:"step"`
				} `json:"data"`
			}
			if err := json.Unmarshal([]byte(text.(string)), &result); err != nil {
				return conveyor.Result{}, err
			}
			seen = append(seen, earlier+"="+result.Data.Step)
		}
		sort.Strings(seen)
		for line := range 20 {
			run.Log(fmt.Sprintf("%s %d", step, line))
		}
		var spec struct {
			Fail string `json:"fail"`
		}
		if err := run.Spec(&spec); err != nil {
			return conveyor.Result{}, err
		}
		data := map[string]any{"step": step, "seen": seen}
		// It reads its own resource through the API, as a driver may.
		if os.Getenv("ASKS_API") == "" {
			client, err := run.Client()
			if err != nil {
				return conveyor.Result{}, err
			}
			stored, err := client.Resource(ctx, resource.Resource, resource.Name)
			if err != nil {
				return conveyor.Result{}, err
			}
			data["stored"] = stored.Name
		}
		if spec.Fail == step {
			return conveyor.Failure("as it was asked to").With(data), nil
		}
		return conveyor.Success("done").With(data), nil
	})
	if _, err := conveyor.NewManager(driver).Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
