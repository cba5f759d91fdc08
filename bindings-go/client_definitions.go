package conveyor

import (
	"context"
	"encoding/json"
)

// A ResourceDefinition is a kind of resource, and the schema of its spec.
type ResourceDefinition struct {
	// ID is made by the API. It may be empty.
	ID string `json:"id,omitempty"`
	// Name is what resources of this kind have as their type.
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Version has any form.
	Version string `json:"version,omitempty"`
	// Schema is the JSON Schema of the spec. The API looks at it when the first resource is posted.
	Schema json.RawMessage `json:"schema,omitempty"`
}

// CreateDefinition creates a definition; CodeConflict when there is one of this name.
func (client *Client) CreateDefinition(ctx context.Context, definition ResourceDefinition) (ResourceDefinition, error) {
	return client.definition(ctx, "definitions.create", asked{"definition": definition})
}

// ApplyDefinition creates a definition, or replaces the one of its name whole.
func (client *Client) ApplyDefinition(ctx context.Context, definition ResourceDefinition) (ResourceDefinition, error) {
	return client.definition(ctx, "definitions.apply", asked{"definition": definition})
}

// UpdateDefinition replaces the definition of its name whole.
func (client *Client) UpdateDefinition(ctx context.Context, definition ResourceDefinition) (ResourceDefinition, error) {
	return client.definition(ctx, "definitions.update", asked{"definition": definition})
}

// Definition is the definition of this name.
func (client *Client) Definition(ctx context.Context, name string) (ResourceDefinition, error) {
	return client.definition(ctx, "definitions.get", asked{"name": name})
}

// DeleteDefinition deletes the definition of this name.
func (client *Client) DeleteDefinition(ctx context.Context, name string) error {
	return client.call(ctx, "definitions.delete", asked{"name": name}, nil)
}

func (client *Client) definition(ctx context.Context, operation string, arguments asked) (ResourceDefinition, error) {
	var definition ResourceDefinition
	err := client.call(ctx, operation, arguments, &definition)
	return definition, err
}

// A Pipeline is what drivers do, one after the other, with a resource that names it.
type Pipeline struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	// Version has any form.
	Version string `json:"version,omitempty"`
	// Resource is the type of the resources it is for.
	Resource string `json:"resource"`
	// Steps are in their order. A driver in two steps never ends: the control plane finds the current step by the
	// driver's name.
	Steps    []PipelineStep `json:"steps"`
	Metadata map[string]any `json:"metadata,omitempty"`
}

// A PipelineStep is one step of a pipeline.
type PipelineStep struct {
	// ID has any form.
	ID string `json:"id,omitempty"`
	// Name is for people.
	Name string `json:"name,omitempty"`
	// Driver does it.
	Driver string `json:"driver"`
}

// CreatePipeline creates a pipeline, or replaces the one of its name, also for runs that are under way.
func (client *Client) CreatePipeline(ctx context.Context, pipeline Pipeline) (Pipeline, error) {
	var created Pipeline
	err := client.call(ctx, "pipelines.create", asked{"pipeline": pipeline}, &created)
	return created, err
}
