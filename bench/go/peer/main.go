// The peer: the same driver written straight on nats.go, with care for speed. CONCURRENCY events in flight, pulls in
// batches, publish acks pipelined.
//
// It keeps the order that makes a result safe (log lines stored, then the result stored, then the ack) and nothing
// else of what the runtime promises: no renewed leases, no retries, no dead letters, no order among events of one
// resource, no drain.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/open-ug/conveyor-driver/bench/go/contract"
)

// window is how many log lines are on their way without a publish ack.
const window = 1024

type event struct {
	Payload string `json:"payload"`
	RunID   string `json:"run_id"`
}

type resource struct {
	ID       string            `json:"id"`
	Name     string            `json:"name"`
	Pipeline string            `json:"pipeline,omitempty"`
	Resource string            `json:"resource"`
	Metadata map[string]string `json:"metadata"`
	Spec     json.RawMessage   `json:"spec"`
}

type start struct {
	StartUs int64 `json:"t_start_us"`
}

type outcome struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	Data    start  `json:"data"`
	Driver  string `json:"driver"`
}

type answer struct {
	Event        string    `json:"event"`
	RunID        string    `json:"run_id"`
	Resource     *resource `json:"resource"`
	DriverResult outcome   `json:"driverresult"`
}

type entry struct {
	RunID     string `json:"runid"`
	Driver    string `json:"driver"`
	Pipeline  string `json:"pipeline"`
	Timestamp string `json:"timestamp"`
	Message   string `json:"message"`
}

type peer struct {
	connection *nats.Conn
	stream     jetstream.JetStream
}

func (p *peer) answer(message jetstream.Msg) error {
	begin := start{contract.MonotonicUs()}
	var event event
	if err := json.Unmarshal(message.Data(), &event); err != nil {
		return err
	}
	var resource resource
	if err := json.Unmarshal([]byte(event.Payload), &resource); err != nil {
		return err
	}
	switch contract.Mode {
	case "logs":
		if err := p.writeLines(event.RunID, &resource); err != nil {
			return err
		}
	case "sleep":
		time.Sleep(contract.Sleep)
	}
	text, err := json.Marshal(answer{
		Event: "driver.result", RunID: event.RunID, Resource: &resource,
		DriverResult: outcome{Success: true, Message: "ok", Data: begin, Driver: contract.Driver},
	})
	if err != nil {
		return err
	}
	future, err := p.stream.PublishAsync("pipelines.driver.result", text)
	if err != nil {
		return err
	}
	if err := stored(future); err != nil {
		return err
	}
	return message.Ack()
}

func stored(future jetstream.PubAckFuture) error {
	select {
	case <-future.Ok():
		return nil
	case err := <-future.Err():
		return err
	}
}

func (p *peer) writeLines(runID string, resource *resource) error {
	kept, live := "logs."+runID, "live.logs."+runID+"."+contract.Driver
	onTheirWay := make([]jetstream.PubAckFuture, 0, window)
	for i := range contract.LogLines {
		text, err := json.Marshal(entry{
			RunID: runID, Driver: contract.Driver, Pipeline: resource.Pipeline,
			Timestamp: time.Now().UTC().Format(time.RFC3339Nano), Message: contract.Line(i),
		})
		if err != nil {
			return err
		}
		if len(onTheirWay) == window {
			// Half a window at a time: the other half goes on meanwhile.
			for _, future := range onTheirWay[:window/2] {
				if err := stored(future); err != nil {
					return err
				}
			}
			onTheirWay = append(onTheirWay[:0], onTheirWay[window/2:]...)
		}
		future, err := p.stream.PublishAsync(kept, text)
		if err != nil {
			return err
		}
		onTheirWay = append(onTheirWay, future)
		if err := p.connection.Publish(live, text); err != nil {
			return err
		}
	}
	for _, future := range onTheirWay {
		if err := stored(future); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	connection, err := nats.Connect(contract.URL)
	if err != nil {
		log.Fatal(err)
	}
	stream, err := jetstream.New(connection, jetstream.WithPublishAsyncMaxPending(2*window))
	if err != nil {
		log.Fatal(err)
	}
	consumer, err := stream.Consumer(context.Background(), "messages", contract.Driver)
	if err != nil {
		log.Fatal(err)
	}
	p := &peer{connection, stream}
	free := make(chan struct{}, contract.Concurrency)
	consuming, err := consumer.Consume(func(message jetstream.Msg) {
		free <- struct{}{}
		go func() {
			defer func() { <-free }()
			// What fails is not acknowledged, and so comes again.
			if err := p.answer(message); err != nil {
				log.Print(err)
			}
		}()
	}, jetstream.PullMaxMessages(4*contract.Concurrency))
	if err != nil {
		log.Fatal(err)
	}
	defer consuming.Stop()
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	<-stop
}
