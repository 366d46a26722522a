// Package apiproxy stands between a node's components and the API server. While
// the controller answers, it passes everything on and keeps what it sees; while
// it does not, it tells that again.
package apiproxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"kedge/internal/apicache"
)

const (
	// suspicious is how long an answer may take to begin until it is looked
	// whether the controller still answers at all.
	suspicious = 5 * time.Second
	// maxQuestion bounds what components send; etcd takes no more.
	maxQuestion = 3 << 20
	// syncPeriod is how much of what was seen a power cut may take.
	syncPeriod = 5 * time.Second
)

// Options are what a proxy needs.
type Options struct {
	// Node is the node's name.
	Node string
	// Config is how the API server is asked as the node.
	Config *rest.Config
	Store  *apicache.Store
	// Cluster is how the cluster is told from another at the same address.
	Cluster *Cluster
	// Away is why the controller is known not to answer; empty: it is not known.
	Away string
	Log  *slog.Logger
}

// Proxy answers a node's components.
type Proxy struct {
	options  Options
	log      *slog.Logger
	store    *apicache.Store
	contact  *Contact
	upstream *upstream
	deferred *deferred
	grounds  *grounds
	keeping  *queue
}

// New makes a proxy that does not serve yet.
func New(options Options) (*Proxy, error) {
	look := func(ctx context.Context) error { return options.Cluster.Check(ctx, options.Config) }
	server, err := newUpstream(options.Config, look)
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		options: options, log: options.Log, store: options.Store, upstream: server, deferred: &deferred{}, grounds: &grounds{},
		keeping: newQueue(),
	}
	p.contact = newContact(options.Log, look, p.comeBack)
	if options.Away != "" {
		p.contact.now = Now{Since: time.Now(), Problem: options.Away}
	}
	return p, nil
}

// Now tells whether the controller answers.
func (p *Proxy) Now() Now { return p.contact.Now() }

// Seen tells what is kept.
func (p *Proxy) Seen() apicache.Report { return p.store.Report() }

// ServeHTTP answers one question.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := parse(r)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxQuestion))
	if err != nil {
		p.refuse(w, q, http.StatusRequestEntityTooLarge, err.Error())
		return
	}
	now, changed := p.contact.current()
	if !now.Answers {
		p.answer(w, r, q, body)
		return
	}
	if q.isKept() && !p.hasGround(q, r.UserAgent()) {
		p.tellExpired(w, q)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() { // ends with the question
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	response, err := p.ask(ctx, q, r, body)
	if err != nil {
		p.unanswered(w, r, q, body, err)
		return
	}
	defer response.Body.Close()
	p.pass(w, q, body, response)
}

// ask asks the API server. While it says nothing, it is looked whether it will.
func (p *Proxy) ask(ctx context.Context, q question, r *http.Request, body []byte) (*http.Response, error) {
	target := *p.upstream.server
	target.Path, target.RawQuery = singleSlash(target.Path, r.URL.Path), r.URL.RawQuery
	if q.isKept() && q.isList() && !q.watch {
		query := r.URL.Query()
		query.Del("limit") // pieces of a list are no list
		target.RawQuery = query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = askedWith(r.Header)
	if strings.Contains(r.Header.Get("Accept-Encoding"), gzipped) {
		request.Header.Set("Accept-Encoding", gzipped) // as it comes, it is passed on
	}
	timer := time.AfterFunc(suspicious, func() { p.contact.verify(ctx) })
	defer timer.Stop()
	return p.upstream.transport.RoundTrip(request)
}

// askedWith is what of a question's header concerns the API server. Whoever asks
// is the node, and nobody else; answers are packed in ways that are understood here.
func askedWith(header http.Header) http.Header {
	passed := header.Clone()
	for name := range passed {
		if strings.HasPrefix(name, "Impersonate-") {
			passed.Del(name)
		}
	}
	for _, name := range []string{"Authorization", "Accept-Encoding", "Connection", "Keep-Alive", "Te", "Transfer-Encoding", "Upgrade"} {
		passed.Del(name)
	}
	return passed
}

func singleSlash(base, path string) string { return strings.TrimSuffix(base, "/") + path }

// unanswered is for a question that the API server did not answer: it is away, or
// its connection has broken, or who asked has lost patience.
func (p *Proxy) unanswered(w http.ResponseWriter, r *http.Request, q question, body []byte, err error) {
	if r.Context().Err() != nil {
		p.contact.suspect()
		return
	}
	if now := p.contact.verify(r.Context()); !now.Answers {
		p.answer(w, r, q, body)
		return
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("the controller was away for a moment")
	}
	p.refuse(w, q, http.StatusServiceUnavailable, "the API server did not answer this request: "+err.Error())
}

// comeBack sends what was to be sent later, and lets what the controller tells
// from now on count.
func (p *Proxy) comeBack(ctx context.Context) {
	p.upstream.hangUp()
	p.store.NewEra()
	p.deferred.send(ctx, p.upstream, p.log)
}

// deliver sends what could not be sent when the controller came back.
func (p *Proxy) deliver(ctx context.Context) {
	ticker := time.NewTicker(syncPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if p.Now().Answers {
				p.deferred.send(ctx, p.upstream, p.log)
			}
		}
	}
}

// Run keeps the contact, and what was seen on the disk, until ctx ends.
func (p *Proxy) Run(ctx context.Context) {
	go p.contact.run(ctx)
	go p.deliver(ctx)
	go p.keeping.run(ctx)
	ticker, forgetting := time.NewTicker(syncPeriod), time.NewTicker(forgetPeriod)
	defer ticker.Stop()
	defer forgetting.Stop()
	var before <-chan struct{}
	for {
		now, changed := p.contact.current()
		if changed != before && !now.Answers && !now.Since.IsZero() {
			p.upstream.hangUp() // what is still open leads nowhere
		}
		before = changed
		select {
		case <-ctx.Done():
			<-p.keeping.ended
			p.sync()
			return
		case <-changed:
		case <-ticker.C:
			p.sync()
		case <-forgetting.C:
			p.forget()
		}
	}
}

func (p *Proxy) sync() {
	if err := p.store.Sync(); err != nil {
		p.log.Warn("the disk may not have all that this node has seen", "problem", err)
	}
}

// Ready is nil once it is known whether the controller answers.
func (p *Proxy) Ready() error {
	if p.contact.Now().Since.IsZero() {
		return errors.New("it looks whether the controller answers")
	}
	return nil
}
