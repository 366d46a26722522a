package apiproxy

import (
	"errors"
	"io"
	"net/http"
	"strings"

	"kedge/internal/apiwire"
)

// maxKept bounds answers that are kept whole until they are understood.
const maxKept = 16 << 20

// pass hands on an answer while it arrives, and keeps what it says.
func (p *Proxy) pass(w http.ResponseWriter, q question, body []byte, response *http.Response) {
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Transfer-Encoding"} {
		w.Header().Del(name)
	}
	w.WriteHeader(response.StatusCode)
	flusher := http.NewResponseController(w)
	seen := p.recorder(q, body, response)
	defer seen.close()
	if q.watch {
		_ = flusher.Flush() // whoever asked is gone otherwise
	}
	pieces := piecesOf(response.Body, !q.watch || q.wantsState())
	defer pieces.release()
	for {
		piece, err := pieces.next()
		if len(piece) > 0 {
			if _, err := w.Write(piece); err != nil {
				return
			}
			if q.watch {
				_ = flusher.Flush()
			}
			seen.arrive(piece)
		}
		switch {
		case errors.Is(err, io.EOF):
			// Whoever asked has the end of its answer when this returns, and need not
			// wait until it is kept.
			p.keeping.add(seen.end)
			return
		case err != nil && q.watch:
			return // a watch may end at any time
		case err != nil:
			panic(http.ErrAbortHandler) // half an answer must not pass for one
		}
	}
}

var errTooLong = errors.New("the answer is too long to be kept")

// recorder keeps what an answer says.
type recorder interface {
	// arrive takes a piece of it.
	arrive(piece []byte)
	// end says that it is whole.
	end()
	// close says that nothing more comes.
	close()
}

// nothing keeps nothing.
type nothing struct{}

func (nothing) arrive([]byte) {}
func (nothing) end()          {}
func (nothing) close()        {}

// whole keeps an answer until all of it is there.
type whole struct {
	content   []byte
	isTooLong bool
	keep      func(content []byte) error
	failed    func(error)
}

func (k *whole) arrive(piece []byte) {
	if k.isTooLong = k.isTooLong || len(k.content)+len(piece) > maxKept; !k.isTooLong {
		k.content = append(k.content, piece...)
	} else {
		k.content = nil
	}
}

func (k *whole) end() {
	if k.isTooLong {
		k.failed(errTooLong)
	} else if err := k.keep(k.content); err != nil {
		k.failed(err)
	}
}

func (k *whole) close() {}

// recorder chooses what is kept of an answer.
func (p *Proxy) recorder(q question, body []byte, response *http.Response) recorder {
	if response.StatusCode == http.StatusNotFound && q.isKept() && !q.isList() {
		p.keeping.add(func() { p.dropObject(q) })
	}
	format := apiwire.FormatOf(response.Header.Get("Content-Type"))
	if format == "" || q.isShaped || response.StatusCode >= http.StatusMultipleChoices {
		return nothing{}
	}
	failed := func(err error) {
		p.log.Warn("an answer of the API server is not kept", "path", q.path, "problem", err)
	}
	era := p.store.Era()
	isPacked := response.Header.Get("Content-Encoding") == gzipped
	kept := func(keep func(content []byte) error) recorder {
		return &whole{failed: failed, keep: func(content []byte) (err error) {
			if p.store.Era() != era {
				return nil // another controller answers since
			}
			if isPacked {
				content, err = unpack(content)
			}
			if err != nil {
				return err
			}
			return keep(content)
		}}
	}
	switch {
	case q.isKept() && q.watch:
		return p.newWatcher(q, format, isPacked, failed)
	case q.isKept() && q.isList():
		return kept(func(content []byte) error { return p.keepList(q, format, content) })
	case q.isKept():
		return kept(func(content []byte) error { return p.keepObject(q, format, content) })
	case q.isTokenRequest():
		return kept(func(content []byte) error { return p.keepToken(q, format, body, content) })
	case q.resource == csiNodes && strings.HasPrefix(q.method, "P"): // the kubelet reads again what it has written
		return kept(func(content []byte) error { return p.keepObject(q, format, content) })
	}
	return nothing{}
}
