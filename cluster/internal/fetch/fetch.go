// Package fetch reads files that lie here or on a server, and goes on where a lost line left it.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// mostResumptions without a byte in between are what a line that is lost is given.
	mostResumptions = 5
	resumeDelay     = 2 * time.Second
	// silence is how long a server may send nothing.
	silence = 60 * time.Second
	// skipBytes is what a server has the time of one silence for.
	skipBytes = 1 << 20
)

// ErrLost is a line that did not come back; another try later may have one.
var ErrLost = errors.New("the line was lost")

// lineError is a loss of the line, told in the words of its cause.
type lineError struct{ error }

func (e *lineError) Unwrap() error { return e.error }

func (e *lineError) Is(target error) bool { return target == ErrLost }

// errAnother is a server whose file changed while it was fetched.
var errAnother = errors.New("the server has another file now")

// resuming reads a file from a server, and goes on where a lost line left it.
type resuming struct {
	ctx    context.Context //nolint:containedctx // a reader has no other place for it
	url    string
	client *http.Client
	body   io.ReadCloser
	cancel context.CancelCauseFunc
	mark   string // by which the server knows the file again
	at     int64
	size   int64 // -1 when the server does not tell it
	// end bounds a section, whose reader knows by itself what belongs there: a server
	// with another file is no matter here. 0 for all of a file.
	end  int64
	lost int
	// delay lies between two tries; silence is how long nothing may come.
	delay, silence time.Duration
	// isWholeFile says that the server sends no parts; skipped is what of it nobody wanted.
	isWholeFile bool
	skipped     int64
	// began is where a section begins.
	began int64
}

// fetch begins to fetch a file.
func fetch(ctx context.Context, client *http.Client, url string) (*resuming, error) {
	r := &resuming{ctx: ctx, url: url, client: client, size: -1, delay: resumeDelay, silence: silence}
	if err := r.connect(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *resuming) connect() error {
	ctx, cancel := context.WithCancelCause(r.ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		cancel(nil)
		return fmt.Errorf("fetch %s: %w", r.url, err)
	}
	want := http.StatusOK
	switch {
	case r.end > 0:
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.at, r.end-1))
		want = http.StatusPartialContent
	case r.at > 0:
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", r.at))
		request.Header.Set("If-Range", r.mark)
		want = http.StatusPartialContent
	}
	watch := r.watch(cancel)
	answer, err := r.client.Do(request)
	watch.Stop()
	if err != nil {
		cancel(nil)
		return &lineError{err} // which names the URL, and the cause
	}
	if answer.StatusCode == http.StatusOK && r.end > 0 {
		return r.skip(answer.Body, cancel)
	}
	if answer.StatusCode != want {
		_ = answer.Body.Close()
		cancel(nil)
		if r.at > 0 && answer.StatusCode == http.StatusOK {
			return errAnother
		}
		return &refusal{url: r.url, status: answer.Status}
	}
	if r.at == 0 && r.end == 0 {
		r.size = answer.ContentLength
		r.mark = answer.Header.Get("ETag")
		if r.mark == "" {
			r.mark = answer.Header.Get("Last-Modified")
		}
	}
	r.body, r.cancel = answer.Body, cancel
	return nil
}

// skip goes on with a server that sends the whole file where a part was asked for.
func (r *resuming) skip(body io.ReadCloser, cancel context.CancelCauseFunc) error {
	r.body, r.cancel, r.isWholeFile = body, cancel, true
	for left := r.at; left > 0; {
		watch := r.watch(cancel)
		n, err := io.CopyN(io.Discard, body, min(left, skipBytes))
		watch.Stop()
		r.skipped += n
		if left -= n; err != nil {
			_ = r.Close()
			return fmt.Errorf("fetch %s: the server sends no part of a file, and ended before byte %d: %w", r.url, r.at, err)
		}
	}
	return nil
}

// isWhole says that everything that was asked for has come.
func (r *resuming) isWhole() bool {
	if r.end > 0 {
		return r.at >= r.end
	}
	return r.size < 0 || r.at == r.size
}

// refusal is a server's word that asking again does not change.
type refusal struct{ url, status string }

func (e *refusal) Error() string { return fmt.Sprintf("%s: the server says %s", e.url, e.status) }

// Read fetches more, from a new line when the old one is lost.
func (r *resuming) Read(data []byte) (int, error) {
	for {
		n, err := r.read(data)
		r.at += int64(n)
		if n > 0 {
			r.lost = 0
			return n, nil
		}
		if err == nil || err == io.EOF && r.isWhole() {
			return 0, err
		}
		if err := r.resume(err); err != nil {
			return 0, err
		}
	}
}

// read gives a server up that is silent.
func (r *resuming) read(data []byte) (int, error) {
	if r.body == nil {
		return 0, io.ErrUnexpectedEOF
	}
	defer r.watch(r.cancel).Stop()
	return r.body.Read(data)
}

// watch gives up a server that says nothing, unless it is stopped before.
func (r *resuming) watch(cancel context.CancelCauseFunc) *time.Timer {
	return time.AfterFunc(r.silence, func() { cancel(fmt.Errorf("the server was silent for %s", r.silence)) })
}

func (r *resuming) resume(cause error) error {
	if cause == io.EOF {
		cause = io.ErrUnexpectedEOF
	}
	for {
		_ = r.Close() // the line is lost
		if r.ctx.Err() != nil {
			return r.ctx.Err()
		}
		if r.lost++; r.lost > mostResumptions || r.end == 0 && r.mark == "" && r.at > 0 {
			return &lineError{fmt.Errorf("fetch %s: the line was lost after %d bytes: %w", r.url, r.at, cause)}
		}
		select {
		case <-r.ctx.Done():
			return r.ctx.Err()
		case <-time.After(r.delay):
		}
		var refused *refusal
		err := r.connect()
		if err == nil || errors.Is(err, errAnother) || errors.As(err, &refused) {
			return err
		}
		cause = err
	}
}

// Close ends it.
func (r *resuming) Close() error {
	if r.body == nil {
		return nil
	}
	defer r.cancel(nil)
	body := r.body
	r.body = nil
	return body.Close()
}
