package conveyor

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// api is a small Conveyor API: it answers each request with what belongs to its line, and says what it was asked.
func api(t *testing.T, answers map[string]string) (*Client, func() string) {
	t.Helper()
	asked := make(chan string, 64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		line := r.Method + " " + r.URL.RequestURI()
		body, _ := io.ReadAll(r.Body)
		asked <- line + " " + string(body)
		answer, known := answers[line]
		switch {
		case !known:
			http.Error(w, `{"error": "there is none"}`, http.StatusNotFound)
		case answer == "never":
			<-r.Context().Done()
		case strings.HasPrefix(answer, "data:"):
			w.Header().Set("content-type", "text/event-stream")
			_, _ = io.WriteString(w, answer)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			w.Header().Set("content-type", "application/json")
			_, _ = io.WriteString(w, answer)
		}
	}))
	t.Cleanup(server.Close)
	client, err := NewClient(ClientOptions{URL: server.URL, MaxAttempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client, func() string {
		t.Helper()
		select {
		case line := <-asked:
			return line
		case <-time.After(long):
			t.Fatal("nothing was asked")
			return ""
		}
	}
}

const app = `{"id": "1", "name": "app", "resource": "build", "metadata": {"a": "b"}, "spec": {"n": 1}}`

func TestTheClientAsksForResources(t *testing.T) {
	ctx := context.Background()
	client, asked := api(t, map[string]string{
		"GET /resources/build/app":    app,
		"GET /resources/build/app/1":  app,
		"PUT /resources/build/app":    app,
		"DELETE /resources/build/app": `{}`,
		"POST /resources/":            `{"name": "app", "runid": "r", "version": "1", "message": "done"}`,
	})
	resource, err := client.Resource(ctx, "build", "app")
	if err != nil || resource.Name != "app" || resource.Metadata["a"] != "b" || string(resource.Spec) != `{"n":1}` {
		t.Error(resource, err)
	}
	created, err := client.CreateResource(ctx, Resource{Name: "app", Resource: "build", Spec: json.RawMessage(`{"n": 1}`)})
	if err != nil || created != (CreatedResource{"app", "r", "1", "done"}) {
		t.Error(created, err)
	}
	asked()
	if line := asked(); !strings.Contains(line, `"spec":{"n":1}`) {
		t.Error(line)
	}
	if resource, err = client.ResourceVersion(ctx, "build", "app", "1"); err != nil || resource.ID != "1" {
		t.Error(resource, err)
	}
	if resource, err = client.UpdateResource(ctx, resource); err != nil || resource.ID != "1" {
		t.Error(resource, err)
	}
	if err := client.DeleteResource(ctx, "build", "app"); err != nil {
		t.Error(err)
	}
	if _, err := client.Resource(ctx, "build", "none"); CodeOf(err) != CodeNotFound {
		t.Error(err)
	}
	if _, err := client.Resource(ctx, "", ""); CodeOf(err) != CodeArgumentInvalid {
		t.Error(err)
	}
	resource.Spec = json.RawMessage("{")
	if _, err := client.UpdateResource(ctx, resource); CodeOf(err) != CodeArgumentInvalid {
		t.Error(err)
	}
}

func TestTheClientAsksForDefinitionsPipelinesAndMessages(t *testing.T) {
	ctx := context.Background()
	definition := `{"id": "1", "name": "build", "description": "d", "version": "1", "schema": {"type": "object"}}`
	client, asked := api(t, map[string]string{
		"GET /resource-definitions/build":    definition,
		"POST /pipelines/":                   `{"name": "p", "resource": "build", "steps": [{"id": "a", "name": "a", "driver": "a"}]}`,
		"POST /drivers/broadcast-message":    `{}`,
		"DELETE /resource-definitions/build": `{}`,
	})
	kind, err := client.Definition(ctx, "build")
	if err != nil || kind.Name != "build" || string(kind.Schema) != `{"type":"object"}` {
		t.Error(kind, err)
	}
	pipeline, err := client.CreatePipeline(ctx, Pipeline{Name: "p", Resource: "build", Steps: []PipelineStep{{Driver: "a"}}})
	if err != nil || pipeline.Steps[0].ID != "a" {
		t.Error(pipeline, err)
	}
	if err := client.Broadcast(ctx, "hello", `{"a": 1}`); err != nil {
		t.Error(err)
	}
	for range 2 {
		asked()
	}
	if line := asked(); !strings.Contains(line, `"event":"hello"`) {
		t.Error(line)
	}
	if err := client.DeleteDefinition(ctx, "build"); err != nil {
		t.Error(err)
	}
	for _, ask := range []func(context.Context, ResourceDefinition) (ResourceDefinition, error){
		client.CreateDefinition, client.ApplyDefinition, client.UpdateDefinition,
	} {
		if _, err := ask(ctx, kind); CodeOf(err) != CodeNotFound {
			t.Error(err)
		}
	}
}

func TestLogsAreQueriedPostedAndStreamed(t *testing.T) {
	line := `{"runid": "r", "driver": "d", "pipeline": "", "timestamp": "2026-01-01T00:00:00Z", "message": "m"}`
	client, asked := api(t, map[string]string{
		"GET /logs?runid=r":      "[" + line + "]",
		"POST /logs":             `{}`,
		"GET /logs/pipeline/r":   "data: " + line + "\n\ndata: {\n\n",
		"GET /logs/streams/d/r":  "never",
		"GET /resources/build/a": "never",
	})
	ctx := context.Background()
	lines, err := client.Logs(ctx, LogFilter{RunID: "r"})
	if err != nil || len(lines) != 1 || lines[0].Message != "m" {
		t.Fatal(lines, err)
	}
	if err := client.PostLog(ctx, lines[0]); err != nil {
		t.Error(err)
	}
	asked()
	if line := asked(); !strings.Contains(line, `"message":"m"`) {
		t.Error(line)
	}
	var events []LogEvent
	for event, err := range client.StreamLogs(ctx, "r", "") {
		if err != nil {
			t.Fatal(err)
		}
		if events = append(events, event); len(events) == 2 {
			break
		}
	}
	if events[0].Entry.Message != "m" || events[1].Kind != "gap" || events[1].Reason != "unreadable" {
		t.Error(events)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	for event, err := range client.StreamLogs(short, "r", "d") {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(event, err)
		}
	}
	if _, err := client.Resource(short, "build", "a"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	client, asked := api(t, map[string]string{"GET /resources/build/a": "never"})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		asked()
		cancel()
	}()
	if _, err := client.Resource(ctx, "build", "a"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestARunHasTheClientOfItsManager(t *testing.T) {
	_, err := NewClient(ClientOptions{URL: "ftp://nowhere"})
	if CodeOf(err) != CodeOptionsInvalid {
		t.Error(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "application/json")
		_, _ = io.WriteString(w, app)
	}))
	defer server.Close()
	stream, err := NewEmbeddedStream()
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	manager := NewManager(greeter(func(ctx context.Context, run *Run) (Result, error) {
		client, err := run.Client()
		if err != nil {
			return Result{}, err
		}
		resource, err := client.Resource(ctx, "build", "app")
		return Success(resource.Name), err
	})).Use(stream).Client(ClientOptions{URL: server.URL})
	if err := manager.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	w := &world{t, stream, manager}
	w.post("a")
	if result := w.result("a"); result.Message != "app" {
		t.Error(result)
	}
	w.end()
}
