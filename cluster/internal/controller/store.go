package controller

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// firstKey is written by the API server when a cluster begins, and never removed.
const firstKey = "/registry/namespaces/kube-system"

// store is a client of what keeps the state: kine or etcd.
type store struct {
	endpoint string
	tls      func() (*tls.Config, error)
}

// has asks whether a key is there. Every call connects anew: the server may
// have been started again, with other certificates.
func (s store) has(ctx context.Context, key string) (bool, error) {
	config := clientv3.Config{Endpoints: []string{s.endpoint}, Context: ctx, Logger: zap.NewNop()}
	if s.tls != nil {
		var err error
		if config.TLS, err = s.tls(); err != nil {
			return false, err
		}
	}
	client, err := clientv3.New(config)
	if err != nil {
		return false, fmt.Errorf("connect to the store at %s: %w", s.endpoint, err)
	}
	defer client.Close()
	response, err := client.Get(ctx, key)
	if err != nil {
		return false, fmt.Errorf("read from the store at %s: %w", s.endpoint, err)
	}
	return len(response.Kvs) > 0, nil
}

// probe reads a key, which needs the database behind the store.
func (s store) probe(ctx context.Context) error {
	if socket, ok := strings.CutPrefix(s.endpoint, "unix://"); ok {
		if _, err := os.Stat(socket); err != nil {
			return err // the client would wait a second before it looks again
		}
	}
	const patience = 5 * time.Second
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := s.has(asking, firstKey)
	return err
}
