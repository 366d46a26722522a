package apiproxy

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"kedge/internal/apicache"
	"kedge/internal/apiwire"
)

// keep puts one object into a collection, which then is complete.
func keep(t *testing.T, store *apicache.Store, key apicache.Key, object apiwire.Object) {
	t.Helper()
	kept := store.Collection(key)
	if err := kept.Put(object); err != nil {
		t.Fatal(err)
	}
	if err := kept.Complete(object.Kind, "1", map[apicache.Name]struct{}{apicache.NameOf(object): {}}); err != nil {
		t.Fatal(err)
	}
}

func podWithSecret(t *testing.T, name, secret string) apiwire.Object {
	t.Helper()
	raw, err := (&core.Pod{
		ObjectMeta: meta.ObjectMeta{Namespace: "default", Name: name, ResourceVersion: "1"},
		Spec:       core.PodSpec{Volumes: []core.Volume{{Name: "v", VolumeSource: core.VolumeSource{Secret: &core.SecretVolumeSource{SecretName: secret}}}}},
	}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return apiwire.Object{Kind: apiwire.Kind{APIVersion: "v1", Kind: "Pod"}, Namespace: "default", Name: name, ResourceVersion: "1", Raw: raw}
}

func TestWhatNoPodNeedsIsForgotten(t *testing.T) {
	t.Parallel()
	store, err := apicache.Open(t.TempDir(), make([]byte, 32), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{options: Options{Node: "edge1"}, log: slog.New(slog.DiscardHandler), store: store, contact: newContact(slog.New(slog.DiscardHandler), nil, nil)}
	keep(t, store, apicache.Key{Path: "/api/v1/pods", Selector: "fieldSelector=spec.nodeName%3Dedge1", Format: apiwire.Protobuf}, podWithSecret(t, "web", "used"))
	secret := func(namespace, name string) apicache.Key {
		key := apicache.Key{Path: "/api/v1/namespaces/" + namespace + "/secrets", Selector: "fieldSelector=metadata.name%3D" + name, Format: apiwire.JSON}
		keep(t, store, key, apiwire.Object{Name: name, Raw: []byte(`{"metadata":{}}`)})
		return key
	}
	token := func(pod string) apicache.Key {
		key := apicache.Key{Path: "/api/v1/namespaces/default/serviceaccounts/default/token", Selector: pod, Single: true, Format: apiwire.JSON}
		keep(t, store, key, apiwire.Object{Name: "default", Raw: fmt.Appendf(nil, `{"metadata":{},"spec":{"boundObjectRef":{"name":%q}}}`, pod)})
		return key
	}
	services := apicache.Key{Path: "/api/v1/services", Format: apiwire.JSON}
	keep(t, store, services, apiwire.Object{Name: "service", Raw: []byte(`{"metadata":{}}`)})
	kept := []apicache.Key{secret("default", "used"), token("web"), services}
	gone := []apicache.Key{secret("default", "unused"), secret("other", "used"), token("gone")}
	watched := secret("default", "watched")
	_, release := store.Hold(watched)
	defer release()

	left := func() []apicache.Key {
		var keys []apicache.Key
		store.Find(func(key apicache.Key) bool { keys = append(keys, key); return false })
		return keys
	}
	all := len(left())
	for _, now := range []Now{{}, {Since: time.Now().Add(-time.Hour)}, {Answers: true, Since: time.Now()}} {
		p.contact.now = now
		p.forget()
		if len(left()) != all {
			t.Errorf("something is forgotten though %+v", now)
		}
	}
	p.contact.now = Now{Answers: true, Since: time.Now().Add(-time.Hour)}
	p.options.Node = "unseen"
	if p.forget(); len(left()) != all {
		t.Error("something is forgotten though nobody knows the node's pods")
	}
	p.options.Node = "edge1"
	p.forget()
	for _, key := range append(kept, watched) {
		if !slices.Contains(left(), key) {
			t.Errorf("%+v is forgotten", key)
		}
	}
	for _, key := range gone {
		if slices.Contains(left(), key) {
			t.Errorf("%+v is still there", key)
		}
	}
}
