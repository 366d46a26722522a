package supervise

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"regexp"
)

// maxLine is where a longer line of output is cut in two.
const maxLine = 16 << 10

// klogHeader begins a line of Kubernetes' logs: severity and date, time and
// thread. The rest of the line begins with the place in the source.
var klogHeader = regexp.MustCompile(`^([IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (.*)$`)

// logLines writes every line of a process' output to the log.
func logLines(log *slog.Logger) func(io.Reader) {
	return func(output io.Reader) {
		lines := bufio.NewReaderSize(output, maxLine)
		for {
			line, _, err := lines.ReadLine()
			if len(line) > 0 {
				level, message := parseLine(string(line))
				log.Log(context.Background(), level, message)
			}
			if err != nil {
				return
			}
		}
	}
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
