package fetch

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// parts are what an update asks for: runs of blocks, with gaps.
var parts = [][2]int64{{0, 3000}, {10_000, 30_000}, {30_000, 31_000}, {90_000, 100_000}}

func readParts(t *testing.T, sections *Sections, content []byte) error {
	t.Helper()
	defer sections.Close()
	for _, part := range parts {
		for at := part[0]; at < part[1]; at += 1000 {
			data := make([]byte, 1000)
			if err := sections.Read(data, at, part[1]); err != nil {
				return err
			}
			if !bytes.Equal(data, content[at:at+1000]) {
				t.Errorf("byte %d is another", at)
			}
		}
	}
	return nil
}

func remote(t *testing.T, where string) *Sections {
	t.Helper()
	sections, err := Source{Where: where}.Sections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sections.delay, sections.silence = 0, time.Second/2
	return sections
}

func numbered() []byte {
	var content bytes.Buffer
	for number := 0; content.Len() < 100_000; number++ {
		fmt.Fprintf(&content, "%9d\n", number)
	}
	return content.Bytes()
}

func TestPartsAreFetchedAndNothingElse(t *testing.T) {
	content := numbered()
	var asked []string
	note := func(ignored *http.Request) { asked = append(asked, ignored.Header.Get("Range")) }
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note(r)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	}))
	defer served.Close()
	sections := remote(t, served.URL)
	if err := readParts(t, sections, content); err != nil {
		t.Fatal(err)
	}
	if want := "bytes=0-2999 bytes=10000-29999 bytes=30000-30999 bytes=90000-99999"; strings.Join(asked, " ") != want {
		t.Errorf("asked for %s", asked)
	}
	if sections.Bytes() != 34_000 {
		t.Errorf("%d bytes were read", sections.Bytes())
	}
}

func TestAServerWithoutPartsSendsEverythingOnce(t *testing.T) {
	content := numbered()
	requests := 0
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests++
		_, _ = w.Write(content)
	}))
	defer served.Close()
	sections := remote(t, served.URL)
	if err := readParts(t, sections, content); err != nil || requests != 1 || sections.Bytes() != int64(len(content)) {
		t.Errorf("%d requests, %d bytes: %v", requests, sections.Bytes(), err)
	}
}

func TestLostLinesOfParts(t *testing.T) {
	content := numbered()
	if err := readParts(t, remote(t, server(t, content, 9000, nil)), content); err != nil {
		t.Errorf("each answer ends early: %v", err)
	}
	var requests atomic.Int32
	hangs := server(t, content, len(content), func(http.ResponseWriter) bool {
		if requests.Add(1) == 2 {
			time.Sleep(time.Second)
		}
		return true
	})
	if err := readParts(t, remote(t, hangs), content); err != nil {
		t.Errorf("one answer never came: %v", err)
	}
	for name, test := range map[string]struct {
		answers func(http.ResponseWriter) bool
		after   int
		want    string
	}{
		"gone":    {func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusNotFound); return false }, 0, "404 Not Found"},
		"silent":  {func(http.ResponseWriter) bool { time.Sleep(time.Second); return false }, 0, "the server was silent for 500ms"},
		"nothing": {nil, 0, "the line was lost after 0 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := readParts(t, remote(t, server(t, content, test.after, test.answers)), content); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not tell %q", err, test.want)
			}
		})
	}
	if err := readParts(t, remote(t, server(t, content[:50_000], 50_000, nil)), content); err == nil {
		t.Error("a file that is too short was read to its end")
	}
}

func TestPartsOfAFileHere(t *testing.T) {
	content := numbered()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := readParts(t, remote(t, path), content); err != nil {
		t.Error(err)
	}
}

func TestWhatLiesBeside(t *testing.T) {
	for where, want := range map[string]string{
		"https://example.com/a/b.update?token=1": "https://example.com/a/b.squashfs?token=1",
		"/media/b.update":                        "/media/b.squashfs",
		"b.update":                               "b.squashfs",
	} {
		if found, err := (Source{Where: where}).Beside("b.squashfs"); err != nil || found.Where != want {
			t.Errorf("beside %s lies %s: %v", where, found.Where, err)
		}
	}
}
