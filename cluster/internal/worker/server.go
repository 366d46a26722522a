package worker

import (
	"context"
	"encoding/json"
	"fmt"

	apiversion "k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes"

	"kedge/internal/layout"
)

// ServerVersion asks the API server that the node in places belongs to for its version.
func ServerVersion(ctx context.Context, places layout.Layout) (string, error) {
	is, err := readIdentity(places, "")
	if err != nil {
		return "", err
	}
	client, err := kubernetes.NewForConfig(is.config)
	if err != nil {
		return "", fmt.Errorf("make a client of the API server: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, patienceWhenKnown)
	defer stop()
	content, err := client.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx).Raw()
	if err != nil {
		return "", fmt.Errorf("ask the API server for its version: %w", err)
	}
	var told apiversion.Info
	if err := json.Unmarshal(content, &told); err != nil {
		return "", fmt.Errorf("read the API server's version: %w", err)
	}
	return told.GitVersion, nil
}
