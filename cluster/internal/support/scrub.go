// Package support makes an archive of what somebody needs who shall help, and
// of nothing that lets him in.
package support

import "regexp"

// hidden stands where something was that nobody else may know.
const hidden = "(hidden)"

// scrubber finds a form of secret; replace is as in regexp.Expand.
type scrubber struct {
	form    *regexp.Regexp
	replace string
}

// scrubbers know secrets by their form, wherever they are. Nothing with a secret
// is collected on purpose: they are for what a user or a component wrote
// somewhere.
func scrubbers() []scrubber {
	return []scrubber{
		{regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\z)`), hidden},
		// The password of a URL or of a data source.
		{regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@'"]*):[^\s'"]*@`), "${1}:" + hidden + "@"},
		{regexp.MustCompile(`\b[a-z0-9]{6}\.[a-z0-9]{16}\b`), hidden},                                                   // bootstrap token
		{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`), hidden},                          // JSON web token
		{regexp.MustCompile(`\bH4sI[A-Za-z0-9+/=]{40,}`), hidden},                                                       // join token
		{regexp.MustCompile(`(?i)((?:client-key|certificate-key)-data"?\s*[:=]\s*"?)[A-Za-z0-9+/=]+`), "${1}" + hidden}, // kubeconfig
		{regexp.MustCompile(`(?i)(["']?[\w.-]*(?:password|passwd|secret|token|api-?key)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s,;}]+)`), "${1}" + hidden},
		{regexp.MustCompile(`(?i)(\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}`), "${1}" + hidden},
	}
}

// Scrub takes out whatever has the form of a secret.
func Scrub(text []byte) []byte {
	for _, s := range scrubbers() {
		text = s.form.ReplaceAll(text, []byte(s.replace))
	}
	return text
}
