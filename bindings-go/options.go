// Code generated from the runtime's own definitions; the test contract writes it. DO NOT EDIT.

package conveyor

import "time"

// Serialization says which events of a driver may never be reconciled at the same time in one process.
type Serialization string

const (
	// Events for the same resource wait for each other, in their order. One that waits for its next attempt does not
	// hold up those behind it.
	SerializationResource Serialization = "resource"
	// Nothing waits.
	SerializationNone Serialization = "none"
)

// TLSOptions are options: certificates, as PEM text or as paths of PEM files. The server's certificate is always
// verified.
//
// Files are read again when they have changed, so that certificates can be renewed while a driver runs: what is shown
// next, and what servers are verified by, is the new one.
type TLSOptions struct {
	// The authorities to trust, as text. Default: those of the system.
	CA string
	// The same, as a path. Environment: CONVEYOR_TLS_CA.
	CAFile string
	// The certificate to show, as text, leaf first.
	Cert string
	// The same, as a path. Environment: CONVEYOR_TLS_CERT.
	CertFile string
	// Start TLS before the server says anything, as servers with handshake_first want it.
	First bool
	// The private key of that certificate, as text.
	Key Secret
	// The same, as a path. Environment: CONVEYOR_TLS_KEY.
	KeyFile string
}

// document has what was given.
func (options TLSOptions) document() map[string]any {
	given := map[string]any{}
	if options.CA != "" {
		given["ca"] = options.CA
	}
	if options.CAFile != "" {
		given["ca_file"] = options.CAFile
	}
	if options.Cert != "" {
		given["cert"] = options.Cert
	}
	if options.CertFile != "" {
		given["cert_file"] = options.CertFile
	}
	if options.First {
		given["first"] = options.First
	}
	if options.Key != "" {
		given["key"] = string(options.Key)
	}
	if options.KeyFile != "" {
		given["key_file"] = options.KeyFile
	}
	return given
}

// ConnectionOptions are options: where the NATS server is and how to be let in. What is not given is filled from the
// environment, then from the defaults.
type ConnectionOptions struct {
	// How long to keep trying to reach the server at the start. Default: for ever.
	ConnectTimeout time.Duration
	// The text of a credentials file.
	Creds Secret
	// The path of a credentials file. Environment: CONVEYOR_NATS_CREDS.
	CredsFile string
	// The name the server shows for this connection. Default: the first driver's name.
	Name string
	// An nkey seed. Environment: CONVEYOR_NATS_NKEY.
	Nkey Secret
	// The user's password. Environment: CONVEYOR_NATS_PASSWORD.
	Password Secret
	// How long to wait for the server's answer to one request before it is repeated.
	RequestTimeout time.Duration
	// TLS, used when the server or the address asks for it, or when any of these is given.
	TLS TLSOptions
	// A token. Environment: CONVEYOR_NATS_TOKEN.
	Token Secret
	// The address, or several separated by commas: nats://host:4222 or tls://host:4222. Environment: CONVEYOR_NATS_URL;
	// else CONVEYOR_SERVER_HOST with port 4222. Default: nats://127.0.0.1:4222.
	URL string
	// A user name, with Password. Environment: CONVEYOR_NATS_USER.
	User string
}

// document has what was given.
func (options ConnectionOptions) document() map[string]any {
	given := map[string]any{}
	if options.ConnectTimeout != 0 {
		given["connect_timeout_ms"] = int64(milliseconds(options.ConnectTimeout))
	}
	if options.Creds != "" {
		given["creds"] = string(options.Creds)
	}
	if options.CredsFile != "" {
		given["creds_file"] = options.CredsFile
	}
	if options.Name != "" {
		given["name"] = options.Name
	}
	if options.Nkey != "" {
		given["nkey"] = string(options.Nkey)
	}
	if options.Password != "" {
		given["password"] = string(options.Password)
	}
	if options.RequestTimeout != 0 {
		given["request_timeout_ms"] = int64(milliseconds(options.RequestTimeout))
	}
	if options.TLS != (TLSOptions{}) {
		given["tls"] = options.TLS.document()
	}
	if options.Token != "" {
		given["token"] = string(options.Token)
	}
	if options.URL != "" {
		given["url"] = options.URL
	}
	if options.User != "" {
		given["user"] = options.User
	}
	return given
}

// ClientOptions are options: where the Conveyor API is and how to be let in. What is not given is filled from the
// environment, then from the defaults.
type ClientOptions struct {
	// How long it may take to reach the server.
	ConnectTimeout time.Duration
	// How often a call is tried when the server cannot be reached or fails. What is not safe to repeat is tried again
	// only when it was not sent.
	MaxAttempts int
	// The largest answer that is taken.
	MaxResponseBytes int
	// How long a log stream keeps trying to come back. Default: for ever.
	ReconnectTimeout time.Duration
	// How long one call may take, with all that is repeated of it.
	RequestTimeout time.Duration
	// How long a log stream may be silent before it is taken for dead. The server sends something every 15 s.
	StreamIdleTimeout time.Duration
	// Authorities, and the certificate and key that prove who asks: with them each request carries a token signed with
	// the key, as servers with authentication want it.
	TLS TLSOptions
	// The address, such as http://host:8080 or https://ci.example.com/conveyor. Environment: CONVEYOR_API_URL; else
	// CONVEYOR_SERVER_HOST and CONVEYOR_SERVER_PORT, of which each may be left out. Without any of these there is no
	// client.
	URL string
}

