// Package apiconfig makes the files that the API server reads at its start.
// Its functions are pure; JSON is YAML, which the API server takes.
package apiconfig

import (
	"encoding/json"
	"fmt"
)

type object = map[string]any

// Encryption stores secrets under the key (32 bytes, secretbox), and reads what
// was stored in the clear before.
func Encryption(key []byte) ([]byte, error) {
	return encode(object{
		"apiVersion": "apiserver.config.k8s.io/v1",
		"kind":       "EncryptionConfiguration",
		"resources": []any{object{
			"resources": []any{"secrets"},
			"providers": []any{
				object{"secretbox": object{"keys": []any{object{"name": "key1", "secret": key}}}},
				object{"identity": object{}},
			},
		}},
	})
}

// Authentication lets somebody without a name ask after the server's health,
// and nothing else.
func Authentication() ([]byte, error) {
	return encode(object{
		"apiVersion": "apiserver.config.k8s.io/v1",
		"kind":       "AuthenticationConfiguration",
		"jwt":        []any{},
		"anonymous": object{
			"enabled":    true,
			"conditions": []any{object{"path": "/livez"}, object{"path": "/readyz"}, object{"path": "/healthz"}},
		},
	})
}

// EgressSelector leads what the API server wants of nodes, pods and services
// into the tunnel behind the socket.
func EgressSelector(socket string) ([]byte, error) {
	return encode(object{
		"apiVersion": "apiserver.k8s.io/v1beta1",
		"kind":       "EgressSelectorConfiguration",
		"egressSelections": []any{object{
			"name": "cluster",
			"connection": object{
				"proxyProtocol": "GRPC",
				"transport":     object{"uds": object{"udsName": socket}},
			},
		}},
	})
}

func encode(value object) ([]byte, error) {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode a %s: %w", value["kind"], err)
	}
	return append(content, '\n'), nil
}
