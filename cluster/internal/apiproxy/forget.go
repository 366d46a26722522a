package apiproxy

import (
	"bytes"
	"net/url"
	"strings"
	"time"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

const (
	// forgetPeriod lies between two looks at what no pod needs any more.
	forgetPeriod = time.Hour
	// settled is how long the controller must have answered for that: the node
	// knows its pods then.
	settled = 10 * time.Minute
)

// NodePods are the pods of a node, as its kubelet was told them.
// False: not all of them were seen.
func NodePods(store *apicache.Store, node string) ([]apiwire.Object, bool) {
	key := apicache.Key{
		Path: "/api/v1/pods", Selector: url.Values{"fieldSelector": {"spec.nodeName=" + node}}.Encode(), Format: apiwire.Protobuf,
	}
	for _, pods := range store.Find(func(each apicache.Key) bool { return each == key }) {
		_, complete := pods.State()
		return pods.Objects(), complete
	}
	return nil, false
}

// forget removes Secrets, ConfigMaps and tokens that no pod of the node mentions:
// a pod's specification contains the name of what it uses.
func (p *Proxy) forget() {
	now := p.Now()
	if !now.Answers || time.Since(now.Since) < settled {
		return
	}
	pods, complete := NodePods(p.store, p.options.Node)
	if !complete {
		return // nobody knows what they need
	}
	byNamespace := make(map[string][]apiwire.Object)
	for _, pod := range pods {
		byNamespace[pod.Namespace] = append(byNamespace[pod.Namespace], pod)
	}
	for key, isNeeded := range p.forgettable() {
		needed := false
		for _, pod := range byNamespace[namespaceOf(key.Path)] {
			needed = needed || isNeeded(pod)
		}
		if needed {
			continue
		}
		if err := p.store.Remove(key); err != nil {
			p.log.Warn("what no pod needs any more is still there", "problem", err)
		}
	}
}

// forgettable is what is of use to certain pods alone, and how they are told.
func (p *Proxy) forgettable() map[apicache.Key]func(pod apiwire.Object) bool {
	found := make(map[apicache.Key]func(apiwire.Object) bool)
	p.store.Find(func(key apicache.Key) bool {
		switch parts := strings.Split(key.Path, "/"); {
		case len(parts) == 6 && (parts[5] == "secrets" || parts[5] == "configmaps"): // /api/v1/namespaces/N/secrets
			selector, err := url.ParseQuery(key.Selector)
			if name, ok := strings.CutPrefix(selector.Get("fieldSelector"), "metadata.name="); err == nil && ok {
				found[key] = func(pod apiwire.Object) bool { return bytes.Contains(pod.Raw, []byte(name)) }
			}
		case len(parts) == 8 && parts[7] == "token": // /api/v1/namespaces/N/serviceaccounts/A/token
			found[key] = func(pod apiwire.Object) bool { return p.isTokenOf(key, pod) }
		}
		return false
	})
	return found
}

// isTokenOf says that a token was issued for a pod of this name.
func (p *Proxy) isTokenOf(key apicache.Key, pod apiwire.Object) bool {
	for _, token := range p.store.Collection(key).Objects() {
		if bytes.Contains(token.Raw, []byte(pod.Name)) {
			return true
		}
	}
	return false
}

// namespaceOf is the namespace in the path of what lies within one.
func namespaceOf(path string) string {
	parts := strings.Split(path, "/")
	for at, part := range parts[:len(parts)-1] {
		if part == namespaced {
			return parts[at+1]
		}
	}
	return ""
}
