package payload

// Kind is why something could not be done, for callers that branch:
// errors.Is(err, payload.Absent).
type Kind string

// Error makes a Kind a target of errors.Is.
func (k Kind) Error() string { return string(k) }

const (
	// Absent means that the file is an executable without a payload: a plain
	// development build.
	Absent Kind = "no payload"
	// Damaged means that the file's payload was truncated or altered.
	Damaged Kind = "damaged payload"
	// Unsupported means that this kedge cannot use the payload: it is of another
	// format or of another architecture.
	Unsupported Kind = "unsupported payload"
	// Untrusted means that somebody else may change what lies in the directory.
	Untrusted Kind = "untrusted directory"
	// Unusable means that the file system cannot hold or start helpers: it is
	// full, read-only, mounted noexec, or refuses access.
	Unusable Kind = "unusable file system"
	// Unknown means that the payload has no such file.
	Unknown Kind = "no such helper"
)

const fetchAgain = "fetch the file again and compare its checksum with the one that was published"

// Error says what is wrong with which file, and what to do.
type Error struct {
	Kind    Kind
	Path    string // of the file or directory that is meant
	Problem string
	Hint    string
	Cause   error // nil where the problem says it all
}

func (e *Error) Error() string {
	text := e.Path + ": " + e.Problem
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text + "\n" + e.Hint
}

// Unwrap makes both the kind and the cause visible to errors.Is.
func (e *Error) Unwrap() []error {
	if e.Cause == nil {
		return []error{e.Kind}
	}
	return []error{e.Kind, e.Cause}
}
