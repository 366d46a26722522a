package apiproxy

import (
	"net/http"
	"strconv"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

// defaultWatch is how long a watch lasts whose end nobody asked for.
const defaultWatch = 30 * time.Minute

// answer answers while the controller does not.
func (p *Proxy) answer(w http.ResponseWriter, r *http.Request, q question, body []byte) {
	p.keeping.wait() // the controller may have told something a moment ago
	switch {
	case q.isKept() && q.watch:
		p.tellWatch(w, r, q)
	case q.isKept() && q.isList():
		p.tellList(w, q)
	case q.isKept():
		p.tellObject(w, q)
	default:
		p.take(w, r, q, body)
	}
}

// away says why a request cannot be answered.
func (p *Proxy) away(w http.ResponseWriter, q question, what string) {
	now := p.contact.Now()
	p.refuse(w, q, http.StatusServiceUnavailable, what+": the controller does not answer since "+now.Since.Format(time.RFC3339)+": "+now.Problem)
}

// known is the list that is asked for, in the best format in which it was seen.
func (p *Proxy) known(q question) (*apicache.Collection, apicache.State, apiwire.Format, bool) {
	for _, format := range q.formats {
		kept := p.store.Collection(q.listKey(format))
		if state, complete := kept.State(); complete {
			return kept, state, format, true
		}
	}
	return nil, apicache.State{}, "", false
}

func (p *Proxy) tellList(w http.ResponseWriter, q question) {
	kept, state, format, found := p.known(q)
	if !found {
		p.away(w, q, "this node has not seen this list")
		return
	}
	encoded, err := format.EncodeList(apiwire.List{Kind: state.Kind, ResourceVersion: state.ResourceVersion, Objects: kept.Objects()})
	p.write(w, q, format, http.StatusOK, encoded, err)
}

func (p *Proxy) tellObject(w http.ResponseWriter, q question) {
	object, format, found := p.seen(q)
	if !found {
		p.away(w, q, "this node has not seen this object")
		return
	}
	encoded, err := format.EncodeObject(object)
	p.write(w, q, format, http.StatusOK, encoded, err)
}

// seen is an object out of a list, or one that was asked for by itself.
func (p *Proxy) seen(q question) (apiwire.Object, apiwire.Format, bool) {
	all := q.formats
	for _, format := range all {
		q.formats = []apiwire.Format{format}
		if object, found := p.listed(q); found {
			return object, format, true
		}
		if object, found := p.store.Collection(q.singleKey(format)).Get(apicache.Name{Namespace: q.namespace, Name: q.name}); found {
			return object, format, true
		}
	}
	return apiwire.Object{}, "", false
}

// tellWatch tells the objects that there are, when that is wanted, and then
// nothing, until the controller answers: then it ends as one does that is too
// old, so that all is listed anew.
func (p *Proxy) tellWatch(w http.ResponseWriter, r *http.Request, q question) {
	kept, state, format, found := p.known(q)
	if !found {
		p.away(w, q, "this node has not seen what this watch is about")
		return
	}
	now, changed := p.contact.current()
	w.Header().Set("Content-Type", format.StreamType())
	w.WriteHeader(http.StatusOK)
	stream := &stream{w: w, format: format, flusher: http.NewResponseController(w)}
	if q.wantsState() {
		for _, object := range kept.Objects() {
			stream.send(apiwire.Added, object, nil)
		}
	}
	if q.endsState() {
		bookmark, err := format.NewBookmark(state.Kind, state.ResourceVersion)
		stream.send(apiwire.Bookmark, bookmark, err)
	}
	stream.flush()
	timer := time.NewTimer(watchTimeout(q))
	defer timer.Stop()
	if !now.Answers {
		select {
		case <-r.Context().Done():
			return
		case <-timer.C:
			return
		case <-changed:
		}
	}
	stream.expire()
}

// tellExpired ends a watch before it begins, so that all is listed anew.
func (p *Proxy) tellExpired(w http.ResponseWriter, q question) {
	format := apiwire.JSON
	if len(q.formats) > 0 {
		format = q.formats[0]
	}
	w.Header().Set("Content-Type", format.StreamType())
	w.WriteHeader(http.StatusOK)
	(&stream{w: w, format: format, flusher: http.NewResponseController(w)}).expire()
}

// expire ends a watch as one that is too old.
func (s *stream) expire() {
	expired, err := s.format.NewStatus(meta.Status{
		Code: http.StatusGone, Reason: meta.StatusReasonExpired, Message: "the controller answers again: list anew",
	})
	s.send(apiwire.Error, expired, err)
	s.flush()
}

func watchTimeout(q question) time.Duration {
	if seconds, err := strconv.Atoi(q.query.Get("timeoutSeconds")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	return defaultWatch
}

// stream sends messages of a watch until one cannot be sent.
type stream struct {
	w       http.ResponseWriter
	format  apiwire.Format
	flusher *http.ResponseController
	problem error
}

func (s *stream) send(kind string, object apiwire.Object, err error) {
	if s.problem == nil {
		s.problem = err
	}
	if s.problem != nil {
		return
	}
	encoded, err := s.format.EncodeEvent(kind, object)
	if err == nil {
		_, err = s.w.Write(encoded)
	}
	s.problem = err
}

func (s *stream) flush() {
	if s.problem == nil {
		s.problem = s.flusher.Flush()
	}
}

// write sends an answer that is whole.
func (p *Proxy) write(w http.ResponseWriter, q question, format apiwire.Format, code int, encoded []byte, err error) {
	if err != nil {
		p.log.Error("an answer cannot be made of what was seen", "path", q.path, "problem", err)
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Content-Length", strconv.Itoa(len(encoded)))
	w.WriteHeader(code)
	_, _ = w.Write(encoded) // whoever asked is gone otherwise
}

// refuse answers as an API server does that cannot.
func (p *Proxy) refuse(w http.ResponseWriter, q question, code int, message string) {
	reason := map[int]meta.StatusReason{
		http.StatusServiceUnavailable: meta.StatusReasonServiceUnavailable, http.StatusNotFound: meta.StatusReasonNotFound,
		http.StatusConflict: meta.StatusReasonAlreadyExists, http.StatusRequestEntityTooLarge: meta.StatusReasonRequestEntityTooLarge,
	}[code]
	format := apiwire.JSON
	if len(q.formats) > 0 {
		format = q.formats[0]
	}
	status, err := format.NewStatus(meta.Status{Code: int32(code), Reason: reason, Message: message})
	if err == nil {
		status.Raw, err = format.EncodeObject(status)
	}
	p.write(w, q, format, code, status.Raw, err)
}
