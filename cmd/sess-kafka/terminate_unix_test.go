//go:build unix

package main

import (
	"os/exec"
	"syscall"
	"testing"
)

func terminate(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
}
