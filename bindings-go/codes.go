// Code generated from the runtime's own definitions; the test contract writes it. DO NOT EDIT.

package conveyor

// The codes of the runtime's errors, the same in every language.
const (
	// An option is missing, unknown, of the wrong type or out of range. Correct every field that the context names; nothing was started.
	CodeOptionsInvalid Code = 1
	// The server or one of its streams cannot be reached. Check the address and that the server runs; the same call may succeed later.
	CodeUnavailable Code = 2
	// The server refused the credentials, or wants some and got none. Correct the token, user, nkey or credentials file.
	CodeUnauthenticated Code = 3
	// The credentials are good but do not allow this. Have the permission named in the context granted.
	CodePermissionDenied Code = 4
	// A TLS connection could not be made: a certificate is missing, expired, for another host or signed by another authority. Correct the `tls` options or the server's certificate.
	CodeTlsFailed Code = 5
	// The server lacks something the runtime needs, such as JetStream or version 2.10. Upgrade or reconfigure the server.
	CodeUnsupported Code = 6
	// What was named does not exist. Check the name, or create it first.
	CodeNotFound Code = 7
	// What was named exists already, or in another form, and changing it could lose something. Read the context, then rename, delete what is there, or set `adopt`.
	CodeConflict Code = 8
	// A document does not have the form its kind requires. Correct the sender; the context names the field.
	CodeMessageInvalid Code = 9
	// A document is larger than the server accepts. Send less.
	CodeTooLarge Code = 10
	// No answer came in time. The operation may or may not have happened; repeat it if it is safe to repeat.
	CodeTimedOut Code = 11
	// The operation was cancelled before it ended. Nothing to do, unless the cancellation surprises you.
	CodeCancelled Code = 12
	// The object was already stopped or completed. Make a new one.
	CodeClosed Code = 13
	// A command could not be started or its output not read. Check that the program exists, is executable and that the working directory exists.
	CodeExecFailed Code = 14
	// The runtime broke one of its own rules. Please report it, with the log.
	CodeInternal Code = 15
	// The object was started in another process, of which this one is a fork: its threads and connections are not here. Start a new one after the fork, or start the child anew (spawn).
	CodeForked Code = 16
	// As many log lines wait for room in the buffer as may. None of this call were taken: repeat it once some of the others are accepted.
	CodeLogFull Code = 17
	// A call was given what it cannot take: nothing where something is needed, text that is not UTF-8, a handle of another kind, a structure of an unknown size. Correct the caller; the context names the argument.
	CodeArgumentInvalid Code = 18
	// The call would wait for the function that it is made from. Make it from another thread, or ask for the same without waiting.
	CodeWouldDeadlock Code = 19
	// The API server refused the request: a resource does not fit its schema, a name is missing, or the server sends the client elsewhere. Correct what the message says; nothing was changed.
	CodeApiRefused Code = 20
	// The API server failed to do what it was asked, and may have done part of it. Read what is there, then repeat it if it is safe to repeat.
	CodeApiFailed Code = 21
	// The answer has another form than the API's: no JSON, another kind of document. Check that the address is that of a Conveyor API and what stands between. What was asked for may have happened.
	CodeResponseInvalid Code = 22
	// The answer is larger than `max_response_bytes`. Ask for less, or allow more. What was asked for has happened.
	CodeResponseTooLarge Code = 23
)

var codeNames = map[Code]string{
	CodeOptionsInvalid:   "OptionsInvalid",
	CodeUnavailable:      "Unavailable",
	CodeUnauthenticated:  "Unauthenticated",
	CodePermissionDenied: "PermissionDenied",
	CodeTlsFailed:        "TlsFailed",
	CodeUnsupported:      "Unsupported",
	CodeNotFound:         "NotFound",
	CodeConflict:         "Conflict",
	CodeMessageInvalid:   "MessageInvalid",
	CodeTooLarge:         "TooLarge",
	CodeTimedOut:         "TimedOut",
	CodeCancelled:        "Cancelled",
	CodeClosed:           "Closed",
	CodeExecFailed:       "ExecFailed",
	CodeInternal:         "Internal",
	CodeForked:           "Forked",
	CodeLogFull:          "LogFull",
	CodeArgumentInvalid:  "ArgumentInvalid",
	CodeWouldDeadlock:    "WouldDeadlock",
	CodeApiRefused:       "ApiRefused",
	CodeApiFailed:        "ApiFailed",
	CodeResponseInvalid:  "ResponseInvalid",
	CodeResponseTooLarge: "ResponseTooLarge",
}

var retryableCodes = map[Code]bool{
	CodeUnavailable: true,
	CodeTimedOut:    true,
	CodeLogFull:     true,
	CodeApiFailed:   true,
}
