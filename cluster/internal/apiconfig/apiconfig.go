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

// nodeName is where the API server says on which node the pod of a token runs.
const nodeName = "authentication.kubernetes.io/node-name"

// Authorization asks Node and RBAC, and before them refuses all that comes from
// these nodes: what they ask themselves, and what their pods ask. The webhook in
// the file refusal always says no, and so is it taken when it does not answer.
func Authorization(refused []string, refusal string) ([]byte, error) {
	authorizers := []any{object{"type": "Node", "name": "node"}, object{"type": "RBAC", "name": "rbac"}}
	if len(refused) > 0 {
		names, err := json.Marshal(refused)
		if err != nil {
			return nil, fmt.Errorf("encode the refused nodes: %w", err)
		}
		authorizers = append([]any{object{"type": "Webhook", "name": "refused-nodes", "webhook": object{
			"authorizedTTL": "1s", "unauthorizedTTL": "1s", "timeout": "1s",
			"subjectAccessReviewVersion": "v1", "matchConditionSubjectAccessReviewVersion": "v1",
			"failurePolicy":  "Deny",
			"connectionInfo": object{"type": "KubeConfigFile", "kubeConfigFile": refusal},
			"matchConditions": []any{object{"expression": fmt.Sprintf(
				`%[1]s.exists(n, request.user == 'system:node:' + n) || has(request.extra) && '%[2]s' in request.extra && request.extra['%[2]s'].exists(n, n in %[1]s)`,
				names, nodeName,
			)}},
		}}}, authorizers...)
	}
	return encode(object{"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthorizationConfiguration", "authorizers": authorizers})
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
