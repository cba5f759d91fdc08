// The scripted driver as a program; see tests/scenarios/README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

var out sync.Mutex

func say(document any) {
	out.Lock()
	defer out.Unlock()
	if err := json.NewEncoder(os.Stdout).Encode(document); err != nil {
		panic(err)
	}
}

func main() {
	var drivers []map[string]any
	var options map[string]any
	for name, into := range map[string]any{"SCENARIO_DRIVERS": &drivers, "SCENARIO_MANAGER": &options} {
		if err := json.Unmarshal([]byte(os.Getenv(name)), into); err != nil {
			panic(err)
		}
	}
	var all []*conveyor.Driver
	for _, options := range drivers {
		driver := conveyor.NewDriver("", nil, reconcile)
		for name, value := range options {
			driver.Set(name, value)
		}
		all = append(all, driver)
	}
	manager := conveyor.NewManager(all...)
	for name, value := range options {
		manager.Set(name, value)
	}
	go obey(manager)
	report, err := manager.Run(context.Background())
	var refused *conveyor.Error
	if errors.As(err, &refused) {
		paths := []string{}
		for _, fact := range refused.Context {
			paths = append(paths, fact.Name)
		}
		say(map[string]any{"refused": map[string]any{"code": refused.Code.String(), "paths": paths}})
		return
	}
	if err != nil {
		panic(err)
	}
	say(map[string]any{"report": told(report)})
}

