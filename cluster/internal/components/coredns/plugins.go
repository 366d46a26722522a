package coredns

// The plugins of a cluster's DNS. All that a Corefile for a cluster names is
// here; what serves zones of its own (file, auto, secondary, dnssec), clouds
// (route53, azure, clouddns), other protocols (grpc, https, quic, tls) or
// tracing is not, since most of it brings a client library of megabytes.
import (
	_ "github.com/coredns/coredns/plugin/autopath"    // search paths answered in one round trip: an edge network's latency counts thrice without
	_ "github.com/coredns/coredns/plugin/bind"        // one server per address: on the node's own and on the service's
	_ "github.com/coredns/coredns/plugin/bufsize"     // answers that no tunnel must fragment
	_ "github.com/coredns/coredns/plugin/cache"       // serves stale answers while the uplink is down
	_ "github.com/coredns/coredns/plugin/debug"       // a crash shows its stack
	_ "github.com/coredns/coredns/plugin/errors"      // failed queries in the log
	_ "github.com/coredns/coredns/plugin/forward"     // everything outside the cluster
	_ "github.com/coredns/coredns/plugin/health"      // liveness probe
	_ "github.com/coredns/coredns/plugin/hosts"       // names of machines that have no DNS
	_ "github.com/coredns/coredns/plugin/kubernetes"  // services and pods
	_ "github.com/coredns/coredns/plugin/loadbalance" // turns the order of addresses
	_ "github.com/coredns/coredns/plugin/local"       // localhost and its reverse stay here
	_ "github.com/coredns/coredns/plugin/log"         // queries in the log
	_ "github.com/coredns/coredns/plugin/loop"        // refuses to forward to itself
	_ "github.com/coredns/coredns/plugin/metadata"    // the client's pod for log and rewrite
	_ "github.com/coredns/coredns/plugin/metrics"     // named prometheus in a Corefile
	_ "github.com/coredns/coredns/plugin/minimal"     // answers without what nobody asked for
	_ "github.com/coredns/coredns/plugin/ready"       // readiness probe
	_ "github.com/coredns/coredns/plugin/reload"      // takes a changed Corefile
	_ "github.com/coredns/coredns/plugin/rewrite"     // other names for services
	_ "github.com/coredns/coredns/plugin/template"    // answers made from a pattern, such as none for AAAA
)
