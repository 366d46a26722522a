package fetch

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// server hands out content, and cuts every answer after some bytes.
func server(t *testing.T, content []byte, after int, answers func(http.ResponseWriter) bool) string {
	t.Helper()
	served := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if answers != nil && !answers(w) {
			return
		}
		if w.Header().Get("ETag") == "" {
			w.Header().Set("ETag", `"one"`)
		}
		http.ServeContent(&cutting{ResponseWriter: w, left: after}, r, "", time.Time{}, bytes.NewReader(content))
	}))
	t.Cleanup(served.Close)
	return served.URL + "/kedge?token=1"
}

type cutting struct {
	http.ResponseWriter
	left int
}

func (c *cutting) Write(data []byte) (int, error) {
	if len(data) > c.left {
		_, _ = c.ResponseWriter.Write(data[:c.left])
		panic(http.ErrAbortHandler)
	}
	c.left -= len(data)
	return c.ResponseWriter.Write(data)
}

func receive(t *testing.T, url string) ([]byte, error) {
	t.Helper()
	r := &resuming{ctx: t.Context(), url: url, client: http.DefaultClient, size: -1, silence: time.Second / 2}
	if err := r.connect(); err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestALostLineIsTakenUpAgain(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	received, err := receive(t, server(t, content, len(content)/7, nil))
	if err != nil || !bytes.Equal(received, content) {
		t.Errorf("%d of %d bytes received: %v", len(received), len(content), err)
	}
}

func TestServersThatDoNotHelp(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789"), 10_000)
	requests := 0
	for name, test := range map[string]struct {
		answers func(http.ResponseWriter) bool
		after   int
		want    string
	}{
		"gone":    {func(w http.ResponseWriter) bool { w.WriteHeader(http.StatusNotFound); return false }, 0, "404 Not Found"},
		"silent":  {func(http.ResponseWriter) bool { time.Sleep(time.Second); return false }, 0, "the server was silent for 500ms"},
		"nothing": {nil, 0, "EOF"},
		"another": {func(w http.ResponseWriter) bool {
			requests++
			w.Header().Set("ETag", strings.Repeat("1", requests)+`"`)
			return true
		}, len(content) / 2, "another file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := receive(t, server(t, content, test.after, test.answers)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v does not tell %q", err, test.want)
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := fetch(ctx, http.DefaultClient, server(t, content, len(content), nil)); !errors.Is(err, context.Canceled) || !errors.Is(err, ErrLost) {
		t.Errorf("after it was stopped: %v", err)
	}
}

func TestTheSignatureIsBesideTheFile(t *testing.T) {
	for where, want := range map[string]string{
		"https://example.com/a/kedge":   "https://example.com/a/kedge.minisig",
		"https://example.com/kedge?a=b": "https://example.com/kedge.minisig?a=b",
	} {
		if found, ok := (Source{Where: where}).url(".minisig"); !ok || found != want {
			t.Errorf("%s has its signature at %s", where, found)
		}
	}
	if _, ok := (Source{Where: "httpd/kedge"}).url(""); ok {
		t.Error("a path is a URL")
	}
}
