package revoker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"kedge/internal/revocation"
)

func list(t *testing.T, credentials ...string) []byte {
	t.Helper()
	content := `{"format":1,"credentials":[`
	for i := 0; i < len(credentials); i += 2 {
		if i > 0 {
			content += ","
		}
		content += fmt.Sprintf(`{"serial":%q,"node":%q,"revoked":"2026-11-27T10:00:00Z"}`, credentials[i], credentials[i+1])
	}
	return []byte(content + "]}")
}

func TestNodesAreRefusedForTheirPresentCredential(t *testing.T) {
	read, err := revocation.Parse(list(t, "1", "a", "2", "b", "3", "c"))
	if err != nil {
		t.Fatal(err)
	}
	bound := map[string]string{"a": "1", "b": "20", "d": "4"}
	if got, want := Refused(read, bound), []string{"a", "c"}; !slices.Equal(got, want) {
		t.Errorf("refused = %v; want %v", got, want)
	}
}

func enrolled(node, credential string) *core.ConfigMap {
	return &core.ConfigMap{
		ObjectMeta: meta.ObjectMeta{Namespace: "kube-system", Name: "kedge-enrolment-" + node, Labels: map[string]string{"kedge.io/enrolment": ""}},
		Data:       map[string]string{"node": node, "credential": credential},
	}
}

func TestTheListIsFollowed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "revoked.json")
	write := func(content []byte) {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		client := fake.NewClientset(enrolled("a", "1"), enrolled("b", "2"),
			&core.Node{ObjectMeta: meta.ObjectMeta{Name: "a"}}, &core.Node{ObjectMeta: meta.ObjectMeta{Name: "b"}})
		var seen []string
		busy := true
		made := New(Revoker{
			Client: client, File: file, Log: slog.New(slog.DiscardHandler),
			Refuse: func(_ context.Context, nodes, added []string) error {
				if busy {
					busy = false
					return errors.New("busy")
				}
				seen = append(seen, fmt.Sprintf("%v+%v", nodes, added))
				return nil
			},
		}, nil)
		ctx, end := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- made.Run(ctx) }()
		after := func(want ...string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			if !slices.Equal(seen, want) {
				t.Errorf("refused %v; want %v", seen, want)
			}
		}
		after()
		write(list(t, "1", "a"))
		after("[a]+[a]")
		if _, err := client.CoreV1().Nodes().Get(ctx, "a", meta.GetOptions{}); err == nil {
			t.Error("the node is there still")
		}
		if _, err := client.CoreV1().Nodes().Get(ctx, "b", meta.GetOptions{}); err != nil {
			t.Errorf("the other node: %v", err)
		}
		write([]byte("eve"))
		after("[a]+[a]")
		write(list(t, "1", "a", "2", "b"))
		after("[a]+[a]", "[a b]+[b]")
		if _, err := client.CoreV1().ConfigMaps("kube-system").Update(ctx, enrolled("a", "10"), meta.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		made.Bound("a")
		after("[a]+[a]", "[a b]+[b]", "[b]+[]")
		remove := func() {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(period / 2)
		remove()
		time.Sleep(period)
		write(list(t, "2", "b"))
		after("[a]+[a]", "[a b]+[b]", "[b]+[]") // it was replaced, as tar does
		remove()
		after("[a]+[a]", "[a b]+[b]", "[b]+[]", "[]+[]")
		end()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}
