package apiproxy

import (
	"bytes"
	"compress/gzip"
	"errors"
	"strings"
	"testing"
)

func packed(t *testing.T, content string) []byte {
	t.Helper()
	var into bytes.Buffer
	writer := gzip.NewWriter(&into)
	if _, err := writer.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	// API servers flush before they end it.
	if err := errors.Join(writer.Flush(), writer.Close()); err != nil {
		t.Fatal(err)
	}
	return into.Bytes()
}

// Wherever a stream is cut into pieces, it says the same, and what is whole is
// read at once.
func TestAPackedWatchIsReadInPieces(t *testing.T) {
	first, second := strings.Repeat("what there is ", 50), "what happens"
	begin := packed(t, first)
	stream := append(bytes.Clone(begin), packed(t, second)...)
	for size := 1; size <= len(stream); size++ {
		var told strings.Builder
		u := unpacker{}
		for at := 0; at < len(stream); at += size {
			content, err := u.add(bytes.Clone(stream[at:min(at+size, len(stream))]))
			if err != nil {
				t.Fatal(err)
			}
			told.Write(content)
			if at+size == len(begin) && told.String() != first {
				t.Errorf("in pieces of %d bytes, %q is told of what there is", size, told.String())
			}
		}
		if told.String() != first+second {
			t.Errorf("in pieces of %d bytes: %q", size, told.String())
		}
		if u.packed != nil {
			t.Errorf("in pieces of %d bytes: something is held", size)
		}
	}
}

func TestWhatIsWholeDoesNotWaitForWhatFollows(t *testing.T) {
	following := packed(t, "what happens")[:8] // the beginning of its header: it ends with zeros
	content, err := (&unpacker{}).add(append(packed(t, "what there is"), following...))
	if err != nil || string(content) != "what there is" {
		t.Errorf("add = %q, %v", content, err)
	}
}

func TestAWatchThatIsNotWhatItSaysIsNotKept(t *testing.T) {
	stream := packed(t, "what there is")
	stream[len(stream)-8]++ // its checksum
	if _, err := (&unpacker{}).add(stream); err == nil {
		t.Error("what is damaged is believed")
	}
	if _, err := (&unpacker{}).add([]byte("nothing packed at all \x00\x00\x00\x00")); err == nil {
		t.Error("what is not packed is believed")
	}
}
