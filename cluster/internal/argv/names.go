package argv

import (
	"strings"
	"text/template"

	"kedge/internal/layout"
)

// corefile answers for services and pods out of the API server's view, for
// everything else from the machine's own name servers. Names that were found
// once are told again while nobody answers.
var corefile = template.Must(template.New("Corefile").Parse(`.:53 {
	bind {{.Node.Cluster.DNSAddress}}
	errors
	health {{.Loopback}}:{{.Node.Ports.DNSHealth}}
	ready {{.Loopback}}:{{.Node.Ports.DNSReady}}
	reload 5s
	kubernetes {{.Node.Cluster.ClusterDomain}} in-addr.arpa ip6.arpa {
		kubeconfig {{.Kubeconfig}}
		pods insecure
		fallthrough in-addr.arpa ip6.arpa
		ttl 30
	}
{{- if .Node.NameServers}}
	forward .{{range .Node.NameServers}} {{.}}{{end}} {
		max_concurrent 1000
	}
{{- end}}
	cache 30 {
		disable success {{.Node.Cluster.ClusterDomain}}
		disable denial {{.Node.Cluster.ClusterDomain}}
		serve_stale 24h
	}
	loadbalance
}
`))

// Corefile is the file of the node's DNS server.
func Corefile(n Node, l layout.Layout) ([]byte, error) {
	var out strings.Builder
	err := corefile.Execute(&out, map[string]any{"Node": n, "Kubeconfig": n.Kubeconfig(l), "Loopback": Loopback})
	return []byte(out.String()), err
}
