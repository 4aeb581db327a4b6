package pipeline

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the process when we die without having had the time to.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
