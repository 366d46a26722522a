package worker

import (
	"kedge/internal/nodecert"
	"kedge/internal/status"
)

// Status tells of the node what its components do not.
func (w *Worker) Status() *status.Node {
	node := &status.Node{Direct: w.current().Direct}
	if running := w.asked.Load(); running != nil {
		now, seen := running.Now(), running.Seen()
		node.Contact, node.Since, node.Problem = now.Answers, now.Since, now.Problem
		node.Seen = status.Seen{Objects: seen.Objects, Lost: seen.Lost}
		if seen.Problem != nil {
			node.Seen.Problem = seen.Problem.Error()
		}
	}
	for _, name := range w.wantedCertificates() {
		if is, err := nodecert.Load(w.Layout.NodeCertificate(name)); err == nil {
			node.Certificates = append(node.Certificates, status.Certificate{Name: name, Ends: is.NotAfter})
		}
	}
	return node
}
