package conveyor

import "context"

// A CreatedResource is a resource that was created, and the run that it started.
type CreatedResource struct {
	Name string `json:"name"`
	// RunID is the run that it started: of its drivers, or of its pipeline.
	RunID string `json:"run_id"`
	// Version is the resource's.
	Version string `json:"version"`
	// Message is what the API says, for people.
	Message string `json:"message"`
}

// CreateResource creates a resource, which starts a run: of the drivers of its type, or of its pipeline. The API makes ID
// and Metadata anew.
//
// It is not repeated when it may have been done: on CodeUnavailable or CodeTimedOut look whether it exists. It fails with
// CodeConflict when it exists, CodeNotFound when its type or pipeline does not, CodeApiRefused when it does not fit the
// schema of its type.
func (client *Client) CreateResource(ctx context.Context, resource Resource) (CreatedResource, error) {
	var created CreatedResource
	err := client.call(ctx, "resources.create", asked{"resource": whole(resource)}, &created)
	return created, err
}

// Resource is the resource of this type and name, with the results of drivers in its metadata.
func (client *Client) Resource(ctx context.Context, kind, name string) (Resource, error) {
	var resource Resource
	err := client.call(ctx, "resources.get", asked{"type": kind, "name": name}, &resource)
	return resource, err
}

// ResourceVersion is the resource as it was in one of its versions, from "1". Versions stay when a resource is deleted.
func (client *Client) ResourceVersion(ctx context.Context, kind, name, version string) (Resource, error) {
	var resource Resource
	arguments := asked{"type": kind, "name": name, "version": version}
	err := client.call(ctx, "resources.get_version", arguments, &resource)
	return resource, err
}

// UpdateResource replaces the resource of this type and name, as a new version. No driver hears of it, and results of
// drivers that are not among its metadata are gone.
func (client *Client) UpdateResource(ctx context.Context, resource Resource) (Resource, error) {
	var updated Resource
	err := client.call(ctx, "resources.update", asked{"resource": whole(resource)}, &updated)
	return updated, err
}

// DeleteResource deletes the resource of this type and name, if there is one. No driver hears of it, and a run of it that
// is not over stops.
func (client *Client) DeleteResource(ctx context.Context, kind, name string) error {
	return client.call(ctx, "resources.delete", asked{"type": kind, "name": name}, nil)
}

// whole is a resource with metadata that are an object.
func whole(resource Resource) Resource {
	if resource.Metadata == nil {
		resource.Metadata = map[string]any{}
	}
	return resource
}
