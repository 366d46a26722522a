package networkpolicy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"kedge/internal/policy"
	"kedge/internal/version"
)

const (
	// readTimeout bounds how long a probe may take to send its request.
	readTimeout = 5 * time.Second
	// shutdownTimeout is for probes that are under way when the process ends.
	shutdownTimeout = 3 * time.Second
)

// serve enforces policies until ctx ends, which is no error.
func serve(ctx context.Context, opts options, log *slog.Logger) error {
	client, err := connect(opts.kubeconfig)
	if err != nil {
		return err
	}
	tables, err := policy.OpenTables(os.DirFS("/"))
	if err != nil {
		return err
	}
	enforcer, err := policy.New(policy.Options{Node: opts.node, Client: client, Tables: tables, Resync: opts.syncPeriod, Log: log})
	if err != nil {
		return err
	}
	var background sync.WaitGroup
	defer background.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if opts.healthz != "" {
		listener, err := net.Listen("tcp", opts.healthz)
		if err != nil {
			return fmt.Errorf("--healthz-bind-address: %w", err)
		}
		background.Go(func() { answerProbes(ctx, listener, enforcer.Ready, log) })
	}
	enforcer.Run(ctx)
	return nil
}

func connect(kubeconfig string) (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("--kubeconfig: %w", err)
	}
	config.UserAgent = "kedge-network-policy/" + version.Current().Version
	// Half the memory and time of JSON for the first list of pods.
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	return kubernetes.NewForConfig(config)
}

// answerProbes answers /healthz as long as the process lives, and /readyz while
// the rules are what they shall be.
func answerProbes(ctx context.Context, listener net.Listener, ready func() error, log *slog.Logger) {
	server := &http.Server{Handler: probes(ready), ReadHeaderTimeout: readTimeout}
	ended := context.AfterFunc(ctx, func() {
		patience, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := server.Shutdown(patience); err != nil {
			log.Warn("could not end the health server in order", "error", err)
		}
	})
	defer ended()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error("the health server ended", "error", err)
	}
}

func probes(ready func() error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, name+" is running")
	})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, name+" is ready")
	})
	return mux
}
