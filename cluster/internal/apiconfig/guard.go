package apiconfig

// Admission lets no pod have more than an ordinary one needs, unless its
// namespace says otherwise (labels pod-security.kubernetes.io/enforce). The
// namespaces are those of the system, where such pods belong.
func Admission(namespaces []string) ([]byte, error) {
	return encode(object{
		"apiVersion": "apiserver.config.k8s.io/v1",
		"kind":       "AdmissionConfiguration",
		"plugins": []any{object{
			"name": "PodSecurity",
			"configuration": object{
				"apiVersion": "pod-security.admission.config.k8s.io/v1",
				"kind":       "PodSecurityConfiguration",
				"defaults": object{
					"enforce": "baseline", "enforce-version": "latest",
					"audit": "baseline", "audit-version": "latest",
					"warn": "baseline", "warn-version": "latest",
				},
				"exemptions": object{"usernames": []any{}, "runtimeClasses": []any{}, "namespaces": namespaces},
			},
		}},
	})
}

// Audit is what is written of requests when somebody asks for an audit log: who
// did what, without the contents. What machines do all the time is left out: a
// card would wear, and nobody could read the rest.
func Audit() ([]byte, error) {
	return encode(object{
		"apiVersion": "audit.k8s.io/v1",
		"kind":       "Policy",
		"omitStages": []any{"RequestReceived"},
		"rules": []any{
			object{"level": "None", "nonResourceURLs": []any{"/livez*", "/readyz*", "/healthz*", "/version", "/openapi/*", "/api*", "/apis*"}, "verbs": []any{"get"}},
			object{"level": "None", "resources": []any{
				object{"group": "coordination.k8s.io", "resources": []any{"leases"}},
				object{"group": "", "resources": []any{"events"}},
				object{"group": "events.k8s.io", "resources": []any{"events"}},
			}},
			// Secrets are told whoever reads them.
			object{"level": "Metadata", "resources": []any{object{"group": "", "resources": []any{"secrets", "serviceaccounts/token"}}}},
			object{
				"level": "None", "verbs": []any{"get", "list", "watch"},
				"userGroups": []any{"system:nodes", "system:serviceaccounts:kube-system"},
			},
			object{
				"level": "None", "verbs": []any{"get", "list", "watch"},
				"users": []any{"system:apiserver", "system:kube-controller-manager", "system:kube-scheduler"},
			},
			object{"level": "None", "userGroups": []any{"system:nodes"}, "resources": []any{object{"group": "", "resources": []any{"nodes/status", "pods/status"}}}},
			object{"level": "Metadata"},
		},
	})
}
