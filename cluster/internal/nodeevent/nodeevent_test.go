package nodeevent

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestEventsAreFoundAtTheirNode(t *testing.T) {
	client := fake.NewSimpleClientset()
	w := Writer{Client: client, Source: "kedge-test", Log: slog.New(slog.DiscardHandler)}
	w.Write(t.Context(), Event{Node: "edge1", Reason: "Enrolled", Message: "it is in"})
	w.Write(t.Context(), Event{Node: "edge1", IsWarning: true, Reason: "Revoked", Message: "it is out"})
	found, err := client.CoreV1().Events("default").List(t.Context(), meta.ListOptions{})
	if err != nil || len(found.Items) != 2 {
		t.Fatalf("%d events, %v", len(found.Items), err)
	}
	kinds := map[string]string{}
	for _, each := range found.Items {
		kinds[each.Reason] = each.Type
		if is := each.InvolvedObject; is.Kind != "Node" || is.Name != "edge1" || is.UID != "edge1" || each.Source.Component != "kedge-test" || each.Count != 1 || each.LastTimestamp.IsZero() {
			t.Errorf("%+v", each)
		}
	}
	if kinds["Enrolled"] != core.EventTypeNormal || kinds["Revoked"] != core.EventTypeWarning {
		t.Errorf("%v", kinds)
	}
}

func TestAnEventThatCannotBeWrittenIsInTheLog(t *testing.T) {
	client := fake.NewSimpleClientset()
	client.PrependReactor("create", "events", func(clienttesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("no room") })
	var said bytes.Buffer
	Writer{Client: client, Log: slog.New(slog.NewTextHandler(&said, nil))}.Write(t.Context(), Event{Node: "edge1", Reason: "Revoked", Message: "it is out"})
	for _, want := range []string{"edge1", "Revoked", "it is out", "no room"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q does not say %q", said.String(), want)
		}
	}
}
