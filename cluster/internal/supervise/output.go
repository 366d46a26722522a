package supervise

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"regexp"
	"sync"
)

// maxLine is where a longer line of output is cut in two.
const maxLine = 16 << 10

// headers are how components begin a line: with its severity, and a time that
// would be there twice. The rest is what they say.
var headers = []*regexp.Regexp{
	// Kubernetes' klog: the rest begins with the place in the source.
	regexp.MustCompile(`^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (.*)$`),
	// kine's logrus.
	regexp.MustCompile(`^(DEBU|INFO|WARN|ERRO|FATA)\[[^\]]*\] (.*?) *$`),
	// etcd's zap.
	regexp.MustCompile(`^\{"level":"(info|warn|error|fatal)","ts":"[^"]*",(.*)\}$`),
}

// colours are what kine sends to its terminal, whether there is one or not.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// output is what a process prints, line by line, into the log.
type output struct {
	log *slog.Logger

	mu sync.Mutex
	// last is the last line, which mostly says why a process ended.
	last string
}

func (o *output) read(from io.Reader) {
	lines := bufio.NewReaderSize(from, maxLine)
	for {
		line, _, err := lines.ReadLine()
		if len(line) > 0 {
			level, message := parseLine(string(line))
			o.mu.Lock()
			o.last = message
			o.mu.Unlock()
			o.log.Log(context.Background(), level, message)
		}
		if err != nil {
			return
		}
	}
}

func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// parseLine finds the severity of a line and what it says.
func parseLine(line string) (slog.Level, string) {
	line = colours.ReplaceAllString(line, "")
	for _, header := range headers {
		if match := header.FindStringSubmatch(line); match != nil {
			return levelOf(match[1]), match[2]
		}
	}
	return slog.LevelInfo, line
}

func levelOf(severity string) slog.Level {
	switch severity[:1] {
	case "D":
		return slog.LevelDebug
	case "W", "w":
		return slog.LevelWarn
	case "E", "F", "e", "f":
		return slog.LevelError
	}
	return slog.LevelInfo
}