// told is a report without what the harness does not count.
func told(report conveyor.Report) any {
	text, err := json.Marshal(report)
	if err != nil {
		panic(err)
	}
	var document struct {
		Drivers []map[string]any `json:"drivers"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		panic(err)
	}
	for i, driver := range document.Drivers {
		delete(driver, "runs")
		if report.Drivers[i].Error != nil {
			driver["error"] = report.Drivers[i].Error.Code.String()
		}
	}
	return document
}

func obey(manager *conveyor.Manager) {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var request struct {
			Release *string
			Cancel  *struct {
				RunID  string `json:"run_id"`
				Reason string
			}
		}
		switch err := json.Unmarshal(lines.Bytes(), &request); {
		case err == nil && request.Release != nil:
			release(*request.Release)
		case err == nil && request.Cancel != nil:
			say(map[string]any{"cancelled": manager.Cancel(request.Cancel.RunID, request.Cancel.Reason)})
		default:
			say(map[string]any{"unknown_request": lines.Text()})
		}
	}
	manager.Stop()
}

var (
	releases sync.Mutex
	gates    = map[string]chan struct{}{}
	open     = map[string]bool{}
)

// gate is closed once its name is released.
func gate(name string) chan struct{} {
	releases.Lock()
	defer releases.Unlock()
	if gates[name] == nil {
		gates[name] = make(chan struct{})
	}
	return gates[name]
}

func release(name string) {
	gate := gate(name)
	releases.Lock()
	defer releases.Unlock()
	if !open[name] {
		open[name] = true
		close(gate)
	}
}

type step = map[string]json.RawMessage

// UnknownStep is what a step that nobody knows comes to.
type UnknownStep struct{ name string }

func (e UnknownStep) Error() string { return e.name }

const (
	steps = " log line tell progress block_ms sleep_ms hold wait_for_cancel exec by_attempt "
	ends  = " succeed fail retry raise panic "
)

type end struct {
	Message string
	Data    any
	Repeat  *int
	AfterMs *int64 `json:"after_ms"`
}

func reconcile(ctx context.Context, run *conveyor.Run) (conveyor.Result, error) {
	var spec struct{ Script []step }
	if err := run.Spec(&spec); err != nil {
		return conveyor.Result{}, err
	}
	todo := spec.Script
	for _, each := range todo {
		for name := range each {
			if !strings.Contains(steps+ends, " "+name+" ") {
				return conveyor.Result{}, UnknownStep{name}
			}
		}
	}
	var exit *conveyor.Exit
	for len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		for name, given := range next {
			if strings.Contains(ends, " "+name+" ") {
				var end end
				read(given, &end)
				return finish(name, end)
			}
			if name == "by_attempt" {
				var lists [][]step
				read(given, &lists)
				todo = append(lists[min(run.Attempt(), len(lists))-1], todo...)
				continue
			}
			if err := do(ctx, run, name, given, &exit); err != nil {
				return conveyor.Result{}, err
			}
		}
	}
	return conveyor.Result{}, nil
}

func read(given json.RawMessage, into any) {
	if err := json.Unmarshal(given, into); err != nil {
		panic(err)
	}
}

func finish(name string, end end) (conveyor.Result, error) {
	if text, ok := end.Data.(string); ok && end.Repeat != nil {
		end.Data = strings.Repeat(text, *end.Repeat)
	}
	switch name {
	case "succeed":
		return conveyor.Success(end.Message).With(end.Data), nil
	case "fail":
		return conveyor.Failure(end.Message).With(end.Data), nil
	case "retry":
		retry := conveyor.Retry("%s", end.Message)
		if end.AfterMs != nil {
			retry = retry.In(time.Duration(*end.AfterMs) * time.Millisecond)
		}
		return conveyor.Result{}, retry
	case "raise":
		return conveyor.Result{}, errors.New(end.Message)
	default:
		panic(end.Message)
	}
}

func do(ctx context.Context, run *conveyor.Run, name string, given json.RawMessage, exit **conveyor.Exit) error {
	var number int64
	var text string
	switch name {
	case "log":
		read(given, &text)
		run.Log(text)
	case "line":
		line(run, given)
	case "tell":
		read(given, &text)
		told, err := fact(run, text, *exit)
		if err != nil {
			return err
		}
		run.Log(told)
	case "progress":
		run.Progress()
	case "sleep_ms", "block_ms":
		read(given, &number)
		time.Sleep(time.Duration(number) * time.Millisecond)
	case "hold":
		read(given, &text)
		<-gate(text)
	case "wait_for_cancel":
		<-ctx.Done()
	case "exec":
		ended, err := exec(ctx, run, given)
		if err != nil {
			return err
		}
		*exit = &ended
	}
	return nil
}

func line(run *conveyor.Run, given json.RawMessage) {
	var line struct {
		Message, Level string
		Labels         map[string]any
		Repeat, Times  *int
	}
	read(given, &line)
	text := line.Message
	if line.Repeat != nil {
		text = strings.Repeat(text, *line.Repeat)
	}
	var labels []any
	for name, value := range line.Labels {
		labels = append(labels, name, value)
	}
	logger := run.Logger()
	write := map[string]func(string, ...any){
		"": logger.Info, "debug": logger.Debug, "info": logger.Info, "warning": logger.Warn, "error": logger.Error,
	}[line.Level]
	if line.Times == nil {
		write(text, labels...)
		return
	}
	for n := range *line.Times {
		write(fmt.Sprintf("%s %d", text, n+1), labels...)
	}
}

func fact(run *conveyor.Run, name string, exit *conveyor.Exit) (string, error) {
	switch name {
	case "run_id":
		return run.ID(), nil
	case "event":
		return run.Event(), nil
	case "payload":
		return run.Payload(), nil
	case "driver":
		return run.Driver(), nil
	case "attempt":
		return fmt.Sprint(run.Attempt()), nil
	case "resource_name":
		resource, err := run.Resource()
		return resource.Name, err
	case "cancel_reason":
		reason := run.CancelReason()
		if reason == nil {
			return "", nil
		}
		var words strings.Builder
		for _, word := range strings.Split(reason.Kind, "_") {
			words.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
		return words.String(), nil
	case "exit":
		document := map[string]any{
			"code": nil, "signal": nil, "duration_ms": exit.Duration.Milliseconds(), "cancelled": exit.Cancelled,
		}
		if exit.Signal != 0 {
			document["signal"] = exit.Signal
		} else {
			document["code"] = exit.Code
		}
		text, err := json.Marshal(document)
		return string(text), err
	}
	return "", fmt.Errorf("unknown fact %s", name)
}

func exec(ctx context.Context, run *conveyor.Run, given json.RawMessage) (conveyor.Exit, error) {
	var document struct {
		Program string
		Args    []string
		Env     map[string]*string
		Stdin   *string
		GraceMs int64 `json:"grace_ms"`
	}
	read(given, &document)
	command := conveyor.Command{
		Program: document.Program, Args: document.Args, Env: document.Env,
		Grace: time.Duration(document.GraceMs) * time.Millisecond,
	}
	if document.Stdin != nil {
		command.Stdin = []byte(*document.Stdin)
	}
	return run.Do(ctx, command)
}
