package conveyor_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	conveyor "github.com/open-ug/conveyor-driver/bindings-go"
)

// A resource that is created starts a run. Errors are told apart by their codes.
func ExampleClient_CreateResource() {
	client, err := conveyor.NewClient(conveyor.ClientOptions{URL: "https://ci.example/conveyor"})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	created, err := client.CreateResource(ctx, conveyor.Resource{
		Name: "app", Resource: "build", Pipeline: "release", Spec: json.RawMessage(`{"image": "app:1"}`),
	})
	switch conveyor.CodeOf(err) {
	case 0:
		fmt.Println("run", created.RunID)
	case conveyor.CodeConflict:
		fmt.Println("it exists")
	default:
		log.Fatal(err)
	}
}

func ExampleNewClient() {
	// In place of a Conveyor API.
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if request.URL.Path != "/resources/build/app" {
			http.Error(w, `{"error": "not found"}`, http.StatusNotFound)
			return
		}
		fmt.Fprint(w, `{"id": "1", "name": "app", "resource": "build", "metadata": {}, "spec": {"image": "app:1"}}`)
	}))
	defer api.Close()

	client, err := conveyor.NewClient(conveyor.ClientOptions{URL: api.URL, RequestTimeout: time.Minute})
	if err != nil {
		log.Fatal(err)
	}
	resource, err := client.Resource(context.Background(), "build", "app")
	fmt.Println(string(resource.Spec), err)
	_, err = client.Resource(context.Background(), "build", "none")
	fmt.Println(conveyor.CodeOf(err))
	// Output:
	// {"image":"app:1"} <nil>
	// NotFound
}

// The lines of a run as they come, with those that are stored already.
func ExampleClient_StreamLogs() {
	client, err := conveyor.NewClient(conveyor.ClientOptions{URL: "https://ci.example/conveyor"})
	if err != nil {
		log.Fatal(err)
	}
	for event, err := range client.StreamLogs(context.Background(), "run-1", "") {
		if err != nil {
			log.Fatal(err)
		}
		if event.Kind == "gap" {
			fmt.Println("lines may be missing here:", event.Reason)
			continue
		}
		fmt.Println(event.Entry.Driver, event.Entry.Message)
	}
}
