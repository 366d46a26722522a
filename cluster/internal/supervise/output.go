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

// klogHeader begins a line of Kubernetes' logs: severity and date, time and
// thread. The rest of the line begins with the place in the source.
var klogHeader = regexp.MustCompile(`^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (.*)$`)

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

// parseLine finds the severity of a line. Only klog's lines tell it in the
// same way always; their time would be there twice and is left out.
func parseLine(line string) (slog.Level, string) {
	match := klogHeader.FindStringSubmatch(line)
	if match == nil {
		return slog.LevelInfo, line
	}
	switch match[1] {
	case "W":
		return slog.LevelWarn, match[2]
	case "E", "F":
		return slog.LevelError, match[2]
	}
	return slog.LevelInfo, match[2]
}
