package ctr

import (
	"context"
	"testing"

	"github.com/urfave/cli/v3"
)

func TestSpeaksToTheWorkersContainerd(t *testing.T) {
	for name, test := range map[string]struct {
		args, env          []string
		address, namespace string
	}{
		"nothing said": {nil, nil, "/run/kedge/containerd.sock", "k8s.io"},
		"variables":    {nil, []string{"/variable.sock", "other"}, "/variable.sock", "other"},
		"flags":        {[]string{"-a", "/flag.sock", "-n", "default"}, []string{"/variable.sock", "other"}, "/flag.sock", "default"},
	} {
		t.Run(name, func(t *testing.T) {
			for at, value := range test.env {
				t.Setenv([]string{"CONTAINERD_ADDRESS", "CONTAINERD_NAMESPACE"}[at], value)
			}
			var address, namespace string
			made := command()
			made.Commands = []*cli.Command{{Name: "look", Action: func(_ context.Context, c *cli.Command) error {
				address, namespace = c.String("address"), c.String("namespace")
				return nil
			}}}
			if err := made.Run(t.Context(), append(append([]string{"ctr"}, test.args...), "look")); err != nil {
				t.Fatal(err)
			}
			if address != test.address || namespace != test.namespace {
				t.Errorf("speaks to %s about %s; want %s, %s", address, namespace, test.address, test.namespace)
			}
		})
	}
}