// document has what was given.
func (options ClientOptions) document() map[string]any {
	given := map[string]any{}
	if options.ConnectTimeout != 0 {
		given["connect_timeout_ms"] = int64(milliseconds(options.ConnectTimeout))
	}
	if options.MaxAttempts != 0 {
		given["max_attempts"] = options.MaxAttempts
	}
	if options.MaxResponseBytes != 0 {
		given["max_response_bytes"] = options.MaxResponseBytes
	}
	if options.ReconnectTimeout != 0 {
		given["reconnect_timeout_ms"] = int64(milliseconds(options.ReconnectTimeout))
	}
	if options.RequestTimeout != 0 {
		given["request_timeout_ms"] = int64(milliseconds(options.RequestTimeout))
	}
	if options.StreamIdleTimeout != 0 {
		given["stream_idle_timeout_ms"] = int64(milliseconds(options.StreamIdleTimeout))
	}
	if options.TLS != (TLSOptions{}) {
		given["tls"] = options.TLS.document()
	}
	if options.URL != "" {
		given["url"] = options.URL
	}
	return given
}

// AckWait sets the option ack_wait_ms: how long the server waits for a sign of life before it hands the event to
// another instance. Renewed every third of it while a run lasts, so it does not limit a run.
func (driver *Driver) AckWait(value time.Duration) *Driver {
	return driver.Set("ack_wait_ms", int64(milliseconds(value)))
}

// Adopt sets the option adopt: take over a consumer of this name that another runtime made, or whose filters would be
// narrowed, although messages held for it may be lost.
func (driver *Driver) Adopt(value bool) *Driver {
	return driver.Set("adopt", value)
}

// CancelGrace sets the option cancel_grace_ms: how long a cancelled run may go on before it is abandoned. While its
// code still works, further events of its resource are given back, later each time.
func (driver *Driver) CancelGrace(value time.Duration) *Driver {
	return driver.Set("cancel_grace_ms", int64(milliseconds(value)))
}

// Concurrency sets the option concurrency: runs in flight at once in this process. The answers of as many again may
// be on their way to the stream.
func (driver *Driver) Concurrency(value int) *Driver {
	return driver.Set("concurrency", value)
}

// Events sets the option events: the broadcast events it wants; * is all. A message addressed to this driver is
// always run.
func (driver *Driver) Events(value ...string) *Driver {
	return driver.Set("events", value)
}

// LogBufferBytes sets the option log_buffer_bytes: how many bytes of log lines may wait for the server before the
// writer waits.
func (driver *Driver) LogBufferBytes(value int) *Driver {
	return driver.Set("log_buffer_bytes", value)
}

// LogWindow sets the option log_window: how many log lines may be on their way without the server's word that they
// are stored.
func (driver *Driver) LogWindow(value int) *Driver {
	return driver.Set("log_window", value)
}

// MaxAckPending sets the option max_ack_pending: the least number of unacknowledged events the consumer allows, over
// all instances.
func (driver *Driver) MaxAckPending(value int) *Driver {
	return driver.Set("max_ack_pending", value)
}

// MaxAttempts sets the option max_attempts: how often an event is tried before it is answered with a failed result.
func (driver *Driver) MaxAttempts(value int) *Driver {
	return driver.Set("max_attempts", value)
}

// MaxDeliveries sets the option max_deliveries: how often an event may be delivered without an answer before it is
// taken for one that kills its process, answered with a failed result and kept as a dead letter. A shutdown that
// gives an event back counts, too; so does an older instance that leaves one to a newer, and each time that an
// abandoned run of its resource is in its way. Default: MaxAttempts and five more.
func (driver *Driver) MaxDeliveries(value int) *Driver {
	return driver.Set("max_deliveries", value)
}

// ProgressTimeout sets the option progress_timeout_ms: how long a run may go without a log line or a report of
// progress before it is cancelled and answered with a failed result. Default: as long as it likes.
func (driver *Driver) ProgressTimeout(value time.Duration) *Driver {
	return driver.Set("progress_timeout_ms", int64(milliseconds(value)))
}

// RetryInitial sets the option retry_initial_ms: the delay before the second attempt, when reconcile asks for a retry
// without naming one.
func (driver *Driver) RetryInitial(value time.Duration) *Driver {
	return driver.Set("retry_initial_ms", int64(milliseconds(value)))
}

// RetryMax sets the option retry_max_ms: the longest such delay; each is about twice the one before.
func (driver *Driver) RetryMax(value time.Duration) *Driver {
	return driver.Set("retry_max_ms", int64(milliseconds(value)))
}

// RunTimeout sets the option run_timeout_ms: how long a run may last before it is cancelled and answered with a
// failed result. Default: as long as it likes.
func (driver *Driver) RunTimeout(value time.Duration) *Driver {
	return driver.Set("run_timeout_ms", int64(milliseconds(value)))
}

// Serialize sets the option serialize: which events wait for each other.
func (driver *Driver) Serialize(value Serialization) *Driver {
	return driver.Set("serialize", value)
}

// Client sets the option client: how to reach the Conveyor API, for run.client. What its TLS does not give is taken
// from that of the connection.
func (manager *Manager) Client(value ClientOptions) *Manager {
	return manager.Set("client", value.document())
}

// Connection sets the option connection: how to reach the event stream.
func (manager *Manager) Connection(value ConnectionOptions) *Manager {
	return manager.Set("connection", value.document())
}

// ShutdownGrace sets the option shutdown_grace_ms: how long runs may go on after a shutdown was asked for, before
// they are cancelled.
func (manager *Manager) ShutdownGrace(value time.Duration) *Manager {
	return manager.Set("shutdown_grace_ms", int64(milliseconds(value)))
}

// Signals sets the option signals: drain on SIGINT and SIGTERM, and end at once on a second one.
func (manager *Manager) Signals(value bool) *Manager {
	return manager.Set("signals", value)
}
