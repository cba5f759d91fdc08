package conveyor

/*
#include <conveyor_driver.h>
*/
import "C"

import (
	"context"
	"encoding/json"
	"runtime"
)

// A Client asks the Conveyor API: resources, their definitions, pipelines and logs. It may be used by several
// goroutines.
//
// Each call ends within the option RequestTimeout, and when its context ends; what was sent may be done all the same
// then. What the API refuses is an [Error] whose code says what it was: CodeNotFound, CodeConflict, CodeApiRefused and so
// on.
type Client struct {
	handle C.conveyor_client
}

// NewClient makes a client; it does not connect yet. What the options do not give is filled from the environment
// (CONVEYOR_API_URL and others).
//
// It fails with CodeOptionsInvalid and every fault found, also when nothing gives an address.
func NewClient(options ClientOptions) (*Client, error) {
	text, err := json.Marshal(options.document())
	if err != nil {
		return nil, err
	}
	return madeClient(newClient(string(text)))
}

// Client is a client with the options that the run's manager has for it. All of a manager's runs share its connections.
func (run *Run) Client() (*Client, error) {
	return madeClient(clientOf(run.handle))
}

func madeClient(handle C.conveyor_client, err error) (*Client, error) {
	if err != nil {
		return nil, err
	}
	client := &Client{handle}
	runtime.AddCleanup(client, func(handle C.conveyor_client) { C.conveyor_client_free(handle) }, handle)
	return client, nil
}

// call asks, and reads the answer into what is pointed to.
func (client *Client) call(ctx context.Context, operation string, arguments any, answer any) error {
	defer runtime.KeepAlive(client)
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := json.Marshal(arguments)
	if err != nil {
		return unfit(operation, err)
	}
	call, err := startCall(client.handle, operation, string(text))
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { C.conveyor_client_cancel(client.handle, call, nil) })()
	told, err := waitForCall(client.handle, call)
	if err != nil {
		if CodeOf(err) == CodeClosed && ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal([]byte(told), answer)
}

// asked is what a call is asked with.
type asked map[string]any
