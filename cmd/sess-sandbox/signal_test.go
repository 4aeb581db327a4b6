//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"sess/lib/cli"
)

// The command gets the signal, and its end is ours.
func TestSignalsGoToTheCommand(t *testing.T) {
	reader, writer := io.Pipe()
	ended := make(chan int)
	go func() {
		ended <- tool.Run(t.Context(), []string{"run", self(t), "as-command", "sleep"},
			cli.Streams{In: strings.NewReader(""), Out: writer, Err: io.Discard, Environ: os.Environ()})
		writer.Close()
	}()
	if _, err := io.ReadFull(reader, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	if status := <-ended; status != 143 {
		t.Errorf("status %d, want 143", status)
	}
}

func TestSignalledCommandsStatus(t *testing.T) {
	var out bytes.Buffer
	status := tool.Run(t.Context(), []string{"run", "sh", "-c", "kill -9 $$"}, cli.Streams{In: strings.NewReader(""), Out: &out, Err: io.Discard, Environ: os.Environ()})
	if status != 137 {
		t.Errorf("status %d, want 137", status)
	}
}
