package pki

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

// writeKubeconfigs writes a file for everybody on this machine who speaks to
// the API server. That of the administrator has its certificates inside, so
// that it can be taken elsewhere; the others name files, which the components
// read again when they change.
func (o Options) writeKubeconfigs() error {
	for name, owner := range map[string]string{"controller-manager": userAPIServer, "scheduler": userScheduler} {
		pair := o.Layout.Pair(name)
		content, err := kubeconfig(name, o.Server,
			map[string]any{"certificate-authority": o.Layout.Certificate(authorityAPI)},
			map[string]any{"client-certificate": pair.Certificate, "client-key": pair.Key})
		if err != nil {
			return err
		}
		if err := o.writeChanged(o.Layout.Kubeconfig(name), content, owner); err != nil {
			return err
		}
	}
	pair := o.Layout.Pair("admin")
	inside := make([][]byte, 0, 3)
	for _, file := range []string{o.Layout.Certificate(authorityAPI), pair.Certificate, pair.Key} {
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
		inside = append(inside, content)
	}
	content, err := kubeconfig("admin", o.Server,
		map[string]any{"certificate-authority-data": inside[0]},
		map[string]any{"client-certificate-data": inside[1], "client-key-data": inside[2]})
	if err != nil {
		return err
	}
	return o.writeChanged(o.Layout.AdminKubeconfig(), content, root)
}

// writeChanged writes a file that is not there already: this is called again
// and again, and cards wear out.
func (o Options) writeChanged(file string, content []byte, owner string) error {
	if is, err := os.ReadFile(file); err == nil && bytes.Equal(is, content) {
		return o.Own(file, owner)
	}
	return o.writeFile(file, content, modeKey, owner)
}

// kubeconfig is a file with one cluster, one user and one context. JSON is
// YAML, so nothing has to be quoted by hand.
func kubeconfig(user, server string, cluster, credentials map[string]any) ([]byte, error) {
	const clusterName = "kedge"
	cluster["server"] = server
	content, err := json.MarshalIndent(map[string]any{
		"apiVersion":      "v1",
		"kind":            "Config",
		"clusters":        []any{map[string]any{"name": clusterName, "cluster": cluster}},
		"users":           []any{map[string]any{"name": user, "user": credentials}},
		"contexts":        []any{map[string]any{"name": clusterName, "context": map[string]any{"cluster": clusterName, "user": user}}},
		"current-context": clusterName,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the kubeconfig of %s: %w", user, err)
	}
	return append(content, '\n'), nil
}
