package apiproxy

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

// question is what a component asks the API server.
type question struct {
	method      string
	path        string
	resource    string // with its API, such as "/api/v1 pods"
	namespace   string
	name        string
	subresource string
	watch       bool
	query       url.Values
	formats     []apiwire.Format // those that are understood, the best first
	// isShaped says that objects may be told as something else, such as a table.
	isShaped bool
}

// Resources that are never kept: leases live for seconds, events are nobody's state.
var fleeting = []string{leases, events, eventsOfGroup}

// The resources that are treated in their own ways.
const (
	leases          = "/apis/coordination.k8s.io/v1 leases"
	events          = "/api/v1 events"
	eventsOfGroup   = "/apis/events.k8s.io/v1 events"
	nodes           = "/api/v1 nodes"
	serviceAccounts = "/api/v1 serviceaccounts"
	csiNodes        = "/apis/storage.k8s.io/v1 csinodes"
)

// known are the parameters of questions that are understood: any other may change
// what the answer is.
var known = []string{
	"allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "pretty", "resourceVersion", "resourceVersionMatch",
	"sendInitialEvents", "timeout", "timeoutSeconds", "watch",
}

// namespaced begins the paths of what lies within a namespace.
const namespaced = "namespaces"

func parse(r *http.Request) question {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	q := question{
		method: r.Method, path: r.URL.Path, query: r.URL.Query(), formats: apiwire.Accepted(accept),
		isShaped: strings.Contains(accept, ";as=") || strings.Contains(accept, "; as="),
	}
	watch := q.query.Get("watch")
	q.watch = r.Method == http.MethodGet && (watch == "true" || watch == "1")
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	api := 0
	switch {
	case parts[0] == "api" && len(parts) > 2:
		api = 2
	case parts[0] == "apis" && len(parts) > 3:
		api = 3
	default:
		return q
	}
	base, rest := "/"+strings.Join(parts[:api], "/"), parts[api:]
	if rest[0] == "watch" { // as it was asked before there was a parameter
		return q
	}
	if rest[0] == namespaced && len(rest) > 2 {
		q.namespace, rest = rest[1], rest[2:]
	}
	q.resource = base + " " + rest[0]
	if len(rest) > 1 {
		q.name = rest[1]
	}
	if len(rest) > 2 {
		q.subresource = rest[2]
	}
	return q
}

// isRead says that nothing is changed by it.
func (q question) isRead() bool { return q.method == http.MethodGet && q.resource != "" }

// isKept says that the answer is kept for when there is no controller.
func (q question) isKept() bool {
	for name := range q.query {
		if !slices.Contains(known, name) {
			return false
		}
	}
	return q.isRead() && q.subresource == "" && !slices.Contains(fleeting, q.resource)
}

// isList says that many objects are asked for.
func (q question) isList() bool { return q.name == "" }

// listKey is the list that is asked for, or watched.
func (q question) listKey(format apiwire.Format) apicache.Key {
	selector := url.Values{}
	for _, name := range []string{"fieldSelector", "labelSelector"} {
		if value := q.query.Get(name); value != "" {
			selector.Set(name, value)
		}
	}
	return apicache.Key{Path: q.path, Selector: selector.Encode(), Format: format}
}

// singleKey is the object that is asked for, or something of it.
func (q question) singleKey(format apiwire.Format) apicache.Key {
	path := q.path
	if q.subresource != "" {
		path = strings.TrimSuffix(path, "/"+q.subresource)
	}
	return apicache.Key{Path: path, Single: true, Format: format}
}

// mayHave says that a list may have the object that is asked for.
func (q question) mayHave(key apicache.Key) bool {
	if key.Single || !slices.Contains(q.formats, key.Format) {
		return false
	}
	base, kind, _ := strings.Cut(q.resource, " ")
	return key.Path == base+"/"+kind || q.namespace != "" && key.Path == base+"/"+namespaced+"/"+q.namespace+"/"+kind
}

// wantsState says that a watch begins with the objects that there are.
func (q question) wantsState() bool {
	version := q.query.Get("resourceVersion")
	return q.endsState() || version == "" || version == "0"
}

// endsState says that a watch tells when it has told them.
func (q question) endsState() bool { return q.query.Get("sendInitialEvents") == "true" }
