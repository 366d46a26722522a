package apiproxy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

// take answers a write while the controller is away. What components need to go
// on they are told; all else fails at once, and they try again.
func (p *Proxy) take(w http.ResponseWriter, r *http.Request, q question, body []byte) {
	switch {
	case q.resource == events || q.resource == eventsOfGroup:
		p.dropEvent(w, r, q, body)
	case q.resource == leases && q.namespace == nodeLeases:
		p.takeLease(w, r, q, body)
	case q.resource == nodes && q.method == http.MethodPost:
		p.takeRegistration(w, q)
	case q.resource == nodes && q.method == http.MethodPatch && q.name == p.options.Node:
		p.takeNode(w, r, q, body)
	case q.isTokenRequest():
		p.tellToken(w, q, body)
	default:
		p.away(w, q, "nothing can be changed")
	}
}

// echo answers a write with what was written.
func (p *Proxy) echo(w http.ResponseWriter, r *http.Request, q question, code int, body []byte) {
	p.write(w, q, apiwire.Format(r.Header.Get("Content-Type")), code, body, nil)
}

// dropEvent takes an event that nobody will see. One that is counted on is not
// there: it is made anew, and dropped, too.
func (p *Proxy) dropEvent(w http.ResponseWriter, r *http.Request, q question, body []byte) {
	if q.method == http.MethodPost {
		p.echo(w, r, q, http.StatusCreated, body)
		return
	}
	p.refuse(w, q, http.StatusNotFound, "events are not kept while the controller does not answer")
}

// nodeLeases is the namespace of nodes' leases. Whoever has one elsewhere leads
// others, and must not believe that it still does.
const nodeLeases = "kube-node-lease"

// takeLease lets the kubelet believe that it renews its lease: it closes all its
// connections when it cannot, again and again. There is none before the first.
func (p *Proxy) takeLease(w http.ResponseWriter, r *http.Request, q question, body []byte) {
	switch q.method {
	case http.MethodPut:
		p.echo(w, r, q, http.StatusOK, body)
	case http.MethodPost:
		p.echo(w, r, q, http.StatusCreated, body)
	case http.MethodGet:
		p.refuse(w, q, http.StatusNotFound, "leases are not kept while the controller does not answer")
	default:
		p.away(w, q, "nothing can be changed")
	}
}

// takeRegistration tells a kubelet that its node is known, when it is.
func (p *Proxy) takeRegistration(w http.ResponseWriter, q question) {
	q.path, q.name = q.path+"/"+p.options.Node, p.options.Node
	if _, _, found := p.seen(q); !found {
		p.away(w, q, "this node has not been registered yet")
		return
	}
	p.refuse(w, q, http.StatusConflict, "nodes \""+p.options.Node+"\" already exists")
}

// takeNode answers a change of the node itself with the node as it was seen. The
// kubelet compares its status with the API server's, and tells it again when the
// controller answers; annotations are told once, by the network: they are kept
// and sent.
func (p *Proxy) takeNode(w http.ResponseWriter, r *http.Request, q question, body []byte) {
	object, format, found := p.seen(q)
	if !found {
		p.away(w, q, "this node has not been registered yet")
		return
	}
	if bytes.Contains(body, []byte(`"annotations"`)) {
		p.deferred.add(later{path: q.path, query: r.URL.RawQuery, header: askedWith(r.Header), body: body})
	}
	encoded, err := format.EncodeObject(object)
	p.write(w, q, format, http.StatusOK, encoded, err)
}

// deferred is what is sent when the controller answers.
type deferred struct {
	sending sync.Mutex // held by who sends

	mu      sync.Mutex
	patches []later
	count   uint64
}

// later is one patch.
type later struct {
	number      uint64
	path, query string
	header      http.Header
	body        []byte
}

// maxDeferred bounds them: the node's components patch it once when they start.
const maxDeferred = 16

// add keeps a patch. The same one counts once, as the last, and the oldest falls out.
func (d *deferred) add(patch later) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count++
	patch.number = d.count
	d.patches = append(slices.DeleteFunc(d.patches, func(before later) bool {
		return before.path == patch.path && bytes.Equal(before.body, patch.body)
	}), patch)
	if len(d.patches) > maxDeferred {
		d.patches = d.patches[1:]
	}
}

// send sends all of them, in their order, while more may be added. What cannot be
// sent now is tried again.
func (d *deferred) send(ctx context.Context, server *upstream, log *slog.Logger) {
	const patience = 10 * time.Second
	d.sending.Lock()
	defer d.sending.Unlock()
	for next, is := d.first(); is; next, is = d.first() {
		sending, cancel := context.WithTimeout(ctx, patience)
		code, err := next.send(sending, server)
		cancel()
		switch {
		case err == nil && (code >= http.StatusInternalServerError || code == http.StatusTooManyRequests):
			err = fmt.Errorf("the API server answers %d", code)
			fallthrough
		case err != nil:
			log.Warn("a change of the node could not be sent yet", "problem", err)
			return
		case code >= http.StatusMultipleChoices:
			log.Warn("a change of the node from while the controller was away is refused", "code", code)
		}
		d.sent(next)
	}
}

func (d *deferred) first() (later, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.patches) == 0 {
		return later{}, false
	}
	return d.patches[0], true
}

// sent removes a patch, unless it was given again meanwhile.
func (d *deferred) sent(patch later) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.patches) > 0 && d.patches[0].number == patch.number {
		d.patches = d.patches[1:]
	}
}

func (l later) send(ctx context.Context, server *upstream) (int, error) {
	target := *server.server
	target.Path, target.RawQuery = singleSlash(target.Path, l.path), l.query
	request, err := http.NewRequestWithContext(ctx, http.MethodPatch, target.String(), bytes.NewReader(l.body))
	if err != nil {
		return 0, err
	}
	request.Header = l.header.Clone()
	response, err := server.transport.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// isTokenRequest says that a pod's token is asked for.
func (q question) isTokenRequest() bool {
	return q.method == http.MethodPost && q.resource == serviceAccounts && q.subresource == "token"
}

// tokenKey is where the token for this request is: who asks for the same, for the
// same pod, gets the same.
func (q question) tokenKey(format apiwire.Format, body []byte) apicache.Key {
	digest := sha256.Sum256(body)
	return apicache.Key{Path: q.path, Selector: hex.EncodeToString(digest[:]), Single: true, Format: format}
}

func (p *Proxy) keepToken(q question, format apiwire.Format, body, content []byte) error {
	token, err := format.ParseObject(content)
	if err != nil {
		return err
	}
	// It is named after its account, or not at all, and has no version.
	token.Namespace, token.Name = q.namespace, q.name
	return p.store.Collection(q.tokenKey(format, body)).Replace(only(token))
}

// tellToken tells the token that was issued last for the same. It may have
// expired: who checks it will say so, and the pod runs meanwhile.
func (p *Proxy) tellToken(w http.ResponseWriter, q question, body []byte) {
	for _, format := range q.formats {
		token, found := p.store.Collection(q.tokenKey(format, body)).Get(apicache.Name{Namespace: q.namespace, Name: q.name})
		if !found {
			continue
		}
		encoded, err := format.EncodeObject(token)
		p.write(w, q, format, http.StatusCreated, encoded, err)
		return
	}
	p.away(w, q, "this node has no token for this pod")
}
