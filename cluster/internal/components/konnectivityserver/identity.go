//go:build !unpatched

package konnectivityserver

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"k8s.io/klog/v2"
	"sigs.k8s.io/apiserver-network-proxy/proto/header"
)

// identity is what an agent's certificate says; the zero value is an agent that
// showed none.
type identity struct {
	name    string
	expires time.Time
}

// holdToName lets an agent speak for the node in its certificate alone: whose
// streams an agent gets is decided by what it says of itself.
func (r *refused) holdToName(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, serve grpc.StreamHandler) error {
	said, ok := metadata.FromIncomingContext(stream.Context())
	if !ok {
		return status.Error(codes.InvalidArgument, "the agent says nothing of itself")
	}
	is := certified(stream.Context())
	if err := is.judge(said.Get(header.AgentIdentifiers)); err != nil {
		klog.ErrorS(err, "An agent is refused", "certificate", is.name)
		return status.Error(codes.PermissionDenied, err.Error())
	}
	if err := r.judge(is.name); err != nil {
		klog.ErrorS(err, "An agent is refused", "certificate", is.name)
		return err
	}
	is.prefix(said)
	known := &knownStream{ServerStream: stream, context: metadata.NewIncomingContext(stream.Context(), said)}
	return is.serveUntilExpiry(r, func() error { return serve(server, known) })
}

func certified(ctx context.Context) identity {
	client, ok := peer.FromContext(ctx)
	if !ok {
		return identity{}
	}
	secured, ok := client.AuthInfo.(credentials.TLSInfo)
	if !ok || len(secured.State.VerifiedChains) == 0 {
		return identity{}
	}
	leaf := secured.State.VerifiedChains[0][0]
	return identity{name: leaf.Subject.CommonName, expires: leaf.NotAfter}
}

// judge says what is wrong with the identifiers that an agent declares. It may
// declare none: then it gets only what any agent may get.
func (i identity) judge(declared []string) error {
	for _, encoded := range declared {
		identifiers, err := url.ParseQuery(encoded)
		if err != nil {
			return fmt.Errorf("read the identifiers that the agent declares: %w", err)
		}
		for kind, values := range identifiers {
			if kind != string(header.Host) {
				return fmt.Errorf("the agent declares %s=%s; the name of its node is all that it may declare", kind, values)
			}
			if i.name == "" || slices.ContainsFunc(values, func(value string) bool { return value != i.name }) {
				return fmt.Errorf("the agent declares the name %q, and its certificate is for %q", values, i.name)
			}
		}
	}
	return nil
}

// prefix puts the certified name before the ID that the agent chose. The server
// finds streams by this ID: under another's, an agent could write into them.
func (i identity) prefix(said metadata.MD) {
	if i.name == "" {
		return
	}
	chosen := said.Get(header.AgentID)
	prefixed := make([]string, 0, len(chosen))
	for _, id := range chosen {
		prefixed = append(prefixed, i.name+"/"+id)
	}
	said.Set(header.AgentID, prefixed...)
}

// serveUntilExpiry ends the stream with the certificate, and when the node is
// refused. TLS looks at certificates when a connection begins, and this one may
// last for years.
func (i identity) serveUntilExpiry(r *refused, serve func() error) error {
	if i.name == "" {
		return serve()
	}
	ended := make(chan error, 1)
	go func() { ended <- serve() }()
	expiry := time.NewTimer(time.Until(i.expires))
	defer expiry.Stop()
	look := time.NewTicker(lookPeriod)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-expiry.C:
			klog.InfoS("An agent's certificate has expired", "certificate", i.name)
			return status.Error(codes.Unauthenticated, "the agent's certificate has expired")
		case <-look.C:
			if err := r.judge(i.name); err != nil {
				klog.ErrorS(err, "An agent is disconnected", "certificate", i.name)
				return err
			}
		}
	}
}

// knownStream is a stream whose agent says what its certificate confirms.
type knownStream struct {
	grpc.ServerStream
	context context.Context //nolint:containedctx // grpc asks a stream for it
}

func (s *knownStream) Context() context.Context { return s.context }
