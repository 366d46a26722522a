package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"kedge/internal/multicall"
	"kedge/internal/words"
)

// ownWords are kedge's own commands, as somebody may misspell them.
func ownWords() []string {
	own := []string{"version", "payload", "sysinfo", "config", "airgap", "help", "completion"}
	for _, command := range slices.Concat(controllerCommands(Env{}), workerCommands(Env{}), machineCommands(Env{}), accessCommands(Env{})) {
		own = append(own, command.Name())
	}
	return own
}

// isKnown also knows the words by which a shell asks for completions.
func isKnown(table multicall.Table, word string) bool {
	if _, ok := table.Lookup(word); ok {
		return true
	}
	return slices.Contains(ownWords(), word) || word == cobra.ShellCompRequestCmd || word == cobra.ShellCompNoDescRequestCmd
}

func unknownWord(table multicall.Table, word string) error {
	known := ownWords()
	for _, program := range table.Programs() {
		known = append(known, program.Name)
	}
	hint := "See 'kedge --help' for all components and commands."
	if name, ok := words.Nearest(word, known); ok {
		hint = fmt.Sprintf("Did you mean '%s'? %s", name, hint)
	}
	return &usageError{problem: fmt.Sprintf("unknown component or command %q", word), hint: hint}
}
