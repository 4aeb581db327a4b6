package render

import "os/exec"

// shell runs a command line as the shell reads it: PAGER may have options.
func shell(line string) *exec.Cmd { return exec.Command("cmd", "/c", line) }
